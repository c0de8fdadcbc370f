"""Money that is not the merchant's: paid twice, or of a wrong amount, it goes back."""

from tests.stories.payments.accounts import Auditor, captured, must_hold, returned
from tests.stories.payments.till import Sale, Till, eventually_so


async def with_a_second_code(till: Till) -> tuple[Sale, str]:
    """A payer whose first try was refused took a new code: the sale, and the new link."""
    sale = till.hosted()
    sale.pay("wrong_pin")
    await sale.shows("declined")
    new_link = sale.new_qr()
    assert new_link != sale.link
    return sale, new_link


async def test_an_old_qr_paid_after_the_new_one_goes_back(till: Till, auditor: Auditor) -> None:
    sale, new_link = await with_a_second_code(till)

    sale.pay(link=new_link)
    await sale.shows("paid")
    sale.pay(link=sale.link)

    await eventually_so(lambda: auditor.states(sale.invoice), ["returned", "captured"])
    charged = await auditor.charged(sale.invoice)
    assert await auditor.refunds_at_the_bank(sale.invoice) == [charged]
    lines = await auditor.lines(sale.invoice)
    assert lines == captured(charged, "5.00", "0.80") + returned(charged)
    assert sale.state_shown() == "paid"
    assert sale.status() == "invoice:awaiting_approval"
    await sale.is_told("created", "opened", "awaiting_approval")


async def test_an_old_qr_may_pay_the_invoice_and_then_the_new_one_does_not(
    till: Till, auditor: Auditor
) -> None:
    sale, new_link = await with_a_second_code(till)

    sale.pay(link=sale.link)
    page = await sale.shows("paid")
    utr = await auditor.conn.fetchval(
        "SELECT network_reference FROM payment WHERE invoice_id = $1 AND state = 'captured'",
        sale.invoice,
    )
    assert utr in page, "the receipt is that of the payment that paid"
    sale.pay(link=new_link)

    await eventually_so(lambda: auditor.states(sale.invoice), ["captured", "returned"])
    await sale.is_told("created", "opened", "awaiting_approval")


async def test_an_old_qr_in_doubt_holds_back_the_new_one(till: Till, auditor: Auditor) -> None:
    sale, _ = await with_a_second_code(till)

    sale.pay("pending", link=sale.link)

    page = await sale.shows("processing")
    assert "upi://pay" not in page, "a payer whose money may be on its way is not asked again"
    till.gateway.sandbox("clock", advance_seconds=30 * 60)
    await sale.shows("paid")
    assert await auditor.states(sale.invoice) == ["captured", "expired"]


async def test_an_amount_that_was_not_asked_for_goes_back_and_the_invoice_stays_open(
    till: Till, auditor: Auditor
) -> None:
    sale = till.hosted()
    charged = await auditor.charged(sale.invoice)
    await auditor.conn.execute(
        """UPDATE sandbox_upi_order SET amount_minor = amount_minor - 100
            WHERE reference = (SELECT reference FROM payment WHERE invoice_id = $1)""",
        sale.invoice,
    )
    less = f"{float(charged) - 1:.2f}"

    sale.pay(link=sale.link.replace(f"am={charged}", f"am={less}"))

    await eventually_so(lambda: auditor.states(sale.invoice), ["returned"])
    assert await auditor.lines(sale.invoice) == returned(less)
    assert await auditor.refunds_at_the_bank(sale.invoice) == [less]
    assert sale.status() == "invoice:opened"
    must_hold(till.gateway)
