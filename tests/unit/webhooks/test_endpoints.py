"""Several endpoints a merchant: each gets what it wants, signed with what is its own."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from nonstopay import clock
from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.add import ENDPOINTS_MAX, add
from nonstopay.business.webhooks.change import change, remove, send_test
from nonstopay.business.webhooks.endpoint import REMOVED, Endpoint
from nonstopay.business.webhooks.public_keys import public_keys
from nonstopay.business.webhooks.rotate import remove_key, rotate, rotate_key
from nonstopay.business.webhooks.states import State
from nonstopay.errors import Conflict, InvalidInput, NotFound
from nonstopay.store.db import Database
from tests.unit.webhooks.hook import (
    KINDS,
    SEALER,
    Hook,
    Request,
    Shop,
    delivering,
    listening,
    open_shop,
    until,
)


async def adds(shop: Shop, hook: Hook, *kinds: str) -> tuple[int, str]:
    """The shop adds an endpoint; its id and its secret."""
    async with shop.db.transaction() as tx:
        return await add(
            tx,
            SEALER,
            shop.id,
            hook.url,
            clock.now(),
            known=KINDS,
            kinds=kinds,
            allow_loopback=True,
        )


async def endpoint(shop: Shop, endpoint_id: int) -> Endpoint:
    async with shop.db.reading() as conn:
        return {one.id: one for one in await records.endpoints(conn, shop.id)}[endpoint_id]


def kinds_at(hook: Hook) -> list[str]:
    return [request.headers["webhook-kind"] for request in hook.requests]


async def test_each_endpoint_gets_what_it_wants(shop: Shop, hook: Hook, database: Database) -> None:
    async with listening(Hook()) as paid, listening(Hook()) as wild:
        await adds(shop, paid, "invoice:paid")
        await adds(shop, wild, "invoice:*", "fund:success")
        async with delivering(database):
            for what in ("invoice:created", "fund:created", "invoice:paid", "fund:success"):
                await shop.happens(7, what)
            await until(lambda: len(hook.requests) == 4 and len(wild.requests) == 3)

    assert kinds_at(hook) == ["invoice:created", "fund:created", "invoice:paid", "fund:success"]
    assert kinds_at(paid) == ["invoice:paid"]
    assert kinds_at(wild) == ["invoice:created", "invoice:paid", "fund:success"]


async def test_the_same_event_has_the_same_id_and_another_signature_at_each_endpoint(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async with listening(Hook()) as second:
        _, secret = await adds(shop, second)
        async with delivering(database):
            await shop.happens(7, "invoice:paid")
            await until(lambda: bool(hook.requests and second.requests))

    [first], [other] = hook.requests, second.requests
    assert first.headers["webhook-id"] == other.headers["webhook-id"]
    assert (first.body, first.headers["webhook-version"]) == (other.body, "1")
    Webhook(shop.secret).verify(first.body, first.headers)
    Webhook(secret).verify(other.body, other.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(shop.secret).verify(other.body, other.headers)


async def test_setting_the_callback_url_leaves_the_added_endpoints_alone(
    shop: Shop, hook: Hook, database: Database
) -> None:
    endpoint_id, _ = await adds(shop, hook)

    await shop.listens_at(None)

    assert (await endpoint(shop, endpoint_id)).enabled


async def test_a_first_secret_of_its_own_takes_over_from_the_merchants(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async with database.reading() as conn:
        [callback] = await records.endpoints(conn, shop.id)
    async with database.transaction() as tx:
        new = await rotate(tx, SEALER, shop.id, clock.now(), endpoint_id=callback.id)
    async with delivering(database):
        await shop.happens(7, "invoice:created")
        await until(lambda: len(hook.requests) == 1)
        clock.move_to_offset(timedelta(hours=25))
        await shop.happens(7, "invoice:paid")
        await until(lambda: len(hook.requests) == 2)

    during, after = hook.requests
    assert signs(new, during)
    assert signs(shop.secret, during)
    assert signs_the_day_after(new, after)
    assert not signs_the_day_after(shop.secret, after)


async def test_ed25519_signs_beside_hmac_and_the_public_key_suffices(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async with database.reading() as conn:
        [callback] = await records.endpoints(conn, shop.id)
    async with database.transaction() as tx:
        old = await rotate_key(tx, SEALER, (shop.id, callback.id), clock.now())
    async with delivering(database):
        await shop.happens(7, "invoice:created")
        await until(lambda: len(hook.requests) == 1)
        async with database.transaction() as tx:
            new = await rotate_key(tx, SEALER, (shop.id, callback.id), clock.now())
        await shop.happens(7, "invoice:paid")
        await until(lambda: len(hook.requests) == 2)
        async with database.transaction() as tx:
            await remove_key(tx, (shop.id, callback.id), clock.now())
        await shop.happens(7, "invoice:settled")
        await until(lambda: len(hook.requests) == 3)

    first, rotated, plain = hook.requests
    assert signs(shop.secret, first)
    assert verifies(old, first)
    assert not verifies(new, first)
    assert verifies(old, rotated)
    assert verifies(new, rotated)
    assert signs(shop.secret, plain)
    assert "v1a," not in plain.headers["webhook-signature"]


async def test_the_public_keys_are_shown_newest_first_and_each_endpoint_has_its_own(
    shop: Shop, hook: Hook, database: Database
) -> None:
    """Were a key shared, one merchant could play to another what was signed for himself."""
    mine, _ = await adds(shop, hook)
    other, _ = await adds(shop, hook)
    async with database.transaction() as tx:
        first = await rotate_key(tx, SEALER, (shop.id, mine), clock.now())
        second = await rotate_key(tx, SEALER, (shop.id, mine), clock.now())
        foreign = await rotate_key(tx, SEALER, (shop.id, other), clock.now())

    shown = await public_keys(database, SEALER, shop.id, mine, clock.now())
    later = await public_keys(database, SEALER, shop.id, mine, clock.now() + timedelta(hours=25))

    assert [key.text for key in shown] == [second, first]
    assert [key.text for key in later] == [second]
    assert foreign not in {first, second}
    assert await public_keys(database, SEALER, shop.id + 1, mine, clock.now()) == []


async def test_a_test_event_goes_to_its_endpoint_alone_whatever_that_wants(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async with listening(Hook()) as second:
        endpoint_id, secret = await adds(shop, second, "invoice:paid")
        async with delivering(database):
            async with database.transaction() as tx:
                event_id = await send_test(tx, shop.id, endpoint_id, clock.now())
            await until(lambda: bool(second.requests))

    [request] = second.requests
    assert request.headers["webhook-id"] == f"evt_{event_id}"
    assert (request.json["status"], request.json["id"]) == ("webhook:test", endpoint_id)
    assert signs(secret, request)
    assert hook.requests == []


async def test_what_is_pending_follows_a_changed_url_and_ends_when_it_is_removed(
    shop: Shop, hook: Hook, database: Database
) -> None:
    await shop.listens_at(None)
    async with listening(Hook()) as second:
        endpoint_id, _ = await adds(shop, second)
        async with delivering(database):
            async with database.transaction() as tx:
                moved = await change(
                    tx,
                    shop.id,
                    endpoint_id,
                    known=KINDS,
                    url=hook.url,
                    kinds=["invoice:*"],
                    allow_loopback=True,
                )
            await shop.happens(7, "invoice:paid")
            await until(lambda: len(hook.requests) == 1)
    async with database.transaction() as tx:
        await remove(tx, shop.id, endpoint_id, clock.now())
    removed = await endpoint(shop, endpoint_id)

    assert (moved.version, moved.url, moved.kinds) == (2, hook.url, ("invoice:*",))
    assert (removed.version, removed.disabled_reason) == (3, REMOVED)
    assert second.requests == []


async def test_an_endpoint_that_was_off_is_switched_on_with_a_clean_slate(
    shop: Shop, hook: Hook, database: Database
) -> None:
    endpoint_id, _ = await adds(shop, hook)
    async with database.transaction() as tx:
        await remove(tx, shop.id, endpoint_id, clock.now())
        with pytest.raises(Conflict):
            await send_test(tx, shop.id, endpoint_id, clock.now())
        await change(tx, shop.id, endpoint_id, known=KINDS, on=True)

    found = await endpoint(shop, endpoint_id)
    assert (found.enabled, found.failing_since, found.disabled_reason) == (True, None, None)


@pytest.mark.parametrize(
    "kind", ["", "invoice", "invoice:", "*", "Invoice:paid", "a:b:c", "invoice:p*", "invoice:payed"]
)
async def test_a_filter_that_could_never_match_is_refused_and_the_known_ones_are_named(
    shop: Shop, hook: Hook, kind: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await adds(shop, hook, "invoice:paid", kind)

    assert caught.value.parameter == "events"
    assert all(known in caught.value.message for known in (*KINDS, "invoice:*"))


async def test_the_number_of_endpoints_has_a_bound_and_strangers_have_no_say(
    shop: Shop, hook: Hook, database: Database
) -> None:
    for _ in range(ENDPOINTS_MAX - 1):
        endpoint_id, _ = await adds(shop, hook)
    with pytest.raises(Conflict):
        await adds(shop, hook)
    stranger = await open_shop(database)
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await change(tx, stranger.id, endpoint_id, known=KINDS, description="mine now")


async def test_the_bound_holds_against_callers_at_the_same_moment(
    shop: Shop, hook: Hook, database: Database
) -> None:
    for _ in range(ENDPOINTS_MAX - 2):
        await adds(shop, hook)

    outcomes = await asyncio.gather(*(adds(shop, hook) for _ in range(5)), return_exceptions=True)

    assert sum(not isinstance(one, Conflict) for one in outcomes) == 1


async def test_the_bound_is_not_evaded_by_switching_on_what_was_removed(
    shop: Shop, hook: Hook, database: Database
) -> None:
    removed, _ = await adds(shop, hook)
    async with database.transaction() as tx:
        await remove(tx, shop.id, removed, clock.now())
    for _ in range(ENDPOINTS_MAX - 1):
        await adds(shop, hook)

    async with database.transaction() as tx:
        with pytest.raises(Conflict):
            await change(tx, shop.id, removed, known=KINDS, on=True)


async def test_what_is_given_up_with_a_removed_endpoint_is_dead(
    shop: Shop, hook: Hook, database: Database
) -> None:
    await shop.listens_at(None)
    async with listening(Hook()) as second:
        url, port = second.url, second.port
    assert port
    hook.port = port  # nobody listens there any more
    endpoint_id, _ = await adds(shop, hook)
    async with delivering(database):
        event_id = await shop.happens(7, "invoice:paid")

        async def tried() -> bool:
            return bool(await shop.attempts(event_id))

        await until(tried)
    async with database.transaction() as tx:
        await remove(tx, shop.id, endpoint_id, clock.now())
    async with database.reading() as conn:
        [given_up] = await records.dead_deliveries(conn, shop.id, None, 10)

    assert url == hook.url
    assert (given_up.event_id, given_up.state) == (event_id, State.DEAD)


def signs(secret: str, request: Request) -> bool:
    try:
        Webhook(secret).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


def signs_the_day_after(secret: str, request: Request) -> bool:
    """As `signs`, for a message from a clock that was moved: the receiver's own stands still."""
    sent = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    expected = Webhook(secret).sign(request.headers["webhook-id"], sent, request.body.decode())
    return expected in request.headers["webhook-signature"].split(" ")


def verifies(public: str, request: Request) -> bool:
    """Standard Webhooks, `v1a`, by hand."""
    headers = request.headers
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    for signature in headers["webhook-signature"].split(" "):
        version, _, encoded = signature.partition(",")
        if version == "v1a":
            try:
                key.verify(base64.b64decode(encoded), text)
            except InvalidSignature:
                continue
            return True
    return False
