"""Somebody gave money back at the provider's own desk: it becomes a refund like any other.

The payer has the money already, so nothing is asked: what the merchant's balance does not hold he owes,
as after a chargeback.
"""

import logging
from dataclasses import replace
from datetime import datetime

from nonstopay.business.invoices import records as invoices
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.refunds import records
from nonstopay.business.payments.refunds.carry_out import record_refund
from nonstopay.business.payments.refunds.refund import OBJECT, Refund, Source
from nonstopay.business.payments.refunds.states import MACHINE, Event, State
from nonstopay.business.payments.refunds.tell import tell
from nonstopay.business.payments.review.hold import free
from nonstopay.business.payments.states import State as PaymentState
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.errors import NotFound, Unavailable
from nonstopay.ledger import balances, movements, post
from nonstopay.ledger.chart import MERCHANT
from nonstopay.ledger.movements import Facts
from nonstopay.ledger.transfer import Transfer
from nonstopay.money import Money, Rounding, divide
from nonstopay.store.db import Connection, Database

NOTE = "refunded at the provider"
_log = logging.getLogger(__name__)


class NotYet(Unavailable):
    """More than is left, while a refund of ours is under way: one of the two will be refused."""

    code = "refund_under_way"


async def hear_of(
    db: Database, merchant_id: int, payment_id: int, outcome: Outcome, *, at: datetime
) -> Refund | None:
    """Take in a refund that is not ours; told twice, it is one.

    Args:
        outcome: REFUNDED with the sum, or REFUND_REFUSED if it came back; `provider_reference` is its
            id there.

    Returns:
        The refund; `None` if it cannot be booked, which is logged: nobody knows which refund it is, or
        it is more than was taken of the payer, or one that came back and that we never heard of.

    Raises:
        NotFound: no such payment.
        NotYet: a refund of ours must be decided first; then it is to be told again.
    """
    async with db.transaction() as tx:
        payment = await _lock(tx, merchant_id, payment_id)
        known = await _known(tx, payment, outcome)
        if known is None and outcome.kind is Kind.REFUNDED:
            return await _new(tx, payment, outcome, at)
    if known is not None:
        return await record_refund(db, merchant_id, known.id, outcome, at=at)
    _cannot_book(payment, outcome, "it came back, and was never heard of")
    return None


async def _lock(tx: Connection, merchant_id: int, payment_id: int) -> Payment:
    found = await payments.find(tx, merchant_id, payment_id)
    if found is None:
        raise NotFound(f"there is no payment {payment_id}")
    await invoices.lock(tx, merchant_id, found.invoice_id)
    return await payments.find(tx, merchant_id, payment_id) or found


async def _known(tx: Connection, payment: Payment, outcome: Outcome) -> Refund | None:
    name = outcome.provider_reference
    if name is None:
        return None
    return await records.by_reference(tx, payment.merchant_id, payment.id, name)


async def _new(tx: Connection, payment: Payment, outcome: Outcome, at: datetime) -> Refund | None:
    charged, name = outcome.amount, outcome.provider_reference
    if name is None or charged is None or charged.currency != payment.charged.currency:
        _cannot_book(payment, outcome, "it has no name, or another currency")
        return None
    amount = await _in_invoice_currency(tx, payment, charged)
    is_captured = payment.state is PaymentState.CAPTURED
    if not is_captured or not 0 < amount.minor <= payment.refundable.minor:
        if await records.is_under_way(tx, payment.merchant_id, payment.id):
            raise NotYet(f"a refund of payment {payment.id} is under way")
        _cannot_book(payment, outcome, f"{payment.refundable} is left")
        return None
    step = MACHINE.step(State.NEW, Event.REFUNDED)
    refund = Refund(
        merchant_id=payment.merchant_id,
        id=await records.next_id(tx),
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        state=step.after,
        version=1,
        amount=amount,
        charged=charged,
        note=NOTE,
        refusal=None,
        source=Source.PROVIDER,
        provider_reference=name,
        asked_at=at,
        state_at=at,
    )
    await records.insert(tx, refund)
    after = replace(payment, refunded=payment.refunded + amount, version=payment.version + 1)
    await payments.save(tx, after)
    await post.post(tx, await _lines(tx, payment, refund, at))
    await tell(tx, refund)
    return refund


async def _in_invoice_currency(tx: Connection, payment: Payment, charged: Money) -> Money:
    """By the payment's own rate; the last part takes what rounding left."""
    if charged.currency == payment.amount.currency:
        return charged
    before = await records.charged_so_far(tx, payment.merchant_id, payment.id)
    if before + charged.minor == payment.charged.minor:
        return payment.refundable
    share = payment.captured.minor * charged.minor
    minor = divide(share, payment.charged.minor, Rounding.HALF_EVEN)
    return Money(min(minor, payment.refundable.minor), payment.amount.currency)


async def _lines(tx: Connection, payment: Payment, refund: Refund, at: datetime) -> list[Transfer]:
    """Of what is withheld for review first, then of the balance; the rest is owed."""
    await post.hold(tx, refund.merchant_id)
    freed = await free(tx, payment, refund.amount, at)
    held = await balances.balance(tx, refund.merchant_id, MERCHANT, refund.amount.currency)
    there = held.minor + sum(line.amount.minor for line in freed)
    facts = Facts(
        merchant_id=refund.merchant_id,
        key=f"{OBJECT}:{refund.id}/{movements.REFUND_AT_DESK}",
        about=f"{OBJECT}:{refund.id}",
        at=at,
        connector=payment.connector,
        charged=refund.charged,
        credited=refund.amount,
        owed=Money(max(refund.amount.minor - there, 0), refund.amount.currency),
    )
    return [*freed, *movements.lines(movements.REFUND_AT_DESK, facts)]


def _cannot_book(payment: Payment, outcome: Outcome, why: str) -> None:
    _log.error(
        "a refund at the provider that cannot be booked",
        extra={
            "connector": payment.connector,
            "merchant": payment.merchant_id,
            "payment": payment.id,
            "refund": outcome.provider_reference,
            "amount": str(outcome.amount),
            "why": why,
        },
    )
