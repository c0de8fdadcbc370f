"""A merchant's own form: the card comes server to server, and the reply says how it went."""

import ipaddress
import json
import secrets
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.stories.api.wire import CREATE, code
from tests.stories.gateway import Answer, Gateway, Merchant, call
from tests.stories.payments.accounts import Auditor, audit
from tests.stories.payments.till import eventually_so

VISA, MASTERCARD, CHALLENGED = "4242424242424242", "5555555555554444", "4000000000003220"
BROKE, SILENT = "4000000000009995", "4000000000000119"
PAID, FAILED, OPENED = "invoice:awaiting_approval", "invoice:failed", "invoice:opened"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def card(number: str = VISA, **more: Any) -> dict[str, Any]:
    """Everything that the document asks for; each call comes from another payer's address."""
    return {
        "email": "asha@example.com",
        "amount": "5.00",
        "devise": "EUR",
        "name": "Asha Rao",
        "address1": "1 MG Road",
        "address2": "",
        "city": "Pune",
        "country": "IN",
        "postcode": "411001",
        "date_of_birth": "1990-02-28",
        "card_number": number,
        "card_expiry_date": "12/2039",
        "card_ccv": "917",
        "customer_ip": str(ipaddress.IPv6Address(secrets.randbits(96) + (0x20010DB8 << 96))),
        "phone": "+91 98200 12345",
    } | more


def pay(merchant: Merchant, number: str = VISA, **more: Any) -> Any:
    answer = merchant.post(CREATE, card(number, **more)).json()
    assert list(answer) == ["errorCode", "redirectUrl", "status", "ID"], answer
    return answer


@pytest.fixture
async def auditor(gateway: Gateway) -> AsyncIterator[Auditor]:
    async with audit(gateway) as auditor:
        yield auditor


@pytest.mark.parametrize(
    ("number", "status", "state"),
    [
        (VISA, PAID, "captured"),
        (MASTERCARD, PAID, "captured"),
        ("4000000000000259", PAID, "captured"),
        ("4000000000000002", FAILED, "declined"),
        (BROKE, FAILED, "declined"),
        ("4000000000000069", FAILED, "declined"),
        ("4000000000000127", FAILED, "declined"),
        (CHALLENGED, OPENED, "waiting"),
        (SILENT, OPENED, "unknown"),
    ],
)
async def test_every_test_card_has_its_outcome(
    merchant: Merchant, auditor: Auditor, number: str, status: str, state: str
) -> None:
    said = pay(merchant, number)

    assert said["status"] == status == merchant.status(int(said["ID"]))
    assert await auditor.states(int(said["ID"])) == [state]
    at_the_bank = urlsplit(said["redirectUrl"]).path.startswith("/sandbox/issuer/")
    assert at_the_bank is (number == CHALLENGED)
    assert call("GET", said["redirectUrl"]).status == 200


@pytest.mark.parametrize(
    ("typed", "status"), [("123456", PAID), ("654321", FAILED)], ids=["right", "wrong"]
)
async def test_a_payer_proves_himself_at_his_bank_and_may_come_late(
    merchant: Merchant, auditor: Auditor, typed: str, status: str
) -> None:
    said = pay(merchant, CHALLENGED)
    bank, invoice = said["redirectUrl"], int(said["ID"])
    assert call("GET", bank).status == call("GET", bank).status == 200, "closed, and opened again"
    assert merchant.status(invoice) == OPENED

    sent_back = call("POST", bank, urlencode({"code": typed}).encode(), FORM)
    page = call("GET", sent_back.headers["location"])
    again = call("POST", sent_back.headers["location"], b"PaRes=whatever", FORM)

    assert (sent_back.status, page.status, again.status) == (303, 303, 303)
    assert page.headers["location"].startswith("/widget/sale/create/?token=")
    await merchant.wait_for_status(invoice, status)
    assert await auditor.states(invoice) == ["captured" if status == PAID else "declined"]


async def test_a_lost_answer_is_looked_up_and_charged_once(own_gateway: Gateway) -> None:
    merchant = own_gateway.merchant()
    said = pay(merchant, SILENT)
    assert said["status"] == OPENED

    own_gateway.sandbox("clock", advance_seconds=120)
    await merchant.wait_for_status(int(said["ID"]), PAID)

    async with audit(own_gateway) as auditor:
        assert await auditor.states(int(said["ID"])) == ["captured"]


