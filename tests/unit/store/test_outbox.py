"""The outbox: what is committed is told once, in order; what is rolled back is not told at all."""

import asyncio
from contextvars import Context

import pytest

from nonstopay import clock
from nonstopay.store import outbox
from nonstopay.store.db import Database

MERCHANT = 1


async def happen(db: Database, object_id: int, version: int) -> int:
    async with db.transaction() as tx:
        return await outbox.record(
            tx, MERCHANT, "invoice:paid", "invoice", object_id, version, {"fee": "150"}, clock.now()
        )


async def take(db: Database, limit: int = 100) -> list[tuple[int, int]]:
    async with db.transaction() as tx:
        events = await outbox.take_undispatched(tx, clock.now(), limit)
    return [(event.object_id, event.version) for event in events]


async def test_an_event_is_taken_once_with_what_it_said(database: Database) -> None:
    event_id = await happen(database, 7, 1)

    async with database.transaction() as tx:
        [event] = await outbox.take_undispatched(tx, clock.now(), 10)

    assert (event.id, event.kind) == (event_id, "invoice:paid")
    assert (event.object, event.object_id, event.version) == ("invoice", 7, 1)
    assert event.facts == {"fee": "150"}
    assert await take(database) == []


async def test_an_event_rolled_back_never_happened(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await outbox.record(tx, MERCHANT, "k", "invoice", 7, 1, {}, clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await take(database) == []


async def test_what_a_failed_dispatcher_took_is_there_for_the_next(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            assert await outbox.take_undispatched(tx, clock.now(), 10)
            raise ZeroDivisionError

    await happen(database, 7, 1)
    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await take(database) == [(7, 1)]


async def test_a_second_dispatcher_waits_for_the_first_so_that_order_holds(
    database: Database,
) -> None:
    """The first has version 1 in hand; the second sees 1 and 2, and must not overtake."""
    await happen(database, 7, 1)
    async with database.transaction() as tx:
        assert await outbox.take_undispatched(tx, clock.now(), 10)
        await asyncio.create_task(happen(database, 7, 2), context=Context())
        second = asyncio.create_task(take(database), context=Context())
        await asyncio.sleep(0.2)
        assert not second.done()

    assert await second == [(7, 2)]


async def test_many_dispatchers_take_each_event_once(database: Database) -> None:
    for number in range(60):
        await happen(database, number % 5, number)

    async def work() -> list[tuple[int, int]]:
        mine = []
        while found := await take(database, limit=7):
            mine += found
        return mine

    shares = await asyncio.gather(*(work() for _ in range(4)))

    assert sorted(event for share in shares for event in share) == sorted(
        (number % 5, number) for number in range(60)
    )
