"""Whether the chains are being watched."""

from collections.abc import Iterable

from nonstopay import clock
from nonstopay.business.deposits.watch import records
from nonstopay.store.db import Database

LAG_MAX = 3
"""Blocks that may be unread for a network to count as read up to now."""


async def caught_up(db: Database, networks: Iterable[str]) -> dict[str, bool]:
    """For each of these networks, whether all but its very newest blocks were read."""
    async with db.reading() as conn:
        cursors = {one.network: one for one in await records.cursors(conn)}
    now = clock.now() - clock.offset()
    return {
        name: name in cursors and cursors[name].is_alive(now) and cursors[name].lag <= LAG_MAX
        for name in networks
    }


async def alive(db: Database, networks: Iterable[str]) -> dict[str, bool]:
    """For each of these networks, whether somebody reads it and it answers."""
    async with db.reading() as conn:
        cursors = {one.network: one for one in await records.cursors(conn)}
    now = clock.now() - clock.offset()
    return {name: name in cursors and cursors[name].is_alive(now) for name in networks}
