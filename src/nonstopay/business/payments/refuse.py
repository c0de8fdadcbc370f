"""The operator has looked at a withheld payment: it is not in order, and the payer gets his money back."""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.step import write
from nonstopay.business.payments.refunds.ask import ask
from nonstopay.business.payments.refunds.refund import Refund
from nonstopay.business.payments.review.hold import end
from nonstopay.business.payments.review.release import held, tell
from nonstopay.business.payments.review.review import Review
from nonstopay.business.payments.review.states import Event
from nonstopay.ledger import movements, post
from nonstopay.ledger.movements import Facts
from nonstopay.money import Money
from nonstopay.store.db import Connection

NOTE = "refused in review"


async def refuse(
    tx: Connection, merchant_id: int, invoice_id: int, *, note: str, at: datetime
) -> Refund | None:
    """Refund all of a withheld payment; our fee on it is none. The invoice stays withheld.

    Returns:
        The refund, which the worker carries out; `None` if the merchant had refunded all of it.

    Raises:
        NotFound: the merchant has no such invoice.
        NotHeld: nothing of it is withheld.
    """
    invoice, payment, review = await held(tx, merchant_id, invoice_id)
    after = await end(tx, review, Event.REFUSE, at)
    await _give_up_fee(tx, invoice, after, at)
    await tell(tx, payment, after, note)
    if not payment.refundable.minor:
        return None
    refund, _ = await ask(tx, merchant_id, invoice_id, None, note=NOTE, at=at)
    return refund


async def _give_up_fee(tx: Connection, invoice: Invoice, review: Review, at: datetime) -> None:
    if invoice.fee is None:
        return
    facts = Facts(
        merchant_id=review.merchant_id,
        key=f"{review.about}/{movements.FEE_UNDONE}/{review.version}",
        about=review.about,
        at=at,
        connector="",
        fee=invoice.fee,
    )
    await post.post(tx, movements.lines(movements.FEE_UNDONE, facts))
    await write(tx, replace(invoice, fee=Money(0, invoice.fee.currency)), at)
