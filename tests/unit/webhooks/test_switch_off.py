"""An endpoint that is gone or has failed for five days is switched off, and its merchant hears."""

from datetime import timedelta

from nonstopay import clock
from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.add import add
from nonstopay.business.webhooks.endpoint import ENDPOINT, Endpoint
from nonstopay.business.webhooks.states import State
from nonstopay.business.webhooks.switch_off import GONE, PATIENCE, WORN_OUT
from nonstopay.store.db import Database
from tests.unit.webhooks.hook import (
    KINDS,
    SEALER,
    Hook,
    Shop,
    delivering,
    listening,
    status,
    until,
)


async def callback(shop: Shop) -> Endpoint:
    async with shop.db.reading() as conn:
        return (await records.endpoints(conn, shop.id))[0]


async def fails_until_given_up(shop: Shop, object_id: int) -> None:
    """Every try of the plan, each at its time."""
    await shop.happens(object_id, "invoice:paid")
    made = 0
    while True:

        async def tried(count: int = made) -> bool:
            found = await shop.deliveries(object_id)
            return bool(found) and len(await shop.attempts(found[0].event_id)) > count

        await until(tried)
        made += 1
        [delivery] = await shop.deliveries(object_id)
        if delivery.state is not State.PENDING:
            return
        clock.move_to_offset(clock.offset() + (delivery.next_attempt_at - clock.now()))


async def test_after_five_days_of_failure_it_is_off_and_a_letter_says_so(
    shop: Shop, hook: Hook, database: Database
) -> None:
    hook.answer = status(500)
    async with delivering(database):
        await fails_until_given_up(shop, 7)
        still = await callback(shop)
        await fails_until_given_up(shop, 8)
        now_off = await callback(shop)

    assert still.enabled
    assert still.failing_since
    assert now_off.disabled_reason == WORN_OUT
    assert now_off.disabled_at
    assert now_off.disabled_at - still.failing_since >= PATIENCE
    [letter] = await database.fetch("SELECT * FROM mail WHERE merchant_id = $1", shop.id)
    assert hook.url in letter["text"]
    assert WORN_OUT in letter["text"]


async def test_a_single_receipt_begins_the_five_days_anew(
    shop: Shop, hook: Hook, database: Database
) -> None:
    hook.answer = status(500)
    async with delivering(database):
        await fails_until_given_up(shop, 7)
        hook.answer = status(200)
        clock.move_to_offset(clock.offset() + timedelta(days=1))
        await shop.happens(9, "invoice:paid")

        async def healthy() -> bool:
            return (await callback(shop)).failing_since is None

        await until(healthy)
        hook.answer = status(500)
        await fails_until_given_up(shop, 8)

    assert (await callback(shop)).enabled


async def test_410_switches_off_and_the_other_endpoint_hears_if_it_asked(
    shop: Shop, hook: Hook, database: Database
) -> None:
    hook.answer = status(410)
    async with listening(Hook()) as watcher, listening(Hook()) as plain:
        async with database.transaction() as tx:
            for one, kinds in ((watcher, ["webhook:*"]), (plain, [])):
                await add(
                    tx,
                    SEALER,
                    shop.id,
                    one.url,
                    clock.now(),
                    known=KINDS,
                    kinds=kinds,
                    allow_loopback=True,
                )
        async with delivering(database):
            await shop.happens(7, "invoice:paid")
            await until(lambda: bool(watcher.requests))
            await until(lambda: bool(plain.requests))

    off = await callback(shop)
    [news] = watcher.requests
    assert off.disabled_reason == GONE
    assert (news.headers["webhook-kind"], news.json["id"]) == ("webhook:disabled", off.id)
    assert news.json["description"] == GONE
    assert [one.headers["webhook-kind"] for one in plain.requests] == ["invoice:paid"]
    events = await database.fetch("SELECT version FROM event WHERE object = $1", ENDPOINT)
    assert [row["version"] for row in events] == [off.version]
