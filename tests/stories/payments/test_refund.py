"""A merchant gives money back over the API: once, and never more than was paid."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stories.payments.accounts import Auditor, must_hold
from tests.stories.payments.till import Sale, Till, eventually_so

REFUND = "/api/invoice/refund/"


@pytest.fixture
async def sale(till: Till) -> Sale:
    """Paid by UPI, five dollars. Another one went before: our fee is not given back."""
    for _ in range(2):
        sale = till.hosted()
        sale.pay()
        await till.merchant.wait_for_status(sale.invoice, "invoice:awaiting_approval")
    return sale


def refund(sale: Sale, **wish: Any) -> Any:
    headers = {"Idempotency_Key": wish.pop("key")} if "key" in wish else {}
    return sale.till.merchant.post(REFUND, {"id": sale.invoice, **wish}, **headers).json()


async def refunds(auditor: Auditor, sale: Sale) -> list[tuple[str, int]]:
    rows = await auditor.conn.fetch(
        "SELECT state, amount_minor FROM refund WHERE invoice_id = $1 ORDER BY id", sale.invoice
    )
    return [(row["state"], row["amount_minor"]) for row in rows]


async def test_in_two_parts_and_the_payer_has_every_paisa_back(
    sale: Sale, auditor: Auditor
) -> None:
    first = refund(sale, amount="1.99", reason="one cup was broken")
    assert first["invoice"] == {
        "id": str(sale.invoice),
        "refunded": "1.99",
        "refundable": "3.01",
    }
    assert refund(sale)["invoice"]["refundable"] == "0.00"

    async def seen() -> list[tuple[str, int]]:
        return await refunds(auditor, sale)

    await eventually_so(seen, [("success", 199), ("success", 301)])
    given = await auditor.conn.fetchval(
        "SELECT sum(charged_minor) FROM refund WHERE invoice_id = $1", sale.invoice
    )
    asked = await auditor.conn.fetchval(
        "SELECT charged_minor FROM payment WHERE invoice_id = $1", sale.invoice
    )
    assert given == asked
    assert refund(sale) == {"errorCode": 50017, "errorMessage": "payment method not available"}
    must_hold(sale.till.gateway)


async def test_fifty_at_once_are_one(sale: Sale, auditor: Auditor) -> None:
    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(lambda _: refund(sale, amount=5), range(50)))

    assert sorted(answer["errorCode"] for answer in answers) == [0] + [50017] * 49
    assert [amount for _, amount in await refunds(auditor, sale)] == [500]


async def test_the_same_key_is_the_same_refund(sale: Sale, auditor: Auditor) -> None:
    first = refund(sale, amount="2.00", key="return-17")

    assert refund(sale, amount="2.00", key="return-17") == first
    assert len(await refunds(auditor, sale)) == 1
    other = sale.till.merchant.post(
        REFUND, {"id": sale.invoice, "amount": "3.00"}, Idempotency_Key="return-17"
    )
    assert other.status == 422


@pytest.mark.parametrize(
    ("wish", "code", "message"),
    [
        ({"amount": "5.01"}, 50014, "invalid amount"),
        ({"amount": "0"}, 50014, "invalid amount"),
        ({"amount": "1e2"}, 50014, "invalid amount"),
        ({"reason": "x" * 201}, 50014, "invalid reason"),
        ({"id": None}, 50002, "id required"),
        ({"id": 999_999_999}, 50016, "invoice not found"),
    ],
)
def test_what_cannot_be_given_back_is_refused(
    till: Till, wish: dict[str, Any], code: int, message: str
) -> None:
    invoice = till.direct().invoice

    answer = till.merchant.post(REFUND, {"id": invoice, **wish}).json()

    expected = {(50014, "invalid amount"): (50017, "payment method not available")}
    if "amount" in wish and wish["amount"] == "5.01":
        code, message = expected[code, message]  # nothing was paid: that is told first
    assert answer == {"errorCode": code, "errorMessage": message}


def test_a_stranger_gives_nothing_back(till: Till, sale: Sale) -> None:
    stranger = till.gateway.merchant(name="Stranger")

    answer = stranger.post(REFUND, {"id": sale.invoice}).json()

    assert answer["errorCode"] == 50011


async def test_the_operator_refunds_from_the_command_line(sale: Sale, auditor: Auditor) -> None:
    gateway, invoice = sale.till.gateway, str(sale.invoice)

    told = gateway.command("payment", "refund", invoice, "--amount", "4.50", "--reason", "goodwill")

    assert "0.50 USD can still be refunded" in told

    async def seen() -> list[tuple[str, int]]:
        return await refunds(auditor, sale)

    await eventually_so(seen, [("success", 450)])
    shown = gateway.command("payment", "show", invoice)
    assert "captured 5.00 USD" in shown
    assert "refunded 4.50 USD" in shown
