"""Money into the review and out of it: the state and the books, in the caller's transaction.

Whoever calls holds the invoice's row lock.
"""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.review import records
from nonstopay.business.payments.review.review import Review
from nonstopay.business.payments.review.states import MACHINE, Event, State
from nonstopay.business.risk import records as risk
from nonstopay.business.risk.verdict import Decision
from nonstopay.ledger import movements, post
from nonstopay.ledger.movements import Facts
from nonstopay.ledger.transfer import Transfer
from nonstopay.money import Money
from nonstopay.store.db import Connection


async def withhold(tx: Connection, payment: Payment, amount: Money, at: datetime) -> bool:
    """Withhold what the merchant was just credited, if the payment is to be reviewed; whether it was."""
    review = await records.find(tx, payment.merchant_id, payment.id)
    if review is None:
        decision = await risk.decision_of(tx, payment.merchant_id, payment.id)
        if decision is not Decision.REVIEW:
            return False
        review = _new(payment, at)
    return await _hold(tx, review, amount, at)


async def withhold_now(tx: Connection, payment: Payment, amount: Money, at: datetime) -> bool:
    """Withhold what the merchant was credited earlier, whatever was decided then; whether it was.

    Raises:
        Overdraft: his balance does not hold it any more; nothing was written.
    """
    review = await records.find(tx, payment.merchant_id, payment.id)
    return await _hold(tx, review or _new(payment, at), amount, at)


async def _hold(tx: Connection, review: Review, amount: Money, at: datetime) -> bool:
    step = MACHINE.step(review.state, Event.MONEY)
    if not step.moved:
        return False
    after = _next(review, step.after, review.held + amount, at)
    await post.post(tx, _lines(after, movements.WITHHOLD, amount, at))
    await records.save(tx, after)
    return True


async def end(tx: Connection, review: Review, event: Event, at: datetime) -> Review:
    """End a review: what was withheld is on the merchant's account again. One that is over, stays."""
    step = MACHINE.step(review.state, event)
    if not step.moved:
        return review
    after = _next(review, step.after, Money(0, review.held.currency), at)
    await post.post(tx, _lines(after, movements.RELEASE, review.held, at))
    await records.save(tx, after)
    return after


async def free(tx: Connection, payment: Payment, wanted: Money, at: datetime) -> list[Transfer]:
    """Lines that free, of what is withheld of a payment, as much as goes back to its payer.

    The caller posts them together with those of the refund.
    """
    review = await records.find(tx, payment.merchant_id, payment.id)
    if review is None or review.state is not State.HELD:
        return []
    freed = min(review.held, wanted)
    after = _next(review, State.HELD, review.held - freed, at)
    await records.save(tx, after)
    return _lines(after, movements.RELEASE, freed, at)


def _new(payment: Payment, at: datetime) -> Review:
    return Review(
        merchant_id=payment.merchant_id,
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        state=State.NEW,
        version=0,
        held=Money(0, payment.amount.currency),
        opened_at=at,
        state_at=at,
    )


def _next(review: Review, state: State, held: Money, at: datetime) -> Review:
    return replace(review, state=state, version=review.version + 1, held=held, state_at=at)


def _lines(after: Review, movement: str, amount: Money, at: datetime) -> list[Transfer]:
    facts = Facts(
        merchant_id=after.merchant_id,
        key=f"{after.about}/{movement}/{after.version}",
        about=after.about,
        at=at,
        connector="",
        credited=amount,
    )
    return movements.lines(movement, facts)
