"""Where reading a network begins: at its newest block, or at the first that an address could be paid in."""

from datetime import datetime, timedelta

from nonstopay import clock
from nonstopay.business.deposits import records
from nonstopay.business.deposits.chains import family_of
from nonstopay.business.deposits.watch import records as watching
from nonstopay.connectors.crypto.reader import Head, Reader
from nonstopay.store.db import Database

MARGIN = timedelta(hours=3)
"""How wrong a block's time may be: its maker says it."""
BELOW = 64
"""Blocks below the first that are known, in case they are replaced."""


async def begin(db: Database, reader: Reader, head: Head) -> None:
    """Write the network's cursor."""
    async with db.reading() as conn:
        oldest = await records.oldest_address_at(conn, family_of(reader.network))
    start = head.number
    if oldest is not None:
        start = await _first_since(reader, oldest - clock.offset() - MARGIN, head)
    below = await reader.heads(max(0, start - BELOW), start - 1) if start else []
    async with db.transaction() as tx:
        now = clock.now() - clock.offset()
        await watching.begin(tx, reader.network.name, start, below, now)


async def _first_since(reader: Reader, since: datetime, head: Head) -> int:
    """The first block of this time or later, by halves; the newest if there is none."""
    low, high = 0, head.number
    while low < high:
        middle = (low + high) // 2
        (block,) = await reader.heads(middle, middle)
        if block.timestamp < since.timestamp():
            low = middle + 1
        else:
            high = middle
    return low
