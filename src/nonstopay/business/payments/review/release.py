"""The operator has looked at a withheld payment: it is in order."""

from datetime import datetime

from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import Event as InvoiceEvent
from nonstopay.business.invoices.step import step
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.repay import repay
from nonstopay.business.payments.review import records
from nonstopay.business.payments.review.hold import end
from nonstopay.business.payments.review.review import Review
from nonstopay.business.payments.review.states import Event, State
from nonstopay.errors import Conflict, NotFound
from nonstopay.store.db import Connection


class NotHeld(Conflict):
    """The invoice's money is not withheld: it never was, or somebody was faster."""

    code = "not_held"


async def release(
    tx: Connection, merchant_id: int, invoice_id: int, *, note: str, at: datetime
) -> Review:
    """The merchant gets the money, and hears that he may credit his customer.

    Args:
        note: why, for the payment's history.

    Raises:
        NotFound: the merchant has no such invoice.
        NotHeld: nothing of it is withheld.
    """
    invoice, payment, review = await held(tx, merchant_id, invoice_id)
    after = await end(tx, review, Event.RELEASE, at)
    await repay(tx, merchant_id, review.held, key=f"{after.about}/repay/{after.version}", at=at)
    await step(tx, invoice, InvoiceEvent.RELEASE, at)
    await tell(tx, payment, after, note)
    return after


async def held(
    tx: Connection, merchant_id: int, invoice_id: int
) -> tuple[Invoice, Payment, Review]:
    """What is withheld of an invoice, which is locked.

    Raises:
        NotFound: the merchant has no such invoice.
        NotHeld: nothing of it is withheld.
    """
    invoice = await invoices.lock(tx, merchant_id, invoice_id)
    if invoice is None:
        raise NotFound(f"invoice {invoice_id} not found")
    payment = await payments.current(tx, merchant_id, invoice_id)
    review = await records.find(tx, merchant_id, payment.id) if payment else None
    if payment is None or review is None or review.state is not State.HELD:
        raise NotHeld(f"nothing is withheld of invoice {invoice_id}")
    return invoice, payment, review


async def tell(tx: Connection, payment: Payment, after: Review, note: str) -> None:
    """A line of the payment's history."""
    await payments.add_news(
        tx,
        payment,
        before=payment.state,
        source="operator",
        outcome=f"review_{after.state}",
        facts={"note": note} if note else {},
    )
