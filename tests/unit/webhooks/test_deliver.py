"""Events reach the merchant's server: signed, at least once, in order for each invoice."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from standardwebhooks import Webhook

from nonstopay import clock
from nonstopay.business.webhooks import records, send
from nonstopay.business.webhooks.retry import PLAN, TRIES
from nonstopay.business.webhooks.rotate import rotate
from nonstopay.business.webhooks.sign import plain
from nonstopay.business.webhooks.states import State
from nonstopay.store.db import Database
from tests.unit.webhooks.hook import (
    SEALER,
    Hook,
    Request,
    Shop,
    delivering,
    listening,
    open_shop,
    status,
    until,
)


async def test_an_event_arrives_signed_and_the_attempt_is_on_record(
    shop: Shop, hook: Hook, database: Database
) -> None:
    hook.answer = status(200, body=b"thanks")
    async with delivering(database):
        event_id = await shop.happens(7, "invoice:paid")
        await until(lambda: bool(hook.requests))

    [request] = hook.requests
    assert request.json == {"id": 7, "status": "invoice:paid"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-signature"] == plain(shop.secret, request.body)
    Webhook(shop.secret).verify(request.body, request.headers)
    [attempt] = await shop.attempts(event_id)
    assert (attempt.number, attempt.status, attempt.response) == (1, 200, "thanks")
    [delivery] = await shop.deliveries(7)
    assert (delivery.state, delivery.attempts) == (State.DELIVERED, 1)


async def test_a_merchant_without_a_callback_url_is_told_nothing_and_nothing_waits(
    shop: Shop, hook: Hook, database: Database
) -> None:
    await shop.listens_at(None)
    async with delivering(database):
        await shop.happens(7, "invoice:paid")
        await until(lambda: _all_dispatched(database))

    assert hook.requests == []
    assert await shop.deliveries(7) == []


async def test_every_try_of_the_plan_is_made_at_its_time_then_the_delivery_is_dead(
    shop: Shop, hook: Hook, database: Database
) -> None:
    hook.answer = status(500)
    event_id = await shop.happens(7, "invoice:paid")
    async with delivering(database):
        for tries in range(1, TRIES + 1):
            await until(partial(_recorded, shop, event_id, tries))
            [delivery] = await shop.deliveries(7)
            if delivery.state is State.PENDING:
                _move_clock_to(delivery.next_attempt_at - timedelta(seconds=1))
                await asyncio.sleep(0.12)
                assert len(hook.requests) == tries
                _move_clock_to(delivery.next_attempt_at)

    assert (delivery.state, delivery.attempts) == (State.DEAD, TRIES)
    attempts = await shop.attempts(event_id)
    pauses = [after.at - before.at for before, after in pairwise(attempts)]
    for pause, planned in zip(pauses, PLAN, strict=True):
        assert planned <= pause <= planned * 1.1 + timedelta(seconds=3)
    assert attempts[-1].at - attempts[0].at >= timedelta(hours=72)
    assert len({request.headers["webhook-id"] for request in hook.requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in hook.requests}) == TRIES
    assert len({request.headers["webhook-signature"] for request in hook.requests}) == TRIES


async def test_an_invoices_later_events_wait_for_its_earlier_ones_others_do_not(
    shop: Shop, hook: Hook, database: Database
) -> None:
    failing = True

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        bad = failing and request.json == {"id": 7, "status": "created"}
        await status(500 if bad else 200)(request, writer)

    hook.answer = answer
    first = await shop.happens(7, "created")
    for what in ("waiting", "paid"):
        await shop.happens(7, what)
    async with delivering(database):
        await until(lambda: _recorded(shop, first, 1))
        await shop.happens(7, "refunded")
        await shop.happens(8, "created")
        await until(lambda: len(hook.requests) == 2)
        await asyncio.sleep(0.2)
        assert [request.json["id"] for request in hook.requests] == [7, 8]

        failing = False
        _move_clock_to((await shop.deliveries(7))[0].next_attempt_at)
        await until(lambda: len(hook.requests) == 6)

    assert told(hook, 7) == ["created", "created", "waiting", "paid", "refunded"]


async def test_many_events_of_many_invoices_keep_each_invoices_order(
    shop: Shop, hook: Hook, database: Database
) -> None:
    count = 0

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await asyncio.sleep(0.001 * (count % 7))
        await status(200)(request, writer)

    hook.answer = answer
    async with delivering(database, workers=2):
        for step in range(5):
            for invoice in range(20):
                await shop.happens(invoice, str(step))
        await until(lambda: len(hook.requests) == 100)

    for invoice in range(20):
        assert told(hook, invoice) == ["0", "1", "2", "3", "4"]


async def test_two_workers_deliver_each_event_once(
    shop: Shop, hook: Hook, database: Database
) -> None:
    for invoice in range(200):
        await shop.happens(invoice, "created")

    async with delivering(database, workers=3):
        await until(lambda: len(hook.requests) >= 200)
        await asyncio.sleep(0.2)

    assert sorted(request.json["id"] for request in hook.requests) == list(range(200))


async def test_what_a_killed_worker_had_in_hand_comes_back_with_its_lease(
    shop: Shop, hook: Hook, database: Database
) -> None:
    event_id = await shop.happens(7, "created")
    asked = asyncio.Event()

    async def hang(_: Request, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.sleep(3600)

    hook.answer = hang
    worker = asyncio.create_task(_work_for_ever(database))
    await asked.wait()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)

    hook.answer = status(200)
    async with delivering(database):
        await asyncio.sleep(0.2)
        assert len(hook.requests) == 1
        _move_clock_to(clock.now() + timedelta(seconds=61))
        await until(lambda: _recorded(shop, event_id, 1))

    [attempt] = await shop.attempts(event_id)
    assert attempt.number == 2
    assert hook.requests[0].headers["webhook-id"] == hook.requests[1].headers["webhook-id"]


async def test_a_hanging_neighbour_delays_nobody(
    shop: Shop, hook: Hook, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He takes a second a call, fifty deep; the other's fifty are through before his first."""
    monkeypatch.setattr(send, "TIMEOUT_SECONDS", 1)

    async def hang(_: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    neighbour = await open_shop(database)
    async with listening(Hook(answer=hang)) as hanging:
        await neighbour.listens_at(hanging.url)
        for invoice in range(50):
            await neighbour.happens(invoice, "created")
        for invoice in range(50):
            await shop.happens(invoice, "created")
        async with delivering(database, concurrency=16):
            await until(lambda: len(hook.requests) == 50, seconds=0.9)

        assert 0 < len(hanging.requests) < 16


async def test_410_switches_the_endpoint_off_until_the_url_is_set_again(
    shop: Shop, hook: Hook, database: Database
) -> None:
    hook.answer = status(410)
    for what in ("created", "paid"):
        await shop.happens(7, what)
    async with delivering(database):
        await until(lambda: _is_dead(shop, 7))
        await shop.happens(8, "created")
        await until(lambda: _all_dispatched(database))
        assert await shop.deliveries(8) == []

        hook.answer = status(200)
        await shop.listens_at(hook.url)
        await shop.happens(9, "created")
        await until(lambda: len(hook.requests) == 2)

    assert [request.json["id"] for request in hook.requests] == [7, 9]
    assert {one.state for one in await shop.deliveries(7)} == {State.DEAD}
    async with database.reading() as conn:
        old, new = await records.endpoints(conn, shop.id)
    assert old.disabled_reason == "the endpoint answered 410 Gone"
    assert new.enabled


async def test_while_a_secret_is_rotated_the_receiver_may_hold_either(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async with database.transaction() as tx:
        new = await rotate(tx, SEALER, shop.id, clock.now())
    async with delivering(database):
        await shop.happens(7, "created")
        await until(lambda: len(hook.requests) == 1)
        _move_clock_to(clock.now() + timedelta(hours=24, seconds=1))
        await shop.happens(8, "created")
        await until(lambda: len(hook.requests) == 2)

    during, after = hook.requests
    for secret in (shop.secret, new):
        Webhook(secret).verify(during.body, during.headers)
    assert during.headers["x-signature"] == plain(new, during.body)
    assert during.headers["x-signature-previous"] == plain(shop.secret, during.body)
    assert after.headers["webhook-signature"].count("v1,") == 1
    assert after.headers["x-signature"] == plain(new, after.body)
    assert "x-signature-previous" not in after.headers


async def test_since_when_an_endpoint_fails_is_known_and_forgotten_when_it_is_well(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async def failing_since() -> bool:
        async with database.reading() as conn:
            [endpoint] = await records.endpoints(conn, shop.id)
        return endpoint.failing_since is not None

    hook.answer = status(503)
    async with delivering(database):
        await shop.happens(7, "created")
        await until(failing_since)
        hook.answer = status(200)
        await shop.happens(8, "created")
        await until(lambda: _is_delivered(shop, 8))
    assert not await failing_since()


def told(hook: Hook, invoice: int) -> list[str]:
    """What was said about one invoice, in the order in which it came."""
    return [one.json["status"] for one in hook.requests if one.json["id"] == invoice]


async def _work_for_ever(db: Database) -> None:
    async with delivering(db):
        await asyncio.sleep(3600)


async def _recorded(shop: Shop, event_id: int, count: int) -> bool:
    return len(await shop.attempts(event_id)) == count


async def _is_dead(shop: Shop, object_id: int) -> bool:
    found = await shop.deliveries(object_id)
    return bool(found) and all(one.state is State.DEAD for one in found)


async def _is_delivered(shop: Shop, object_id: int) -> bool:
    found = await shop.deliveries(object_id)
    return bool(found) and all(one.state is State.DELIVERED for one in found)


async def _all_dispatched(db: Database) -> bool:
    return not await db.fetchval("SELECT count(*) FROM event WHERE dispatched_at IS NULL")


def _move_clock_to(instant: datetime) -> None:
    clock.move_to_offset(clock.offset() + (instant - clock.now()))
