"""Let go what is reserved on a payer's card and will not be taken."""

from datetime import datetime, timedelta

from nonstopay import clock
from nonstopay.business.invoices import records as invoices
from nonstopay.business.payments import records
from nonstopay.business.payments.captures import records as captures
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails, paid
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.states import Event, State
from nonstopay.business.payments.step import step_by_hand
from nonstopay.connectors.outcome import Kind
from nonstopay.errors import Conflict, NotFound
from nonstopay.store.db import Connection, Database

_PAUSE = timedelta(seconds=5)
_PAUSE_MAX = timedelta(hours=1)


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
    question is what became of the payment.
    """
    async with db.reading() as conn:
        payment = await records.find(conn, merchant_id, payment_id)
    if payment is None or payment.state is not State.VOIDING:
        return None
    connector = rails.card_connector(payment.connector)
    outcome = await connector.void(paid(payment), f"void-{payment.id}")
    if outcome.kind is Kind.VOID_REFUSED:
        outcome = await connector.look_up(paid(payment))
    payment = await record_outcome(
        db, payment.connector, payment.reference, outcome, source="reply", at=clock.now()
    )
    if payment.state is not State.VOIDING:
        return None
    return at + min(_PAUSE * (1 << min(attempts, 12)), _PAUSE_MAX)
