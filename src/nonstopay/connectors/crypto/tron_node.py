"""One node of TRON, asked in Ethereum's words where it has them.

What differs: addresses come without TRON's first byte 0x41, a block's hash begins with its number, times
are milliseconds outside of JSON-RPC. What a transaction says that it sends is not read at all: it stands
there for TRX and for tokens of the old kind (TRC-10) alike, so that anybody could send a worthless one for
TRX. Tokens count by their contract's log, as on Ethereum.

Sources: tronprotocol.github.io/documentation-en, "JSON-RPC API" and "HTTP API"; how a hash is made:
java-tron, `BlockCapsule.BlockId`. Every method raises as `JsonRpc.ask` does.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from nonstopay.connectors.crypto import evm_traffic, tron_address
from nonstopay.connectors.crypto import evm_words as words
from nonstopay.connectors.crypto.evm_node import EvmNode, Tag
from nonstopay.connectors.crypto.evm_traffic import Move
from nonstopay.connectors.crypto.evm_words import Block, Receipt
from nonstopay.connectors.crypto.json_rpc import Call, JsonRpc, NodeLies, NodeRefuses, NodeSilent
from nonstopay.connectors.http import NoAnswer, ProviderHttp

SOLID = "finalized"
_KEY = "TRON-PRO-API-KEY"
_JSON_RPC = "/jsonrpc"
_SOLID_BLOCK = "/walletsolidity/getnowblock"
_NUMBER_LENGTH = 8


class TronNode(EvmNode):
    """A node.

    Args:
        url: of its JSON-RPC, `https://KEY@api.trongrid.io/jsonrpc`; its HTTP API is looked for beside
            that. TronGrid wants its key in a header, where the user of the URL is sent.
    """

    def __init__(self, http: ProviderHttp, url: str, name: str) -> None:
        self._url, self._headers = _without_key(url)
        super().__init__(JsonRpc(http, self._url, name, self._headers))
        self._http = http

    async def block(self, which: int | Tag) -> Block | None:
        """As on Ethereum. Older nodes do not know the tag for the newest solid block."""
        try:
            found = await super().block(which)
        except NodeRefuses:
            if which != SOLID or not self._url.endswith(_JSON_RPC):
                raise
            found = await self._solid_block()
        if found is not None:
            self._require_own_number(found)
        return found

    async def blocks(self, first: int, last: int) -> list[Block]:
        found = await super().blocks(first, last)
        for one in found:
            self._require_own_number(one)
        return found

    async def moves(self, hashes: Sequence[str]) -> list[list[Move]]:
        """What tokens moved in each of these very blocks."""
        questions = [{"topics": [words.TRANSFER], "blockHash": one} for one in hashes]
        told = await self._rpc.ask_all([Call("eth_getLogs", (one,)) for one in questions])
        return [
            self._read(partial(evm_traffic.transfers, block_hash=one), logs)
            for one, logs in zip(hashes, told, strict=True)
        ]

    async def moves_of(self, transaction: str) -> tuple[Receipt, list[Move]] | None:
        """What tokens a transaction moved; `None` while it is in no block."""
        told = await self._rpc.ask("eth_getTransactionReceipt", transaction)
        if told is None:
            return None
        found = self._read(words.receipt, told)
        if found.transaction != transaction:
            raise NodeLies(self.name, "the receipt of another transaction")
        form = partial(evm_traffic.transfers, block_hash=found.block_hash)
        return found, self._read(form, told.get("logs"))

    async def call(self, contract: str, call_data: str, at: int | Tag = "latest") -> str:
        """As on Ethereum, of a contract spelt as TRON does."""
        return await super().call("0x" + tron_address.digits(contract), call_data, at)

    async def _solid_block(self) -> Block:
        url = self._url.removesuffix(_JSON_RPC) + _SOLID_BLOCK
        answer = await self._http.call("POST", url, headers=self._headers, json={})
        if isinstance(answer, NoAnswer):
            raise NodeSilent(self.name, answer.problem)
        if answer.status != 200:
            raise NodeSilent(self.name, f"status {answer.status} for its solid block")
        return self._read(_block, answer.json())

    def _require_own_number(self, block: Block) -> None:
        if words.data(block.hash)[:_NUMBER_LENGTH] != block.number.to_bytes(_NUMBER_LENGTH):
            raise NodeLies(self.name, f"a block {block.number} whose hash is of another number")


def _without_key(url: str) -> tuple[str, dict[str, str]]:
    """The URL without its user, and the headers that name him."""
    parts = urlsplit(url)
    if not parts.username or parts.password:
        return url, {}
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return bare, {_KEY: unquote(parts.username)}


def _block(told: Any) -> Block:
    """A block as the HTTP API tells of it."""
    header = told["block_header"]["raw_data"]
    number, milliseconds = header["number"], header["timestamp"]
    if type(number) is not int or type(milliseconds) is not int:
        raise ValueError("no numbers")
    return Block(
        number=number,
        hash=words.hash_of("0x" + told["blockID"]),
        parent_hash=words.hash_of("0x" + header["parentHash"]),
        timestamp=milliseconds // 1000,
        base_fee=None,
    )
