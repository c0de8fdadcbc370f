"""Send a refund through the provider, and take in what it says of it.

The refund's key makes asking twice asking once; an answer that nobody knows is asked for again, never
taken for a no.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from nonstopay.business.invoices import records as invoices
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.refunds import records
from nonstopay.business.payments.refunds.refund import OBJECT, Refund, key_of
from nonstopay.business.payments.refunds.states import MACHINE, Event, State
from nonstopay.business.payments.refunds.tell import tell
from nonstopay.business.payments.repay import repay
from nonstopay.business.payments.review.hold import withhold
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.errors import LawBroken, NotFound
from nonstopay.ledger import movements, post
from nonstopay.ledger.movements import Facts
from nonstopay.store.db import Connection, Database

_PAUSE = timedelta(seconds=5)
_PAUSE_MAX = timedelta(hours=1)
_EVENTS = {Kind.REFUNDED: Event.REFUNDED, Kind.REFUND_REFUSED: Event.REFUSED}
_log = logging.getLogger(__name__)


async def carry_out(
    db: Database, rails: Rails, merchant_id: int, refund_id: int, *, attempts: int, at: datetime
) -> datetime | None:
    """Ask the provider once; when to ask again, or `None` when the refund is decided."""
    async with db.reading() as conn:
        refund = await records.find(conn, merchant_id, refund_id)
        if refund is None or refund.state is not State.PENDING:
            return None
        payment = await payments.find(conn, merchant_id, refund.payment_id)
    if payment is None:
        raise LawBroken(f"refund {refund_id} without its payment")
    outcome = await rails.refund(payment, key_of(refund_id), refund.charged)
    refund = await record_refund(db, merchant_id, refund_id, outcome, at=at)
    if refund.state is not State.PENDING:
        return None
    return at + min(_PAUSE * (1 << min(attempts, 12)), _PAUSE_MAX)


async def record_refund(
    db: Database, merchant_id: int, refund_id: int, outcome: Outcome, *, at: datetime
) -> Refund:
    """Take in what a provider says of a refund, by reply or notification; the refund then.

    Raises:
        NotFound: the merchant has no such refund.
    """
    async with db.transaction() as tx:
        refund = await _lock(tx, merchant_id, refund_id)
        event = _EVENTS.get(outcome.kind)
        if event is None or not _is_the_sum(refund, outcome):
            return refund
        step = MACHINE.step(refund.state, event)
        if not step.moved:
            return refund
        refusal = outcome.detail if event is Event.REFUSED else None
        after = replace(
            refund, state=step.after, version=refund.version + 1, state_at=at, refusal=refusal
        )
        await records.save(tx, after)
        await _move_money(tx, after, step.movement, at)
        await tell(tx, after)
    return after


async def _lock(tx: Connection, merchant_id: int, refund_id: int) -> Refund:
    """The refund, under its invoice's row lock, which every writer of the invoice's money takes."""
    found = await records.find(tx, merchant_id, refund_id)
    if found is None:
        raise NotFound(f"there is no refund {refund_id}")
    await invoices.lock(tx, merchant_id, found.invoice_id)
    refund = await records.find(tx, merchant_id, refund_id)
    assert refund is not None
    return refund


def _is_the_sum(refund: Refund, outcome: Outcome) -> bool:
    """What the provider says it gave back must be what we asked for."""
    if outcome.kind is not Kind.REFUNDED or outcome.amount in (None, refund.charged):
        return True
    _log.error(
        "a provider refunded another sum",
        extra={"refund": refund.id, "asked": str(refund.charged), "said": str(outcome.amount)},
    )
    return False


async def _move_money(tx: Connection, refund: Refund, movement: str | None, at: datetime) -> None:
    payment = await payments.find(tx, refund.merchant_id, refund.payment_id)
    if payment is None or movement is None:
        raise LawBroken(f"refund {refund.id} without its payment or its movement")
    facts = Facts(
        merchant_id=refund.merchant_id,
        key=f"{OBJECT}:{refund.id}/{movement}",
        about=f"{OBJECT}:{refund.id}",
        at=at,
        connector=payment.connector,
        charged=refund.charged,
        credited=refund.amount,
    )
    await post.post(tx, movements.lines(movement, facts))
    if refund.state is State.FAILED:
        undone = replace(
            payment, refunded=payment.refunded - refund.amount, version=payment.version + 1
        )
        await payments.save(tx, undone)
        if not await withhold(tx, undone, refund.amount, at):
            await repay(tx, refund.merchant_id, refund.amount, key=f"{facts.about}/repay", at=at)
