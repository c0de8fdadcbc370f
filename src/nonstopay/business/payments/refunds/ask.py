"""A merchant gives money back: it is set aside at once, and sent by the worker."""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import CRYPTO
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.disputes import records as disputes
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.refunds import records
from nonstopay.business.payments.refunds.refund import OBJECT, Refund, Source
from nonstopay.business.payments.refunds.states import MACHINE, Event, State
from nonstopay.business.payments.refunds.tell import tell
from nonstopay.business.payments.review.hold import free
from nonstopay.business.payments.states import State as PaymentState
from nonstopay.errors import Conflict, InvalidAmount, NotFound
from nonstopay.ledger import movements, post
from nonstopay.ledger.movements import Facts
from nonstopay.money import Money, Rounding, divide
from nonstopay.store import jobs
from nonstopay.store.db import Connection

CARRY_OUT = "refund:carry-out"


class NotRefundable(Conflict):
    """The invoice has no captured payment, or its money is with the payer's bank already."""

    code = "not_refundable"


class NoWayBack(NotRefundable):
    """Nobody knows where to: coins go back to an address that their payer names."""


class BalanceTooLow(Conflict):
    """The merchant's balance does not hold what he wants to give back."""

    code = "balance_too_low"


async def ask(
    tx: Connection,
    merchant_id: int,
    invoice_id: int,
    amount: Money | None,
    *,
    note: str | None,
    at: datetime,
) -> tuple[Refund, Payment]:
    """Set `amount` aside for the payer of an invoice, in the caller's transaction.

    Our fee stays with us: the merchant gives back what the payer paid. Of what is withheld for review
    that much is freed for it.

    Args:
        amount: in the invoice's currency; `None` is all that is left and that the payer's bank has not.

    Returns:
        The refund, and the payment as it stands after.

    Raises:
        NotFound: the merchant has no such invoice.
        NotRefundable: nothing was captured, nothing is left, or the payer's bank has it; `NoWayBack` if it
            was paid by crypto.
        InvalidAmount: more than is left, or too little to be a unit of the payer's currency.
        BalanceTooLow: settled or spent already.
    """
    invoice = await invoices.lock(tx, merchant_id, invoice_id)
    if invoice is None:
        raise NotFound(f"invoice {invoice_id} not found")
    payment = await payments.current(tx, merchant_id, invoice_id)
    if payment is None or payment.state is not PaymentState.CAPTURED:
        raise NotRefundable(f"invoice {invoice_id} has no captured payment")
    if payment.method == CRYPTO.name:
        raise NoWayBack("coins go back to an address that the payer names; none is known")
    if not payment.refundable.minor:
        raise NotRefundable(f"invoice {invoice_id} is refunded")
    most = await left(tx, payment)
    if not most.minor:
        raise NotRefundable(f"the payer's bank has the money of invoice {invoice_id} back")
    amount = amount or most
    if amount.minor <= 0 or amount.minor > most.minor:
        raise InvalidAmount(f"{most} of invoice {invoice_id} can be refunded")
    refund = await _new(tx, payment, amount, note, at)
    await records.insert(tx, refund)
    after = replace(payment, refunded=payment.refunded + amount, version=payment.version + 1)
    await payments.save(tx, after)
    await _set_aside(tx, payment, refund, at)
    await tell(tx, refund)
    await jobs.enqueue(tx, merchant_id, CARRY_OUT, str(refund.id), {}, at)
    return refund, after


async def left(conn: Connection, payment: Payment) -> Money:
    """What can still be refunded of a payment: what neither the payer nor his bank has."""
    taken = await disputes.taken_of(conn, payment.merchant_id, payment.id)
    return Money(max(payment.refundable.minor - taken, 0), payment.amount.currency)


async def _new(
    tx: Connection, payment: Payment, amount: Money, note: str | None, at: datetime
) -> Refund:
    charged = await _in_payers_currency(tx, payment, amount)
    if charged.minor <= 0:
        raise InvalidAmount(f"{amount} is less than the smallest unit of {charged.currency}")
    return Refund(
        merchant_id=payment.merchant_id,
        id=await records.next_id(tx),
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        state=MACHINE.step(State.NEW, Event.ASKED).after,
        version=1,
        amount=amount,
        charged=charged,
        note=note,
        refusal=None,
        source=Source.MERCHANT,
        provider_reference=None,
        asked_at=at,
        state_at=at,
    )


async def _in_payers_currency(tx: Connection, payment: Payment, amount: Money) -> Money:
    """The part's share of what the payer paid; the last part takes what rounding left."""
    if amount.currency == payment.charged.currency:
        return amount
    refunded = payment.refunded.minor + amount.minor
    in_all = divide(payment.charged.minor * refunded, payment.captured.minor, Rounding.DOWN)
    before = await records.charged_so_far(tx, payment.merchant_id, payment.id)
    return Money(in_all - before, payment.charged.currency)


async def _set_aside(tx: Connection, payment: Payment, refund: Refund, at: datetime) -> None:
    facts = Facts(
        merchant_id=refund.merchant_id,
        key=f"{OBJECT}:{refund.id}/{movements.REFUND_ASKED}",
        about=f"{OBJECT}:{refund.id}",
        at=at,
        connector=payment.connector,
        charged=refund.charged,
        credited=refund.amount,
    )
    freed = await free(tx, payment, refund.amount, at)
    try:
        await post.post(tx, [*freed, *movements.lines(movements.REFUND_ASKED, facts)])
    except post.Overdraft as overdraft:
        raise BalanceTooLow(f"{overdraft.missing} are missing in the balance") from None
