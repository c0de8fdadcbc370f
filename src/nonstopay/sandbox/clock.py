"""The sandbox's movable clock: one offset in the database, followed by every process."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from nonstopay import clock
from nonstopay.errors import InvalidInput, Unavailable
from nonstopay.store.db import Database

AHEAD_MAX = timedelta(days=3653)
PAUSE_SECONDS = 0.1


async def advance(db: Database, seconds: int) -> datetime:
    """Move the clock of the whole sandbox forward; what is due by then will fire.

    Args:
        seconds: at least 1; at most ten years in all.

    Returns:
        The new present, UTC.

    Raises:
        InvalidInput: not forward, or too far.
    """
    if seconds < 1:
        raise InvalidInput(
            "advance_seconds", "advance_seconds must be at least 1: time only moves on"
        )
    farthest = AHEAD_MAX // timedelta(seconds=1)
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            """INSERT INTO sandbox_clock (ahead_seconds) SELECT $1::bigint WHERE $1::bigint <= $2
               ON CONFLICT (singleton) DO UPDATE
               SET ahead_seconds = sandbox_clock.ahead_seconds + excluded.ahead_seconds
               WHERE sandbox_clock.ahead_seconds + excluded.ahead_seconds <= $2
               RETURNING ahead_seconds""",
            min(seconds, farthest + 1),
            farthest,
        )
    if row is None:
        raise InvalidInput(
            "advance_seconds",
            "the sandbox's clock can stand at most ten years ahead; start a fresh sandbox",
        )
    clock.move_to_offset(timedelta(seconds=row["ahead_seconds"]))
    await asyncio.sleep(2 * PAUSE_SECONDS)  # the other processes follow meanwhile
    return clock.now()


async def step(db: Database) -> None:
    """Bring this process's clock to where the sandbox's stands; it never goes back."""
    row = await db.fetchrow("SELECT ahead_seconds FROM sandbox_clock")
    ahead = timedelta(seconds=row["ahead_seconds"]) if row else timedelta(0)
    if ahead > clock.offset():
        clock.move_to_offset(ahead)


async def catch_up(db: Database) -> None:
    """`step`, for a request that must not be answered in the past; without a database it may be."""
    with suppress(Unavailable):
        await step(db)


async def follow(db: Database) -> None:
    """Keep this process's clock with the sandbox's, a tenth of a second behind, until cancelled."""
    while True:
        try:
            await step(db)
        except Unavailable:
            await asyncio.sleep(10 * PAUSE_SECONDS)
        await asyncio.sleep(PAUSE_SECONDS)
