"""One node of an EVM network: questions of ours, answers of exact types.

Every method raises as `JsonRpc.ask` does; what does not fit the question is `NodeLies`.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

from nonstopay.connectors.crypto import evm_traffic
from nonstopay.connectors.crypto import evm_words as words
from nonstopay.connectors.crypto.evm_address import keccak256, spell
from nonstopay.connectors.crypto.evm_traffic import Move
from nonstopay.connectors.crypto.evm_words import Block, Fees, Receipt, Transfer
from nonstopay.connectors.crypto.json_rpc import Call, JsonRpc, NodeLies, NodeRefuses

T = TypeVar("T")
Tag = str
"""`latest`, `safe` or `finalized`."""

FEE_BLOCKS = 10
FEE_PERCENTILE = 50
ADDRESSES_MAX = 1000
"""What nodes take in one place of a filter (geth's default)."""
_TOO_MUCH = re.compile(
    r"more than \d+ results|max results|too many (results|logs|blocks)|response size|block range"
    r"|range (is )?too|blocks? (are|is) not supported|exceeds? (the )?(max|limit)|limit exceeded"
    r"|number of requested blocks|query timeout",
    re.IGNORECASE,
)
"""How nodes and their vendors say that a range of blocks holds too much for one answer."""
_KNOWN_ALREADY = re.compile(r"already known|known transaction|already imported", re.IGNORECASE)


class EvmNode:
    """A node, asked by JSON-RPC."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc

    @property
    def name(self) -> str:
        return self._rpc.name

    async def chain_id(self) -> int:
        return self._read(words.quantity, await self._rpc.ask("eth_chainId"))

    async def head(self) -> int:
        """The number of the newest block."""
        return self._read(words.quantity, await self._rpc.ask("eth_blockNumber"))

    async def block(self, which: int | Tag) -> Block | None:
        """A block by its number or a tag; `None` if there is none (yet).

        A node that does not know the tag `finalized` refuses.
        """
        told = await self._rpc.ask("eth_getBlockByNumber", _position(which), False)
        if told is None:
            return None
        found = self._read(words.block, told)
        if isinstance(which, int) and found.number != which:
            raise NodeLies(self.name, f"asked for block {which}, it gave {found.number}")
        return found

    async def blocks(self, first: int, last: int) -> list[Block]:
        """The blocks from `first` to `last`, each the parent of the next.

        Raises:
            NodeLies: one is missing, or they are no chain; also where the chain changed meanwhile.
        """
        numbers = range(first, last + 1)
        told = await self._rpc.ask_all(
            [Call("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
        )
        found = [self._read(words.block, one) for one in told]
        if [one.number for one in found] != list(numbers):
            raise NodeLies(self.name, f"blocks {first} to {last} came with other numbers")
        if any(b.parent_hash != a.hash for a, b in pairwise(found)):
            raise NodeLies(self.name, f"blocks {first} to {last} are no chain")
        return found

    async def transfers(
        self, contracts: Sequence[str], first: int, last: int, receivers: Sequence[str] = ()
    ) -> list[Transfer]:
        """What ERC-20 contracts logged from block `first` to `last`, in the chain's order.

        A range that holds too much for one answer is asked for in halves, down to a single block.

        Args:
            receivers: only transfers to these, at most a thousand; none given: to anybody.
        """
        if len(receivers) > ADDRESSES_MAX:
            raise ValueError(f"at most {ADDRESSES_MAX} receivers")
        try:
            return await self._transfers(contracts, first, last, receivers)
        except NodeRefuses as refusal:
            if first == last or not _TOO_MUCH.search(refusal.words):
                raise
        middle = (first + last) // 2
        return [
            *await self.transfers(contracts, first, middle, receivers),
            *await self.transfers(contracts, middle + 1, last, receivers),
        ]

    async def transfers_in(self, contracts: Sequence[str], block_hash: str) -> list[Transfer]:
        """What they logged in exactly this block, which a reorganisation may have left behind."""
        question = {"address": list(contracts), "topics": [words.TRANSFER], "blockHash": block_hash}
        found = await self._logs(contracts, question)
        if any(one.block_hash != block_hash for one in found):
            raise NodeLies(self.name, "logs of another block than asked for")
        return found

    async def moves(self, hashes: Sequence[str]) -> list[list[Move]]:
        """What moved in each of these very blocks: transfers of any contract, and the native coin.

        A transaction that failed is among them: its receipt says so.
        """
        questions = [{"topics": [words.TRANSFER], "blockHash": one} for one in hashes]
        told = await self._rpc.ask_all(
            [Call("eth_getLogs", (question,)) for question in questions]
            + [Call("eth_getBlockByHash", (one, True)) for one in hashes]
        )
        both = zip(hashes, told[: len(hashes)], told[len(hashes) :], strict=True)
        return [
            self._read(partial(_moves, block_hash=one), (logs, block)) for one, logs, block in both
        ]

    async def moves_of(self, transaction: str) -> tuple[Receipt, list[Move]] | None:
        """What a transaction moved, by its receipt and itself; `None` while it is in no block."""
        receipt, sent = await self._rpc.ask_all(
            [
                Call("eth_getTransactionReceipt", (transaction,)),
                Call("eth_getTransactionByHash", (transaction,)),
            ]
        )
        if receipt is None or sent is None or sent.get("blockHash") is None:
            return None
        found = self._read(words.receipt, receipt)
        if found.transaction != transaction or sent.get("hash") != transaction:
            raise NodeLies(self.name, "another transaction than asked for")
        return found, self._read(
            partial(_moves, block_hash=found.block_hash),
            (receipt["logs"], {"hash": found.block_hash, "transactions": [sent]}),
        )

    async def receipt(self, transaction: str) -> Receipt | None:
        """What became of a transaction; `None` while it is in no block."""
        told = await self._rpc.ask("eth_getTransactionReceipt", transaction)
        if told is None:
            return None
        found = self._read(words.receipt, told)
        if found.transaction != transaction:
            raise NodeLies(self.name, "the receipt of another transaction")
        return found

    async def balance(self, address: str, at: int | Tag = "latest") -> int:
        """Of the native coin, in wei."""
        told = await self._rpc.ask("eth_getBalance", address, _position(at))
        return self._read(words.quantity, told)

    async def token_balance(self, contract: str, address: str, at: int | Tag = "latest") -> int:
        """Of a token, in its smallest unit."""
        told = await self.call(contract, words.BALANCE_OF + words.argument(address), at)
        return self._read(words.number_in, told)

    async def decimals(self, contract: str) -> int:
        """Of a token, as its contract says."""
        return self._read(words.number_in, await self.call(contract, words.DECIMALS))

    async def call(self, contract: str, call_data: str, at: int | Tag = "latest") -> str:
        """Run a function of a contract without a transaction; what it returned, in hexadecimal."""
        told = await self._rpc.ask("eth_call", {"to": contract, "data": call_data}, _position(at))
        return "0x" + self._read(words.data, told).hex()

    async def nonce(self, address: str, at: Tag = "pending") -> int:
        """How many transactions an account has sent."""
        return self._read(
            words.quantity, await self._rpc.ask("eth_getTransactionCount", address, at)
        )

    async def fees(self) -> Fees:
        """What to offer now: the next block's base fee, and the middle of recent tips."""
        told = await self._rpc.ask("eth_feeHistory", hex(FEE_BLOCKS), "latest", [FEE_PERCENTILE])
        return self._read(_fees, told)

    async def send(self, raw: bytes) -> str:
        """Hand a signed transaction in; its hash. To send the same bytes again does no harm.

        Raises:
            NodeSilent: it may be on its way nevertheless: ask for its receipt, or send it again.
        """
        transaction = "0x" + keccak256(raw).hex()
        try:
            told = await self._rpc.ask("eth_sendRawTransaction", "0x" + raw.hex())
        except NodeRefuses as refusal:
            if _KNOWN_ALREADY.search(refusal.words):
                return transaction
            raise
        if told != transaction:
            raise NodeLies(self.name, "it says another hash than the transaction has")
        return transaction

    async def _transfers(
        self, contracts: Sequence[str], first: int, last: int, receivers: Sequence[str]
    ) -> list[Transfer]:
        topics: list[Any] = [words.TRANSFER]
        if receivers:
            topics += [None, ["0x" + words.argument(one) for one in receivers]]
        question = {
            "address": list(contracts),
            "topics": topics,
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        found = await self._logs(contracts, question)
        wanted = set(receivers)
        if any(not first <= one.block_number <= last for one in found):
            raise NodeLies(self.name, "logs of other blocks than asked for")
        if wanted and any(one.receiver not in wanted for one in found):
            raise NodeLies(self.name, "logs for other receivers than asked for")
        return found

    async def _logs(self, contracts: Sequence[str], question: dict[str, Any]) -> list[Transfer]:
        """Transfers of these contracts. A node that slips in another's log would forge money."""
        if not contracts:
            return []
        told = await self._rpc.ask("eth_getLogs", question)
        if not isinstance(told, list):
            raise NodeLies(self.name, "logs that are no list")
        read = (self._read(words.transfer, one) for one in told)
        found = [one for one in read if one is not None]
        allowed = {spell(bytes.fromhex(one[2:])) for one in contracts}
        if any(one.contract not in allowed for one in found):
            raise NodeLies(self.name, "logs of other contracts than asked for")
        return sorted(found, key=lambda one: (one.block_number, one.log_index))

    def _read(self, form: Callable[[Any], T], told: Any) -> T:
        try:
            return form(told)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            name = getattr(form, "__name__", "a block's traffic")
            raise NodeLies(self.name, f"an answer of another shape than {name}") from None


def _moves(told: Any, block_hash: str) -> list[Move]:
    logs, block = told
    if block["hash"] != block_hash:
        raise ValueError("another block")
    return [
        *evm_traffic.sendings(block["transactions"], block_hash),
        *evm_traffic.transfers(logs, block_hash),
    ]


def _position(which: int | Tag) -> str:
    return hex(which) if isinstance(which, int) else which


def _fees(told: Any) -> Fees:
    tips = sorted(words.quantity(rewards[0]) for rewards in told["reward"] or [])
    base_fee = words.quantity(told["baseFeePerGas"][-1])
    return Fees(base_fee, tips[len(tips) // 2] if tips else 0)
