"""The sandbox's controls over HTTP: what they do, and what they say when they cannot."""

import asyncio
import html
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from nonstopay import clock
from nonstopay.connectors.outcome import Kind
from nonstopay.connectors.upi import link
from tests.connectors.sandbox_laboratory import API_KEY, SandboxLaboratory

OUTCOMES = [
    "success",
    "wrong_pin",
    "insufficient_funds",
    "declined",
    "pending",
    "late_success",
    "debit_no_credit",
]


async def test_the_sandbox_says_what_it_offers(lab: SandboxLaboratory) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{lab.address}/sandbox/info") as response,
    ):
        info = await response.json()

    mail_url = info.pop("mail_url")
    assert {card["outcome"] for card in info.pop("cards")} >= {"success", "declined"}
    assert info == {"networks": {}, "upi_outcomes": OUTCOMES}
    assert mail_url.endswith("/sandbox/mail")


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_every_outcome_on_offer_happens(lab: SandboxLaboratory, outcome: str) -> None:
    status, answer = await lab.control("upi/pay", uri=await lab.start(), outcome=outcome)

    assert status == 200
    assert answer["reference"] == "payment7"
    assert answer["message"]


async def test_time_moves_and_says_where_it_is(lab: SandboxLaboratory) -> None:
    status, answer = await lab.control("clock", advance_seconds=86_400)

    assert status == 200
    ahead = datetime.fromisoformat(answer["now"]) - datetime.now(UTC)
    assert timedelta(hours=23) < ahead <= timedelta(days=1)


async def test_an_order_is_paid_once(lab: SandboxLaboratory) -> None:
    uri = await lab.paid()

    status, answer = await lab.control("upi/pay", uri=uri, outcome="success")

    assert (status, answer["code"]) == (409, "conflict")
    assert "paid already" in answer["error"]


async def test_two_phones_cannot_both_pay(lab: SandboxLaboratory) -> None:
    uri = await lab.start()

    answers = await asyncio.gather(
        *(lab.control("upi/pay", uri=uri, outcome="success") for _ in range(5))
    )

    assert sorted(status for status, _ in answers) == [200, 409, 409, 409, 409]


async def test_many_workers_tell_it_once(lab: SandboxLaboratory) -> None:
    await lab.pay(await lab.start(), "success")

    await asyncio.gather(*(lab.settle() for _ in range(5)))

    assert lab.told_kinds() == [Kind.CAPTURED]


async def test_a_debited_payer_is_not_debited_again(lab: SandboxLaboratory) -> None:
    uri = await lab.start()
    await lab.pay(uri, "debit_no_credit")

    status, answer = await lab.control("upi/pay", uri=uri, outcome="success")

    assert status == 409
    assert "debited" in answer["error"]


async def test_a_late_success_that_was_paid_again_comes_once(lab: SandboxLaboratory) -> None:
    uri = await lab.start()
    await lab.pay(uri, "late_success")
    await lab.pay(uri, "success")
    await lab.advance(minutes=2)

    assert lab.told_kinds() == [Kind.DECLINED, Kind.CAPTURED]


async def test_a_pending_payment_can_be_ended_otherwise(lab: SandboxLaboratory) -> None:
    uri = await lab.start()
    await lab.pay(uri, "pending")
    await lab.pay(uri, "declined")
    await lab.advance(minutes=31)

    assert lab.told_kinds() == [Kind.PROCESSING, Kind.DECLINED, Kind.EXPIRED]


@pytest.mark.parametrize("first", [None, "wrong_pin"])
async def test_an_expired_code_is_refused(lab: SandboxLaboratory, first: str | None) -> None:
    uri = await lab.start()
    if first:
        await lab.pay(uri, first)
    clock.move_to_offset(timedelta(minutes=8))

    status, answer = await lab.control("upi/pay", uri=uri, outcome="success")

    assert (status, answer["error"][:19]) == (409, "this QR has expired")
    assert (await lab.connector.look_up("payment7")).kind is Kind.EXPIRED


@pytest.mark.parametrize(
    ("old", "new", "status", "words"),
    [
        ("am=409.71", "am=1.00", 400, "the order is for 409.71 INR"),
        ("pa=acmetoys", "pa=evil", 400, "not the payee"),
        ("&tr=NSP", "&tr=XYZ", 404, "belongs to no order"),
        ("am=409.71", "am=409,71", 400, "two decimals"),
        ("upi://pay", "https://pay", 400, "does not begin with upi://pay"),
    ],
)
async def test_a_changed_link_is_refused(
    lab: SandboxLaboratory, old: str, new: str, status: int, words: str
) -> None:
    uri = await lab.start()

    answered, answer = await lab.control("upi/pay", uri=uri.replace(old, new), outcome="success")

    assert answered == status
    assert words in answer["error"]
    assert (await lab.connector.look_up("payment7")).kind is Kind.WAITING