async def test_a_bank_page_that_is_left_alone_fails_the_invoice(own_gateway: Gateway) -> None:
    """Here; on the hosted page the payer may try again."""
    merchant = own_gateway.merchant()
    direct = int(pay(merchant, CHALLENGED)["ID"])
    page = merchant.create(payment_solution_type="CARD").json()["redirectUrl"]
    hosted = merchant.newest_invoice()
    form = {"number": CHALLENGED, "expiry": "12/39", "code": "917", "holder": "A", "after": "0"}
    address = f"{page.replace('/create/', '/pay/')}&method=card"
    assert call("POST", address, urlencode(form).encode(), FORM).status == 303

    own_gateway.sandbox("clock", advance_seconds=30 * 60)

    await merchant.wait_for_status(direct, FAILED)
    async with audit(own_gateway) as auditor:
        await eventually_so(lambda: auditor.states(hosted), ["expired"])
    assert merchant.status(hosted) == OPENED


def test_the_operator_books_a_dispute_that_nobody_else_could(merchant: Merchant) -> None:
    invoice = pay(merchant)["ID"]

    told = merchant.gateway.command(
        "payment", "dispute", invoice, f"dp_{invoice}", "chargeback", "--amount", "2.00"
    )

    assert "2.00 EUR, chargeback, borne by the merchant" in told
    assert merchant.status(int(invoice)) == "invoice:chargeback"
    rest = merchant.post("/api/invoice/refund/", {"id": invoice}).json()["invoice"]
    assert (rest["refunded"], rest["refundable"]) == ("3.00", "0.00")


def test_a_form_does_as_well_as_json(merchant: Merchant) -> None:
    headers = {"API-KEY": merchant.api_key, **FORM}
    answer = call("POST", merchant.gateway.url + CREATE, urlencode(card()).encode(), headers)
    assert answer.json()["status"] == PAID


@pytest.mark.parametrize(
    ("change", "number", "message"),
    [
        ({"name": None, "card_number": "1"}, 50015, "name required"),
        ({"address2": None}, 50015, "address2 required"),
        ({"card_number": ""}, 50015, "card_number required"),
        ({"phone": None, "country": "ZZ"}, 50015, "phone required"),
        ({"country": "ZZ", "card_number": "1"}, 50014, "invalid country"),
        ({"card_number": "4242424242424241"}, 50014, "invalid card_number"),
        ({"card_expiry_date": "01/2020", "card_ccv": "1"}, 50014, "invalid card_expiry_date"),
        ({"card_expiry_date": "12/9999"}, 50014, "invalid card_expiry_date"),
        ({"card_ccv": "12345"}, 50014, "invalid card_ccv"),
        ({"devise": "JPY"}, 50009, "invalid devise"),
        ({"amount": "0"}, 50013, "invalid amount"),
        ({"name": "4242 4242 4242 4242"}, 50014, "invalid name"),
        ({"address1": "see 4242.4242.4242.4242"}, 50014, "invalid address1"),
        ({"postcode": "4242-4242-4242-4242"}, 50014, "invalid postcode"),
        ({"phone": "378282246310005"}, 50014, "invalid phone"),
        ({"payment_solution_name": "upi_sandbox"}, 50017, "payment method not available"),
    ],
)
def test_what_is_wrong_is_named_and_makes_no_invoice(
    regular: Merchant, change: dict[str, Any], number: int, message: str
) -> None:
    sent = {"payment_solution_type": "CARD", **card(), **change}
    answer = regular.post(CREATE, sent)
    assert answer.json() == {"errorCode": number, "errorMessage": message}


def test_without_card_fields_the_payer_fills_in_the_card_himself(merchant: Merchant) -> None:
    said = merchant.create(payment_solution_type="CARD", customer_ip="203.0.113.9").json()
    assert list(said) == ["errorCode", "redirectUrl", "html"]
    assert 'data-state="card"' in call("GET", said["redirectUrl"]).text


