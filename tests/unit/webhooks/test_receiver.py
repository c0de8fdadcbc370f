"""The demo's receiver takes what we send, once, and refuses what others send."""

import aiohttp

from nonstopay import ids
from nonstopay.sandbox.receiver import Receiver
from nonstopay.store.db import Database
from tests.unit.webhooks.hook import Shop, delivering, until


async def test_it_keeps_each_event_once(shop: Shop, database: Database) -> None:
    async with Receiver(shop.secret) as receiver:
        await shop.listens_at(receiver.url)
        async with delivering(database):
            event_id = await shop.happens(7, "invoice:paid")
            await until(lambda: bool(receiver.events))

    [event] = receiver.events
    assert (event.id, event.body) == (f"evt_{event_id}", {"id": 7, "status": "invoice:paid"})
    assert receiver.refused == 0


async def test_it_refuses_what_is_not_signed_with_its_secret(
    shop: Shop, database: Database
) -> None:
    async with Receiver(ids.signing_secret()) as receiver:
        await shop.listens_at(receiver.url)
        async with delivering(database):
            event_id = await shop.happens(7, "invoice:paid")

            async def told() -> bool:
                return bool(await shop.attempts(event_id))

            await until(told)
        async with aiohttp.ClientSession() as session:
            answer = await session.post(receiver.url, json={"status": "invoice:paid"})
            assert answer.status == 401

    assert not receiver.events
    assert receiver.refused == 2
    [attempt] = await shop.attempts(event_id)
    assert attempt.status == 401