@pytest.mark.parametrize(
    ("path", "wish", "words"),
    [
        ("upi/pay", {"outcome": "success"}, "uri"),
        ("upi/pay", {"uri": "URI", "outcome": "theft"}, "outcome must be one of: success"),
        ("clock", {"advance_seconds": 0}, "at least 1"),
        ("clock", {"advance_seconds": 1.5}, "int"),
        ("clock", {}, "advance_seconds"),
        ("fault", {"target": "upi", "mode": "fire"}, "mode must be one of: timeout"),
        ("fault", {"target": "moon", "mode": "none"}, "target must be one of: card"),
        ("fault", {"target": "upi", "mode": "timeout", "seconds": 0}, "seconds must be 1"),
    ],
)
async def test_bad_input_is_told_what_to_do(
    lab: SandboxLaboratory, path: str, wish: dict[str, Any], words: str
) -> None:
    if wish.get("uri"):
        wish = wish | {"uri": await lab.start()}

    status, answer = await lab.control(path, **wish)

    assert status == 400
    assert words in answer["error"]


async def test_a_body_that_is_no_json_is_told_what_to_send(lab: SandboxLaboratory) -> None:
    async with aiohttp.ClientSession() as session:
        for body in (b"", b"[", b"x" * 70_000):
            async with session.post(f"{lab.address}/sandbox/clock", data=body) as response:
                assert response.status == 400
                assert "JSON" in (await response.json())["error"]


@pytest.mark.parametrize("key", ["", "Bearer wrong", f"Basic {API_KEY}"])
async def test_the_bank_serves_nobody_without_its_key(lab: SandboxLaboratory, key: str) -> None:
    await lab.start()
    url = f"{lab.address}/sandbox/provider/upi/orders/payment7"
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"authorization": key}) as response,
    ):
        assert response.status == 401


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expires_at": "2020-01-01T00:00:00+00:00"}, "future"),
        ({"expires_at": "2099-01-01T00:00:00"}, "time zone"),
        ({"amount": "0.00"}, "invalid amount"),
        ({"amount": 409.71}, "str"),
        ({"currency": "USD"}, "INR"),
        ({"reference": "a/b"}, "reference"),
    ],
    ids=str,
)
async def test_the_bank_refuses_an_order_it_cannot_keep(
    lab: SandboxLaboratory, change: dict[str, Any], words: str
) -> None:
    wish = {
        "reference": "payment7",
        "amount": "409.71",
        "currency": "INR",
        "payee_name": "Acme Toys",
        "note": "Invoice 7",
        "expires_at": "2099-01-01T00:00:00+00:00",
        "notify_url": f"{lab.address}/notifications",
    }
    url = f"{lab.address}/sandbox/provider/upi/orders"
    headers = {"authorization": f"Bearer {API_KEY}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=wish | change, headers=headers) as response,
    ):
        assert response.status == 400
        assert words in (await response.json())["error"]


async def test_a_payee_in_any_script_gets_a_link_that_apps_take(lab: SandboxLaboratory) -> None:
    order = lab.order()
    for name in ("आनंद मिठाई", "Ünïcode & Söhne + 50% ", "", "\0\n\x85", "🧸" * 300):
        wish = type(order)(
            reference=f"order{len(name)}",
            amount=order.amount,
            payee_name=name,
            note=name,
            expires_at=order.expires_at,
            notify_url=order.notify_url,
        )
        outcome = await lab.connector.start(wish)
        assert link.problems(outcome.link or "") == []


async def test_the_bank_gives_up_after_five_tries(lab: SandboxLaboratory) -> None:
    uri = await lab.start()
    lab.deaf = True
    await lab.pay(uri, "success")
    await lab.settle()
    for seconds in (5, 15, 60, 300):
        await lab.advance(seconds=seconds)
    lab.deaf = False
    await lab.advance(hours=1)

    assert lab.heard == []


async def test_each_try_is_signed_anew(lab: SandboxLaboratory) -> None:
    """A receiver may refuse what was signed long ago, so a late try must not be."""
    uri = await lab.start()
    lab.deaf = True
    await lab.pay(uri, "success")
    await lab.settle()
    lab.deaf = False
    await lab.advance(hours=1)

    (notice,) = lab.told
    assert notice.outcome is not None
    assert notice.outcome is not None
    assert notice.outcome.kind is Kind.CAPTURED


async def test_the_pretend_app_shows_and_pays(lab: SandboxLaboratory) -> None:
    uri = await lab.start()
    app = f"{lab.address}/sandbox/upi/app"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{app}?uri={quote(uri, safe='')}") as shown:
            page = html.unescape(await shown.text())
        async with session.post(app, data={"uri": uri, "pin": "1", "outcome": "success"}) as paid:
            result = await paid.text()

    assert uri in page
    assert "Acme Toys" in page
    assert "409.71" in page
    assert paid.status == 200
    assert "Paid" in result
    assert (await lab.connector.look_up("payment7")).kind is Kind.CAPTURED


async def test_the_pretend_app_says_why_it_cannot_pay(lab: SandboxLaboratory) -> None:
    uri = await lab.start()
    clock.move_to_offset(timedelta(minutes=8))
    app = f"{lab.address}/sandbox/upi/app"
    async with (
        aiohttp.ClientSession() as session,
        session.post(app, data={"uri": uri, "outcome": "success"}) as refused,
    ):
        page = await refused.text()

    assert refused.status == 409
    assert "this QR has expired" in page


async def test_the_apps_stylesheet_is_served(lab: SandboxLaboratory) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{lab.address}/sandbox/upi/app") as shown:
            page = await shown.text()
        path = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
        async with session.get(lab.address + path) as found:
            assert (found.status, found.content_type) == (200, "text/css")
        async with session.get(f"{lab.address}/static/sandbox/other.css") as absent:
            assert absent.status == 404
