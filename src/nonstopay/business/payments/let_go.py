"""Let go what is reserved on a payer's card and will not be taken."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from nonstopay import clock
from nonstopay.business.invoices import records as invoices
from nonstopay.business.payments import records
from nonstopay.business.payments.captures import records as captures
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails, paid
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.run_out import is_over
from nonstopay.business.payments.states import Event, State
from nonstopay.business.payments.step import Source, step_by_hand
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.errors import Conflict, NotFound
from nonstopay.store.db import Connection, Database

_PAUSE = timedelta(seconds=5)
_PAUSE_MAX = timedelta(hours=1)
_PAUSE_REFUSED = timedelta(days=1)
REFUSALS_MAX = 10
"""With growing pauses, an hour and a half: then a person is told."""
_STILL_THERE = frozenset({Kind.UNKNOWN, Kind.PROCESSING, Kind.AUTHORISED, Kind.VOID_REFUSED})
_log = logging.getLogger(__name__)


class NotVoidable(Conflict):
    """Nothing is reserved on this invoice that could be let go whole."""

    code = "not_voidable"


async def ask_to_let_go(
    tx: Connection, merchant_id: int, invoice_id: int, *, at: datetime
) -> Payment:
    """The merchant does not want the reservation; the worker tells the provider.

    Raises:
        NotFound: the merchant has no such invoice.
        NotVoidable: nothing is reserved, a part is being captured, or was: then capture a last part
            as final.
    """
    if await invoices.lock(tx, merchant_id, invoice_id) is None:
        raise NotFound(f"invoice {invoice_id} not found")
    payment = await records.current(tx, merchant_id, invoice_id)
    if payment is None or payment.state is not State.AUTHORISED:
        raise NotVoidable(f"nothing is reserved on invoice {invoice_id}")
    if await captures.is_under_way(tx, merchant_id, payment.id):
        raise NotVoidable(f"a part of what is reserved on invoice {invoice_id} is being captured")
    return await step_by_hand(tx, payment, Event.LET_GO, at)


async def let_go(
    db: Database, rails: Rails, merchant_id: int, payment_id: int, *, attempts: int, at: datetime
) -> datetime | None:
    """Ask the provider once; when to ask again, or `None` when it is over.

    A refusal is no end: the money may have been captured, or the reservation run out. So the next
    question is what became of the payment. One that is refused again and again is told to the operator
    once, and ends when nobody keeps reservations that long; money that was taken after all is heard
    even then.
    """
    async with db.reading() as conn:
        payment = await records.find(conn, merchant_id, payment_id)
    if payment is None or payment.state is not State.VOIDING:
        return None
    connector = rails.card_connector(payment.connector)
    said = outcome = await connector.void(paid(payment), f"void-{payment.id}")
    if said.kind is Kind.VOID_REFUSED:
        outcome = await connector.look_up(paid(payment))
    if outcome.kind in _STILL_THERE and is_over(payment, at):
        outcome = Outcome(kind=Kind.VOIDED, at=at, detail="nobody keeps a reservation that long")
        payment = await _record(db, payment, outcome, "clock")
    else:
        payment = await _record(db, payment, outcome, "reply")
    if payment.state is not State.VOIDING:
        return None
    if said.kind is Kind.VOID_REFUSED and attempts >= REFUSALS_MAX:
        await _tell_operator(db, payment, said, at)
        return at + _PAUSE_REFUSED
    return at + min(_PAUSE * (1 << min(attempts, 12)), _PAUSE_MAX)


async def _record(db: Database, payment: Payment, outcome: Outcome, source: Source) -> Payment:
    return await record_outcome(
        db, payment.connector, payment.reference, outcome, source=source, at=clock.now()
    )


async def _tell_operator(db: Database, payment: Payment, said: Outcome, at: datetime) -> None:
    """Keep the refusal in the payment's history and raise the alarm, once."""
    async with db.transaction() as tx:
        await invoices.lock(tx, payment.merchant_id, payment.invoice_id)
        if await records.has_news(tx, payment.merchant_id, payment.id, said.kind):
            return
        await records.add_news(
            tx,
            replace(payment, state_at=at),
            before=payment.state,
            source="reply",
            outcome=said.kind,
            facts={"detail": said.detail},
        )
    _log.error(
        "a provider refuses to let a reservation go",
        extra={
            "connector": payment.connector,
            "merchant": payment.merchant_id,
            "payment": payment.id,
            "detail": said.detail,
        },
    )