async def test_sending_cards_is_a_permission(gateway: Gateway) -> None:
    merchant = gateway.merchant(name="Careful")
    gateway.command("merchant", "set", str(merchant.id), "--no-card-direct")
    # A process may remember a merchant for two seconds; this one was never asked about before.
    assert code(merchant.post(CREATE, card())) == 50017
    assert code(merchant.post(CREATE, card(card_number="nonsense"))) == 50017, "nothing is read"
    assert code(merchant.create(payment_solution_type="CARD")) == 0


async def test_a_repeat_is_answered_and_charges_nothing(
    merchant: Merchant, auditor: Auditor
) -> None:
    sent = card()
    first = merchant.post(CREATE, sent, Idempotency_Key="k")
    spaced = {**sent, "card_number": "4242 4242 4242 4242"}
    again = merchant.post(CREATE, spaced, Idempotency_Key="k")

    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    assert await auditor.states(int(first.json()["ID"])) == ["captured"]

    other = merchant.post(CREATE, {**sent, "card_number": MASTERCARD}, Idempotency_Key="k")
    assert other.status == 422
    assert other.json()["errorMessage"].endswith("different: card_number")


async def test_a_refused_card_is_refused_again_under_its_key_and_not_tried(
    merchant: Merchant, auditor: Auditor
) -> None:
    sent = card(BROKE)
    answers = [merchant.post(CREATE, sent, Idempotency_Key="no") for _ in range(2)]
    assert answers[0].body == answers[1].body
    assert await auditor.states(int(answers[0].json()["ID"])) == ["declined"]


async def test_a_repeat_of_a_call_that_was_cut_off_goes_on_with_its_charge(
    merchant: Merchant, auditor: Auditor
) -> None:
    """The process died after it had sent the charge: nobody was answered, and a while has passed."""
    sent = card(CHALLENGED)
    first = merchant.post(CREATE, sent, Idempotency_Key="cut").json()
    await auditor.conn.execute(
        """UPDATE idempotency SET answer = NULL, created_at = created_at - interval '1 hour'
            WHERE merchant_id = $1""",
        merchant.id,
    )
    await auditor.conn.execute(
        "UPDATE payment SET started_at = started_at - interval '1 hour' WHERE invoice_id = $1",
        int(first["ID"]),
    )

    again = merchant.post(CREATE, sent, Idempotency_Key="cut").json()

    assert again == first
    assert await auditor.states(int(first["ID"])) == ["waiting"]


async def test_twins_at_one_moment_are_one_charge(merchant: Merchant, auditor: Auditor) -> None:
    sent = card()

    def send(_: int) -> Answer:
        return merchant.post(CREATE, sent, Idempotency_Key="twin")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))

    assert {answer.status for answer in answers} <= {200, 409}
    assert len({answer.body for answer in answers if answer.status == 200}) == 1
    assert all(one.headers["retry-after"] == "1" for one in answers if one.status == 409)
    assert await auditor.states(merchant.newest_invoice()) == ["captured"]
    assert merchant.get("/api/client-invoice-history/get/").json()["total"] == "1"


async def test_neither_number_nor_code_stays_beside_the_vault(
    merchant: Merchant, auditor: Auditor
) -> None:
    said = merchant.post(CREATE, card(cvv="917", callbackJson={"a": 1}), Idempotency_Key="kept")
    invoice = int(said.json()["ID"])

    digests = json.loads(
        await auditor.conn.fetchval(
            "SELECT fields::text FROM idempotency WHERE merchant_id = $1", merchant.id
        )
    )
    told = await auditor.conn.fetchval("SELECT payer::text FROM invoice WHERE id = $1", invoice)
    assert not {"card_ccv", "cvv"} & digests.keys()
    assert {"card_number", "card_expiry_date", "name"} <= digests.keys()
    assert set(json.loads(told)) == {"name", "phone", "address1", "city", "postcode"}


def test_who_tries_card_after_card_is_told_to_wait(merchant: Merchant) -> None:
    stranger = "198.51.100.23"
    for _ in range(20):
        assert pay(merchant, BROKE, customer_ip=stranger)["status"] == FAILED

    answer = merchant.post(CREATE, card(customer_ip=stranger))

    assert (answer.status, answer.json()["errorCode"]) == (429, 429)
    assert 3000 < int(answer.headers["retry-after"]) <= 3600
    assert pay(merchant)["status"] == PAID, "another payer pays"
