"""The sandbox's clock: forward only, for everybody, and not for ever."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.errors import InvalidInput
from nonstopay.sandbox import clock as sandbox_clock
from nonstopay.store.db import Database

DAY = 86_400


async def test_time_moves_forward_and_adds_up(database: Database) -> None:
    before = clock.now()
    await sandbox_clock.advance(database, DAY)
    now = await sandbox_clock.advance(database, DAY)

    assert timedelta(days=2) <= now - before < timedelta(days=2, seconds=30)
    assert clock.offset() == timedelta(days=2)


@pytest.mark.parametrize("seconds", [0, -1, 3654 * DAY, 10**30])
async def test_time_goes_neither_back_nor_out_of_bounds(database: Database, seconds: int) -> None:
    with pytest.raises(InvalidInput):
        await sandbox_clock.advance(database, seconds)

    assert clock.offset() == timedelta(0)


async def test_ten_years_are_the_end_in_small_steps_too(database: Database) -> None:
    await sandbox_clock.advance(database, 3653 * DAY)

    with pytest.raises(InvalidInput, match="ten years"):
        await sandbox_clock.advance(database, 1)
    assert clock.offset() == timedelta(days=3653)


async def test_another_process_follows(database: Database) -> None:
    await sandbox_clock.advance(database, DAY)
    clock.move_to_offset(timedelta(0))  # as a process that has not heard of it

    await sandbox_clock.step(database)

    assert clock.offset() == timedelta(days=1)


async def test_following_never_goes_back(database: Database) -> None:
    clock.move_to_offset(timedelta(days=3))

    await sandbox_clock.step(database)

    assert clock.offset() == timedelta(days=3)


async def test_followers_hear_of_it_by_themselves(database: Database) -> None:
    following = asyncio.create_task(sandbox_clock.follow(database))
    try:
        await sandbox_clock.advance(database, DAY)
        clock.move_to_offset(timedelta(0))
        async with asyncio.timeout(5):
            while clock.offset() != timedelta(days=1):  # noqa: ASYNC110 (waits for another task)
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
