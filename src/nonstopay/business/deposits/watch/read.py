"""Reading what is new of a chain: from where it still is what we know, as far as it goes.

Each block is read twice, when it is new and again a few blocks later, since a node may know a block before
it has its logs. Where the chain does not go on from what we know, it was replaced: then we go back until
it does.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from nonstopay.business.deposits import records
from nonstopay.business.deposits.chains import family_of
from nonstopay.business.deposits.watch import records as watching
from nonstopay.business.deposits.watch.cursor import Cursor
from nonstopay.connectors.crypto.reader import Head, Incoming, Reader
from nonstopay.errors import ProviderUnavailable
from nonstopay.store.db import Database

OVERLAP = 3
"""How many blocks later a block is read again."""
FURTHER = 4
"""Times as far back at every step, where the chain was replaced."""


class ChainReplaced(ProviderUnavailable):
    """The chain has nothing in common with what we know of it: a person must look."""

    code = "chain_replaced"


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of the chain, and what came to us in it.

    Attributes:
        blocks: in order; the one before them is known to us.
        read_from: the first block whose contents were read.
        was_replaced: blocks that we knew are not among them.
    """

    blocks: list[Head]
    read_from: int
    incoming: list[Incoming]
    was_replaced: bool

    @property
    def first(self) -> int:
        return self.blocks[0].number

    @property
    def last(self) -> Head:
        return self.blocks[-1]


async def read(db: Database, reader: Reader, cursor: Cursor, head: Head, span: int) -> Found | None:
    """The next blocks; `None` if there is nothing new, or the node has fallen behind.

    Args:
        span: how many new blocks at most, and of how many the contents are asked for at once.

    Raises:
        NodeTrouble: as the reader.
        ChainReplaced: see there.
    """
    newest = min(head.number, cursor.number)
    async with db.reading() as conn:
        there = (await watching.hashes(conn, cursor.network, newest, newest)).get(newest)
        if head.number <= cursor.number and there in (None, head.hash):
            return None
        known = await watching.hashes(conn, cursor.network, 0, cursor.number)
    blocks = await _blocks(reader, known, newest, min(head.number, cursor.number + span), span)
    again = range(max(cursor.start, cursor.number - OVERLAP + 1), blocks[-1].number - OVERLAP + 1)
    fresh = [one for one in blocks if known.get(one.number) != one.hash or one.number in again]
    if not fresh:
        return None  # the chain changed its mind while we looked
    family = family_of(reader.network)

    async def watched(addresses: Iterable[str]) -> set[str]:
        return await records.known(db, family, list(addresses))

    incoming: list[Incoming] = []
    for at in range(0, len(fresh), span):
        incoming += await reader.incoming(fresh[at : at + span], watched)
    was_replaced = blocks[-1].number < cursor.number or any(
        known.get(one.number, one.hash) != one.hash for one in blocks
    )
    return Found(blocks, fresh[0].number, incoming, was_replaced)


async def _blocks(
    reader: Reader, known: dict[int, str], newest: int, last: int, span: int
) -> list[Head]:
    """The blocks up to `last`, from where they follow one that we know."""
    floor = min(known) + 1 if known else 0
    reach = min(OVERLAP, span - 1)
    while True:
        first = max(floor, newest - reach + 1)
        blocks = await reader.heads(first, last) if first <= last else []
        if blocks and (first == 0 or known.get(first - 1) == blocks[0].parent_hash):
            return blocks
        if first == floor:
            name = reader.network.name
            raise ChainReplaced(f"{name}: nothing is as we know it, back to block {floor - 1}")
        reach = max(reach, 1) * FURTHER
