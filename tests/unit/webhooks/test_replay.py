"""A delivery can be sent again, whatever became of it, by its own merchant only."""

import pytest

from nonstopay import clock
from nonstopay.business.webhooks.delivery import Delivery
from nonstopay.business.webhooks.replay import replay
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
