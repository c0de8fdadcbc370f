"""One step of a payment that no provider spoke of, and the job that follows a step.

Whoever steps holds the invoice's row lock.
"""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from nonstopay.business.payments import records
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import Event, State, machine_of
from nonstopay.store import jobs
from nonstopay.store.db import Connection

Source = Literal["reply", "return", "notification", "look-up", "operator", "risk", "clock"]
"""Who brings news of a payment."""
GIVE_BACK = "payment:give-back"
LET_GO = "payment:let-go"
_FOLLOWED_BY = {State.RETURNING: GIVE_BACK, State.VOIDING: LET_GO}


async def step_by_hand(
    tx: Connection,
    payment: Payment,
    event: Event,
    at: datetime,
    *,
    source: Source = "operator",
) -> Payment:
    """A step that the merchant or the operator wants, or that a capture brings; it moves no money."""
    step = machine_of(payment.method).step(payment.state, event)
    after = replace(payment, state=step.after, version=payment.version + 1, state_at=at)
    await records.save(tx, after)
    await records.add_news(tx, after, before=step.before, source=source, outcome=event, facts={})
    await enqueue_what_follows(tx, after, at)
    return after


async def enqueue_what_follows(tx: Connection, after: Payment, at: datetime) -> None:
    """Have the worker carry on from the payment's new state."""
    if follows := _FOLLOWED_BY.get(after.state):
        await jobs.enqueue(tx, after.merchant_id, follows, str(after.id), {}, at)
