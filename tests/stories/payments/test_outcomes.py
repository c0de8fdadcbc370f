"""Every way a UPI payment can end: what the books, the merchant and the payer get to know.

Five dollars at a fee of 10 % and 0.30: 0.80 is ours, 4.20 the merchant's.
"""

from decimal import Decimal

import pytest

from tests.stories.payments.accounts import Auditor, captured, returned
from tests.stories.payments.till import Sale, Till, eventually_so

WAYS = pytest.mark.parametrize("way", ["hosted", "direct"])
REFUSALS = pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("wrong_pin", "The UPI PIN was not right."),
        ("insufficient_funds", "There was not enough money in the account."),
        ("declined", "Your bank refused the payment."),
    ],
)


async def is_credited(sale: Sale, auditor: Auditor) -> None:
    """The payer sees it, the merchant can credit his customer, the book has the three lines."""
    assert "4.20" not in await sale.shows("paid"), "the payer is shown what the merchant gets"
    assert sale.status() == "invoice:awaiting_approval"
    assert await auditor.states(sale.invoice) == ["captured"]
    charged = await auditor.charged(sale.invoice)
    assert await auditor.lines(sale.invoice) == captured(charged, "5.00", "0.80")
    infos = sale.till.merchant.infos(sale.invoice)
    assert f"{infos['fiat_amount']:.2f} {infos['fiat_currency']}" == f"{charged} INR"
    assert (infos["totalAmount"], infos["totalCurrency"]) == (4.2, "USDC")


async def moved_nothing(sale: Sale, auditor: Auditor) -> None:
    assert await auditor.lines(sale.invoice) == []


@WAYS
async def test_success(till: Till, auditor: Auditor, way: str) -> None:
    sale = till.sell(way)
    before = await auditor.balances(till.merchant.id)

    sale.pay("success")

    await is_credited(sale, auditor)
    await sale.is_told("created", "opened", "awaiting_approval")
    after = await auditor.balances(till.merchant.id)
    gained = {name: Decimal(after[name]) - Decimal(before.get(name, 0)) for name in after}
    gained.pop("payer INR", None)
    charged = Decimal(await auditor.charged(sale.invoice))
    assert gained == {
        "provider:upi_sandbox INR": -charged,  # an asset grows on its debit side
        "exchange INR": charged,
        "exchange USD": -Decimal(5),
        "merchant USD": Decimal("4.20"),
        "platform:fees USD": Decimal("0.80"),
    }
    assert await auditor.news(sale.invoice) == ["reply: waiting", "notification: captured"]


@REFUSALS
async def test_a_refusal_on_the_page_says_why_and_the_same_code_may_be_tried_again(
    till: Till, auditor: Auditor, outcome: str, words: str
) -> None:
    sale = till.hosted()

    sale.pay(outcome)

    page = await sale.shows("declined")
    assert words in page
    assert "You have not been charged." in page
    assert sale.link in page.replace("&amp;", "&"), "the code is still offered"
    assert sale.status() == "invoice:opened"
    assert await auditor.states(sale.invoice) == ["declined"]
    await moved_nothing(sale, auditor)

    sale.pay("success")
    await is_credited(sale, auditor)
    await sale.is_told("created", "opened", "awaiting_approval")


@REFUSALS
async def test_a_refusal_server_to_server_fails_the_invoice(
    till: Till, auditor: Auditor, outcome: str, words: str
) -> None:
    sale = till.direct()

    sale.pay(outcome)

    assert words not in await sale.shows("failed"), "the end is the merchant's to explain"
    assert sale.status() == "invoice:failed"
    assert await auditor.states(sale.invoice) == ["declined"]
    await moved_nothing(sale, auditor)
    await sale.is_told("created", "opened", "failed")


@WAYS
async def test_pending_is_neither_failure_nor_success_until_the_bank_says_so(
    till: Till, auditor: Auditor, way: str
) -> None:
    sale = till.sell(way)

    sale.pay("pending")

    page = await sale.shows("processing")
    assert "upi://pay" not in page, "a payer in doubt is not offered to pay again"
    assert sale.status() == "invoice:opened"
    assert await auditor.states(sale.invoice) == ["processing"]
    await moved_nothing(sale, auditor)
    await sale.is_told("created", "opened")

    till.gateway.sandbox("clock", advance_seconds=30 * 60)
    await is_credited(sale, auditor)
    await sale.is_told("created", "opened", "awaiting_approval")


async def test_late_success_on_the_page_is_credited_since_nobody_was_told_of_failure(
    till: Till, auditor: Auditor
) -> None:
    sale = till.hosted()

    sale.pay("late_success")

    await sale.shows("declined")
    assert sale.status() == "invoice:opened"
    till.gateway.sandbox("clock", advance_seconds=60)
    await is_credited(sale, auditor)
    await sale.is_told("created", "opened", "awaiting_approval")


async def test_late_success_after_a_failure_is_credited_if_the_merchant_wants_it(
    till: Till, auditor: Auditor
) -> None:
    sale = till.direct()

    sale.pay("late_success")
    await sale.shows("failed")
    till.gateway.sandbox("clock", advance_seconds=60)

    await is_credited(sale, auditor)
    await sale.is_told("created", "opened", "failed", "awaiting_approval")


async def test_late_success_after_a_failure_goes_back_if_the_merchant_wants_that(
    strict_till: Till, auditor: Auditor
) -> None:
    sale = strict_till.direct()

    sale.pay("late_success")
    await sale.shows("failed")
    strict_till.gateway.sandbox("clock", advance_seconds=60)

    await eventually_so(lambda: auditor.states(sale.invoice), ["returned"])
    charged = await auditor.charged(sale.invoice)
    assert await auditor.lines(sale.invoice) == returned(charged)
    assert await auditor.refunds_at_the_bank(sale.invoice) == [charged]
    assert sale.status() == "invoice:failed"
    await sale.is_told("created", "opened", "failed")
    balances = await auditor.balances(strict_till.merchant.id)
    assert balances == {"provider:upi_sandbox INR": "0.00", "payer INR": "0.00"}


@WAYS
async def test_debit_without_credit_is_found_out_by_asking(
    till: Till, auditor: Auditor, way: str
) -> None:
    sale = till.sell(way)

    till.gateway.sandbox("clock", advance_seconds=40)
    sale.pay("debit_no_credit")

    assert sale.state_shown() == "waiting", "nobody has told us anything"
    till.gateway.sandbox("clock", advance_seconds=6)
    page = await sale.shows("unknown")
    assert "Please do not pay again." in page
    assert "upi://pay" not in page
    assert sale.status() == "invoice:opened"
    await moved_nothing(sale, auditor)

    till.gateway.sandbox("clock", advance_seconds=15)
    await is_credited(sale, auditor)
    await sale.is_told("created", "opened", "awaiting_approval")
    assert await auditor.news(sale.invoice) == [
        "reply: waiting",
        "look-up: unknown",
        "look-up: captured",
    ]
