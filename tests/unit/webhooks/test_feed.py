"""The feed: whoever asks beyond the last cursor that he has seen misses nothing, ever."""

import asyncio
from contextvars import Context

from nonstopay import clock
from nonstopay.business.webhooks.fan_out import fan_out
from nonstopay.business.webhooks.feed.read import Told, newest, read
from nonstopay.store import outbox
from nonstopay.store.db import Database
from tests.unit.webhooks.hook import DESCRIBERS, Hook, Shop, delivering, open_shop, until


async def beyond(shop: Shop, after: int, limit: int = 100) -> list[Told]:
    return await read(shop.db, DESCRIBERS, shop.id, after, limit)


async def test_the_feed_has_the_bodies_that_webhooks_carry(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async with delivering(database):
        for number in (7, 8):
            await shop.happens(number, "invoice:paid")
        await until(lambda: len(hook.requests) == 2)

    told = await beyond(shop, 0)

    assert {one.body for one in told} == {request.body for request in hook.requests}
    assert [one.position for one in told] == [1, 2]
    assert await beyond(shop, 2) == []


async def test_an_event_that_is_committed_late_comes_late_and_is_not_skipped(
    shop: Shop, database: Database
) -> None:
    """Its id is lower than that of the event that was read before it was committed."""

    async def happens_meanwhile() -> int:
        later = await shop.happens(8, "invoice:paid")
        await fan_out(database, clock.now(), 100)
        return later

    async with database.transaction() as tx:
        early = await outbox.record(
            tx, shop.id, "invoice:created", "invoice", 7, 1, {"status": "x"}, clock.now()
        )
        late = await asyncio.create_task(happens_meanwhile(), context=Context())
        [seen] = await asyncio.create_task(beyond(shop, 0), context=Context())
    await fan_out(database, clock.now(), 100)

    [missed_by_ids] = await beyond(shop, seen.position)
    assert early < late
    assert (seen.event.id, missed_by_ids.event.id) == (late, early)


async def test_positions_have_no_gaps_and_readers_see_them_in_order_under_load(
    shop: Shop, database: Database
) -> None:
    """Writers, rolled back ones too, and dispatchers race; a reader follows and misses none."""
    other = await open_shop(database)
    count, done = 60, asyncio.Event()
    seen: list[Told] = []

    async def write(number: int) -> None:
        async with database.transaction() as tx:
            for who in (shop, other):
                await outbox.record(
                    tx, who.id, "k", "invoice", number, 1, {"status": "k"}, clock.now()
                )
            await asyncio.sleep(0.001 * (number * 7 % 11))
            if number % 5 == 0:
                raise ZeroDivisionError

    async def dispatch() -> None:
        while not done.is_set():
            await fan_out(database, clock.now(), 3)

    async def follow() -> None:
        while not done.is_set() or await beyond(shop, len(seen)):
            seen.extend(await beyond(shop, len(seen), 5))
            await asyncio.sleep(0)

    others = [asyncio.create_task(one) for one in (dispatch(), dispatch(), follow())]
    await asyncio.gather(*(write(n) for n in range(count)), return_exceptions=True)
    while (await fan_out(database, clock.now(), 100))[0]:
        pass
    done.set()
    await asyncio.gather(*others)

    committed = count - count // 5
    assert [one.position for one in seen] == list(range(1, committed + 1))
    assert len({one.event.id for one in seen}) == committed
    assert await newest(database, other.id) == committed


async def test_a_merchants_feed_is_his_own(shop: Shop, database: Database) -> None:
    stranger = await open_shop(database)
    await shop.happens(7, "invoice:paid")
    await fan_out(database, clock.now(), 100)

    assert len(await beyond(shop, 0)) == 1
    assert await beyond(stranger, 0) == []
