"""One node of Bitcoin or its kin: Bitcoin Core's JSON-RPC, of which Litecoin Core has the same.

Its user and password stand in the URL, `http://user:password@host:9332`. Needs no wallet and no index
there; a pruned node does, as long as it has the blocks since our last look. What waits in its mempool is
never asked for: it is no payment.

Source: developer.bitcoin.org/reference/rpc. Every method raises as `JsonRpc.ask` does.
"""

import asyncio
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from nonstopay.connectors.crypto.json_rpc import Call, JsonRpc, NodeLies, NodeRefuses
from nonstopay.connectors.crypto.reader import Head
from nonstopay.connectors.crypto.utxo_block import Transaction, read_header, read_transactions

LIMIT_SECONDS = 60.0
ANSWER_MAX = 32 << 20
"""A full block, twice as long in hexadecimal, is eight million characters; Litecoin's have a part more."""
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RAW = 0
_NO_SUCH_HEIGHT = -8


class UtxoNode:
    """A node. Its `JsonRpc` must allow for answers of `ANSWER_MAX` bytes in `LIMIT_SECONDS`."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc

    @property
    def name(self) -> str:
        return self._rpc.name

    async def height(self) -> int:
        """The number of the newest block."""
        told = await self._ask("getblockcount")
        if type(told) is not int or told < 0:
            raise NodeLies(self.name, "a height that is no number")
        return told

    async def hash_at(self, number: int) -> str | None:
        """The hash of the block with this number; `None` where the node has none (yet)."""
        try:
            return self._hash(await self._ask("getblockhash", number))
        except NodeRefuses as refusal:
            if refusal.number == _NO_SUCH_HEIGHT:
                return None
            raise

    async def heads(self, first: int, last: int) -> list[Head]:
        """The headers from `first` to `last`, each the parent of the next, each with its own hash.

        Raises:
            NodeLies: they are no chain; also where the chain changed meanwhile.
        """
        numbers = range(first, last + 1)
        told = await self._rpc.ask_all([Call("getblockhash", (number,)) for number in numbers])
        hashes = [self._hash(one) for one in told]
        raw = await self._rpc.ask_all([Call("getblockheader", (hash_, False)) for hash_ in hashes])
        found = [self._head(*one) for one in zip(raw, numbers, hashes, strict=True)]
        if any(later.parent_hash != earlier.hash for earlier, later in pairwise(found)):
            raise NodeLies(self.name, f"blocks {first} to {last} are no chain")
        return found

    async def transactions(self, block_hash: str) -> Sequence[Transaction]:
        """What is in exactly this block, which a reorganisation may have left behind."""
        raw = self._bytes(await self._ask("getblock", block_hash, _RAW))
        try:
            return await asyncio.to_thread(read_transactions, raw, block_hash)
        except ValueError as wrong:
            raise NodeLies(self.name, f"block {block_hash}: {wrong}") from None

    async def _ask(self, method: str, *parameters: Any) -> Any:
        """A batch of one: a single question is refused with status 500, as by a broken gateway."""
        (told,) = await self._rpc.ask_all([Call(method, parameters)])
        return told

    def _head(self, raw: Any, number: int, hash_: str) -> Head:
        try:
            head = read_header(self._bytes(raw), number)
        except ValueError:
            raise NodeLies(self.name, "a header of another shape") from None
        if head.hash != hash_:
            raise NodeLies(self.name, f"the header of another block than {hash_}")
        return head

    def _hash(self, told: Any) -> str:
        if not isinstance(told, str) or not _HASH.fullmatch(told):
            raise NodeLies(self.name, "a hash that is none")
        return told

    def _bytes(self, told: Any) -> bytes:
        try:
            return bytes.fromhex(told)
        except (TypeError, ValueError):
            raise NodeLies(self.name, "bytes that are none") from None
