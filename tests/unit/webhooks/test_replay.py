"""A delivery can be sent again, whatever became of it, by its own merchant only."""

from datetime import timedelta
from functools import partial

import pytest

from nonstopay import clock
from nonstopay.business.webhooks import records
from nonstopay.business.webhooks import replay as replaying
from nonstopay.business.webhooks.delivery import Delivery, Wanted
from nonstopay.business.webhooks.fan_out import fan_out
from nonstopay.business.webhooks.replay import replay, replay_all
from nonstopay.business.webhooks.states import State
from nonstopay.errors import Conflict, NotFound
from nonstopay.store.db import Database
from tests.unit.webhooks.hook import Hook, Shop, delivering, open_shop, status, until


async def send_again(db: Database, delivery: Delivery, merchant_id: int | None = None) -> None:
    async with db.transaction() as tx:
        await replay(
            tx,
            merchant_id or delivery.merchant_id,
            delivery.endpoint_id,
            delivery.event_id,
            clock.now(),
        )


async def test_a_received_event_is_sent_again_with_the_same_id(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async with delivering(database):
        event_id = await shop.happens(7, "created")
        await until(lambda: len(hook.requests) == 1)

        async def delivered() -> bool:
            return (await shop.deliveries(7))[0].state is State.DELIVERED

        await until(delivered)
        await send_again(database, (await shop.deliveries(7))[0])
        await until(lambda: len(hook.requests) == 2)

    assert hook.requests[0].headers["webhook-id"] == hook.requests[1].headers["webhook-id"]
    assert [attempt.number for attempt in await shop.attempts(event_id)] == [1, 2]


async def test_a_failing_event_is_tried_at_once_and_its_followers_come_with_it(
    shop: Shop, hook: Hook, database: Database
) -> None:
    hook.answer = status(500)
    async with delivering(database):
        await shop.happens(7, "created")
        await until(lambda: len(hook.requests) == 1)
        await shop.happens(7, "paid")

        async def two() -> bool:
            return len(await shop.deliveries(7)) == 2

        await until(two)
        hook.answer = status(200)
        await send_again(database, (await shop.deliveries(7))[0])
        await until(lambda: len(hook.requests) == 3, seconds=3)

    assert [request.json["status"] for request in hook.requests] == ["created", "created", "paid"]


async def test_a_strangers_delivery_is_not_found(
    shop: Shop, hook: Hook, database: Database
) -> None:
    stranger = await open_shop(database)
    async with delivering(database):
        await shop.happens(7, "created")
        await until(lambda: len(hook.requests) == 1)
    [delivery] = await shop.deliveries(7)

    with pytest.raises(NotFound):
        await send_again(database, delivery, stranger.id)


async def test_nothing_is_sent_again_to_an_endpoint_that_is_off(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async with delivering(database):
        await shop.happens(7, "created")
        await until(lambda: len(hook.requests) == 1)
    [delivery] = await shop.deliveries(7)
    await shop.listens_at(None)

    with pytest.raises(Conflict):
        await send_again(database, delivery)


async def test_a_range_is_sent_again_and_nothing_beside_it(
    shop: Shop, hook: Hook, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "_AT_ONCE", 2)
    async with delivering(database):
        events = [await shop.happens(number, "created") for number in range(7)]
        await until(lambda: len(hook.requests) == 7)
        await until(partial(finished, shop))
        count = await replay_all(
            database, shop.id, Wanted(first=events[1], last=events[5]), clock.now()
        )
        await until(lambda: len(hook.requests) == 12)

    assert count == 5
    assert sorted(request.json["id"] for request in hook.requests[7:]) == [1, 2, 3, 4, 5]


async def test_all_that_failed_since_is_sent_again_once_the_shop_is_back(
    shop: Shop, hook: Hook, database: Database
) -> None:
    """Given up before, received, and failed since: only the last come again."""
    async with delivering(database):
        await shop.happens(1, "created")
        await until(partial(finished, shop))
    before = await shop.happens(2, "created")
    await fan_out(database, clock.now(), 10)
    clock.move_to_offset(timedelta(days=6))
    since = clock.now()
    after = await shop.happens(3, "created")
    await fan_out(database, clock.now(), 10)
    await database.execute(
        "UPDATE delivery SET state = 'dead', finished_at = $1 WHERE state = 'pending'", since
    )

    count = await replay_all(database, shop.id, Wanted(failed_since=since), clock.now())
    async with delivering(database):
        await until(lambda: len(hook.requests) == 2)

    assert count == 1
    assert hook.requests[1].headers["webhook-id"] == f"evt_{after}"
    assert [one.state for one in await shop.deliveries(2)] == [State.DEAD]
    assert before < after


async def test_a_strangers_events_are_not_in_anybodys_range(
    shop: Shop, hook: Hook, database: Database
) -> None:
    stranger = await open_shop(database)
    async with delivering(database):
        event_id = await shop.happens(7, "created")
        await until(partial(finished, shop))

    wanted = Wanted(first=event_id, last=event_id)
    assert await replay_all(database, stranger.id, wanted, clock.now()) == 0


async def finished(shop: Shop) -> bool:
    """Whether something was sent and nothing is on its way any more."""
    async with shop.db.reading() as conn:
        found = await records.latest_deliveries(conn, shop.id, None, 100)
    return bool(found) and all(one.state is not State.PENDING for one in found)
