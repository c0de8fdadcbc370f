"""The merchant takes a part of what is reserved, or all of it."""

from datetime import datetime

from nonstopay.business.invoices import records as invoices
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.captures import records
from nonstopay.business.payments.captures.capture import Capture
from nonstopay.business.payments.captures.states import State
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.review import records as reviews
from nonstopay.business.payments.states import State as PaymentState
from nonstopay.errors import Conflict, InvalidAmount, NotFound
from nonstopay.money import Money
from nonstopay.store import jobs
from nonstopay.store.db import Connection

CARRY_OUT = "capture:carry-out"
_RESERVED = frozenset({PaymentState.AUTHORISED, PaymentState.CAPTURED})


class NotCapturable(Conflict):
    """Nothing is reserved on this invoice, or all of it was taken or let go."""

    code = "not_capturable"


async def ask(
    tx: Connection,
    merchant_id: int,
    invoice_id: int,
    amount: Money | None,
    *,
    final: bool,
    at: datetime,
) -> tuple[Capture, Payment]:
    """Have the worker capture a part, in the caller's transaction.

    Args:
        amount: in the invoice's currency; `None` is all that is open.
        final: let go what is left after this part.

    Raises:
        NotFound: the merchant has no such invoice.
        NotCapturable: nothing is open, the last part is under way, or the review refused it.
        InvalidAmount: more than is open.
    """
    if await invoices.lock(tx, merchant_id, invoice_id) is None:
        raise NotFound(f"invoice {invoice_id} not found")
    payment = await payments.current(tx, merchant_id, invoice_id)
    if payment is None or payment.state not in _RESERVED or not payment.by_hand:
        raise NotCapturable(f"nothing is reserved on invoice {invoice_id}")
    if await reviews.is_refused(tx, merchant_id, payment.id):
        raise NotCapturable(f"the review refused the payment of invoice {invoice_id}")
    before = await records.of_payment(tx, merchant_id, payment.id, payment.amount.currency)
    asked = [one for one in before if one.state is State.ASKED]
    left = payment.open.minor - sum(one.amount.minor for one in asked)
    if left <= 0 or any(one.final for one in asked):
        raise NotCapturable(f"nothing is open on invoice {invoice_id}")
    amount = amount or Money(left, payment.amount.currency)
    if not 0 < amount.minor <= left:
        raise InvalidAmount(f"{Money(left, payment.amount.currency)} can be captured")
    capture = Capture(
        merchant_id=merchant_id,
        payment_id=payment.id,
        number=len(before) + 1,
        state=State.ASKED,
        version=1,
        amount=amount,
        final=final or amount.minor == left,
        reason=None,
        asked_at=at,
        state_at=at,
    )
    await records.insert(tx, capture)
    key = f"{payment.id}/{capture.number}"
    facts = {"payment": payment.id, "number": capture.number}
    await jobs.enqueue(tx, merchant_id, CARRY_OUT, key, facts, at)
    return capture, payment
