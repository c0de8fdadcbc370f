"""What was reserved on a card and not taken is free again: its time is over.

The provider says so, or the longest time is over for which any provider keeps a reservation. What was
authorised is then captured or voided, and nothing of it is open.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from nonstopay.business.payments import records
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import State
from nonstopay.business.payments.step import Source
from nonstopay.connectors.outcome import Kind
from nonstopay.store.db import Connection

RESERVED_AT_MOST = timedelta(days=31)
"""Visa and Mastercard keep an authorisation for thirty days at most, Adyen for 28, Stripe and Checkout.com
for seven unless more was asked for."""


def has_rest(payment: Payment) -> bool:
    """Whether a payment was captured in part, on the merchant's word, and the rest is reserved still."""
    return payment.by_hand and payment.state is State.CAPTURED and payment.open.minor > 0


def is_over(payment: Payment, at: datetime) -> bool:
    """Whether nobody keeps a reservation of this payment any more, whatever he says or does not say."""
    return at >= payment.started_at + RESERVED_AT_MOST


async def run_out(tx: Connection, payment: Payment, source: Source, at: datetime) -> Payment:
    """Void what is open of a payment that was captured in part; its invoice's row is locked.

    A part that is being captured may have been taken before: when that is heard, less was voided.
    """
    if not has_rest(payment):
        return payment
    after = replace(
        payment, voided=payment.authorised - payment.captured, version=payment.version + 1
    )
    await records.save(tx, after)
    facts = {"amount": str(payment.open)}
    await records.add_news(
        tx,
        replace(after, state_at=at),
        before=payment.state,
        source=source,
        outcome=Kind.VOIDED,
        facts=facts,
    )
    return after
