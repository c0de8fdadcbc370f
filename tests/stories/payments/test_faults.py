"""The bank misbehaves; in the end the payer has paid once and the books say so."""

import time
from collections.abc import Iterator

import pytest

from tests.stories.gateway import call
from tests.stories.payments.accounts import Auditor, captured, must_hold
from tests.stories.payments.till import Sale, Till, buttons_on, eventually_so, upi_link_on

PROVIDER_PATIENCE_SECONDS = 10


@pytest.fixture(autouse=True)
def the_bank_gets_well(till: Till) -> Iterator[None]:
    yield
    fault(till, "none")


def fault(till: Till, mode: str) -> None:
    till.gateway.sandbox("fault", target="upi", mode=mode, seconds=86_400)


async def is_paid_once(sale: Sale, auditor: Auditor) -> None:
    await sale.shows("paid")
    assert await auditor.states(sale.invoice) == ["captured"]
    charged = await auditor.charged(sale.invoice)
    assert await auditor.lines(sale.invoice) == captured(charged, "5.00", "0.80")
    await sale.is_told("created", "opened", "awaiting_approval")


async def test_the_bank_tells_everything_twice(till: Till, auditor: Auditor) -> None:
    fault(till, "double_answer")
    sale = till.hosted()

    sale.pay()

    await is_paid_once(sale, auditor)
    waiting = "SELECT count(*) FROM sandbox_notice"
    await eventually_so(lambda: auditor.conn.fetchval(waiting), 0)
    assert await auditor.news(sale.invoice) == ["reply: waiting", "notification: captured"]
    must_hold(till.gateway)


@pytest.mark.parametrize("mode", ["error_500", "lost_answer"])
async def test_an_order_that_the_bank_did_not_confirm_is_opened_by_trying_again(
    till: Till, auditor: Auditor, mode: str
) -> None:
    fault(till, mode)
    page_url = till.merchant.new_page(amount=5)
    invoice = till.merchant.newest_invoice()
    choose_upi = next(one for one in buttons_on(call("GET", page_url).text) if "/pay/" in one)
    started = time.monotonic()
    assert call("POST", till.gateway.url + choose_upi).status == 303
    assert time.monotonic() - started < PROVIDER_PATIENCE_SECONDS + 2
    assert await auditor.states(invoice) == ["starting"]
    assert till.merchant.status(invoice) == "invoice:opened", "silence is no failure"

    fault(till, "none")
    assert call("POST", till.gateway.url + choose_upi).status == 303
    sale = Sale(till, invoice, page_url, upi_link_on(call("GET", page_url).text))
    sale.pay()

    await is_paid_once(sale, auditor)
    orders = "SELECT count(*) FROM sandbox_upi_order o JOIN payment p USING (reference)"
    assert await auditor.conn.fetchval(f"{orders} WHERE p.invoice_id = $1", invoice) == 1


async def test_a_bank_that_hangs_leaves_doubt_that_ends_when_it_is_well(
    till: Till, auditor: Auditor
) -> None:
    sale = till.hosted()
    fault(till, "timeout")

    till.gateway.sandbox("clock", advance_seconds=40)
    sale.pay("debit_no_credit")
    till.gateway.sandbox("clock", advance_seconds=6)
    await eventually_so(lambda: attempts(auditor, sale), 1)
    assert sale.state_shown() == "waiting", "no answer is no news"
    assert await auditor.states(sale.invoice) == ["waiting"]

    fault(till, "none")
    till.gateway.sandbox("clock", advance_seconds=80)
    await is_paid_once(sale, auditor)
    assert await auditor.news(sale.invoice) == ["reply: waiting", "look-up: captured"]


async def test_a_refund_whose_answer_is_lost_is_made_once(
    strict_till: Till, auditor: Auditor
) -> None:
    sale = strict_till.direct()
    sale.pay("late_success")
    await sale.shows("failed")
    fault(strict_till, "lost_answer")

    strict_till.gateway.sandbox("clock", advance_seconds=60)
    charged = await auditor.charged(sale.invoice)
    await eventually_so(lambda: auditor.refunds_at_the_bank(sale.invoice), [charged])
    assert await auditor.states(sale.invoice) == ["returning"], "nobody has confirmed it to us"

    fault(strict_till, "none")
    strict_till.gateway.sandbox("clock", advance_seconds=61)
    await eventually_so(lambda: auditor.states(sale.invoice), ["returned"])
    assert await auditor.refunds_at_the_bank(sale.invoice) == [charged]
    must_hold(strict_till.gateway)


async def attempts(auditor: Auditor, sale: Sale) -> int:
    """How often the worker asked the bank about the sale's payment."""
    asked = await auditor.conn.fetchval(
        """SELECT j.attempts FROM job j JOIN payment p ON j.key = p.id::text
            WHERE j.kind = 'payment:look-up' AND p.invoice_id = $1""",
        sale.invoice,
    )
    return int(asked)
