"""Give captured money back to the payer: late, twice paid or of a wrong amount.

The refund carries a key made from our id, so it can be asked for again without harm; an answer that
nobody knows is asked for again, never taken for a no.
"""

from datetime import datetime, timedelta

from nonstopay.business.payments import records
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.states import State
from nonstopay.connectors.outcome import Kind
from nonstopay.ledger import balances
from nonstopay.ledger.chart import PAYER
from nonstopay.money import Money
from nonstopay.store.db import Connection, Database

_PAUSE = timedelta(seconds=10)
_PAUSE_MAX = timedelta(hours=1)


async def give_back(
    db: Database, rails: Rails, merchant_id: int, payment_id: int, *, attempts: int, at: datetime
) -> datetime | None:
    """Ask the provider for the refund once; when to ask again, or `None` when it is done."""
    async with db.reading() as conn:
        payment = await records.find(conn, merchant_id, payment_id)
        if payment is None or payment.state is not State.RETURNING:
            return None
        owed = await _owed(conn, payment)
    outcome = await rails.connector(payment.connector).refund(
        payment.reference, f"give-back-{payment.id}", owed
    )
    if outcome.kind in (Kind.REFUNDED, Kind.REFUND_REFUSED):
        payment = await record_outcome(
            db, payment.connector, payment.reference, outcome, source="reply", at=at
        )
    if payment.state is not State.RETURNING:
        return None
    return at + min(_PAUSE * (1 << min(attempts, 12)), _PAUSE_MAX)


async def _owed(conn: Connection, payment: Payment) -> Money:
    """What was captured to be returned: the books know, also when it was not what we had asked."""
    lines = await balances.statement(conn, payment.merchant_id, f"payment:{payment.id}")
    return next(line.transfer.amount for line in lines if line.transfer.credit == PAYER)
