"""An EVM node in Python, for machines that have no anvil: alysis behind JSON-RPC over HTTP.

    python -m nonstopay.sandbox.chain.python_node --port P --chain-id N --state FILE --packages FOLDER

Slower than anvil and with less to it, but a real EVM with real blocks; no production chain should trust it.
Beside what alysis knows it answers what wallets and the sandbox's controls ask for besides. How the
chain came about is written to FILE, a line for each block, so that a restart makes the same blocks again.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from nonstopay.sandbox.chain.python_chain import PythonChain, Refused

GWEI = 10**9
_BODY_MAX = 1 << 22
_INVALID_PARAMETERS = -32602


class Calls:
    """What can be asked of a chain, by JSON-RPC."""

    def __init__(self, chain: PythonChain) -> None:
        self._chain = chain
        self._own: dict[str, Callable[..., Any]] = {
            "eth_sendTransaction": self._send,
            "eth_sendRawTransaction": self._send_raw,
            "eth_getBlockByHash": lambda which, full: self._block(
                "eth_getBlockByHash", which, full
            ),
            "eth_getBlockByNumber": lambda which, full: self._block(
                "eth_getBlockByNumber", which, full
            ),
            "eth_getTransactionByHash": self._transaction,
            "eth_getLogs": self._logs,
            "eth_feeHistory": self._fees,
            "eth_maxPriorityFeePerGas": lambda: hex(GWEI),
            "eth_estimateGas": lambda wish, at="latest": chain.ask("eth_estimateGas", wish, at),
            "anvil_mine": self._mine,
            "anvil_reorg": self._reorg,
        }

    def answer(self, question: Any) -> dict[str, Any]:
        """One answer to one question."""
        head = {"jsonrpc": "2.0", "id": question.get("id")}
        method, parameters = question.get("method"), question.get("params", [])
        try:
            if method in self._own:
                return head | {"result": self._own[method](*parameters)}
            return head | {"result": self._chain.ask(method, *parameters)}
        except Refused as no:
            return head | {"error": {"code": no.number, "message": no.words}}
        except Exception as error:  # alysis and what it stands on raise whatever comes
            words = f"invalid parameters: {type(error).__name__}: {error}"
            return head | {"error": {"code": _INVALID_PARAMETERS, "message": words}}

    def _send(self, wish: dict[str, str]) -> str:
        return self._chain.mine([self._chain.sign(wish)])[0]

    def _send_raw(self, raw: str) -> str:
        return self._chain.mine([bytes.fromhex(raw[2:])])[0]

    def _mine(self, blocks: str) -> None:
        for _ in range(int(blocks, 16)):
            self._chain.mine([])

    def _reorg(self, depth: int, _: list[Any]) -> None:
        self._chain.go_back(depth)
        for _block in range(depth):
            self._chain.mine([])

    def _block(self, method: str, which: str, full: bool) -> Any:
        block = self._chain.ask(method, which, False)
        if block is not None and full:
            block["transactions"] = [self._transaction(one) for one in block["transactions"]]
        return block

    def _transaction(self, hash_: str) -> Any:
        """Alysis cannot tell of one that creates a contract, which goes to nobody; its receipt can."""
        receipt = self._chain.ask("eth_getTransactionReceipt", hash_)
        if receipt is None or receipt["contractAddress"] is None:
            return self._chain.ask("eth_getTransactionByHash", hash_)
        same = ("blockHash", "blockNumber", "transactionIndex", "from", "type")
        nothing = {"hash": hash_, "to": None, "value": "0x0", "input": "0x"}
        return nothing | {name: receipt[name] for name in same}

    def _logs(self, question: dict[str, Any]) -> Any:
        """Alysis wants both ends of a range, and does not take a block's hash."""
        asked = {"fromBlock": "latest", "toBlock": "latest"} | question
        if (block_hash := asked.pop("blockHash", None)) is not None:
            block = self._chain.ask("eth_getBlockByHash", block_hash, False)
            if block is None:
                raise Refused(-32000, "unknown block")
            asked["fromBlock"] = asked["toBlock"] = block["number"]
        return self._chain.ask("eth_getLogs", asked)

    def _fees(self, count: str, newest: str, percentiles: list[int]) -> dict[str, Any]:
        """The base fees of the last blocks; everybody here tips one gwei."""
        last = self._chain.block(newest)
        numbers = range(max(0, last["number"] - int(count, 16) + 1), last["number"] + 1)
        fees = [self._chain.block(hex(number))["baseFeePerGas"] for number in numbers]
        return {
            "oldestBlock": hex(numbers[0]),
            "baseFeePerGas": [*map(hex, fees), hex(fees[-1])],
            "gasUsedRatio": [0] * len(numbers),
            "reward": [[hex(GWEI)] * len(percentiles)] * len(numbers),
        }


def application(chain: PythonChain) -> web.Application:
    """The node over HTTP."""
    calls = Calls(chain)

    async def answer(request: web.Request) -> web.Response:
        told = msgspec.json.decode(await request.read())
        answers = [calls.answer(one) for one in told] if isinstance(told, list) else None
        body = msgspec.json.encode(calls.answer(told) if answers is None else answers)
        return web.Response(body=body, content_type="application/json")

    served = web.Application(client_max_size=_BODY_MAX)
    served.router.add_post("/", answer)
    return served


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chain-id", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--packages", required=True)
    told = parser.parse_args()
    sys.path.append(told.packages)
    chain = PythonChain(told.chain_id, told.state)
    web.run_app(application(chain), host="127.0.0.1", port=told.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
