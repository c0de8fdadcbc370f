"""Give captured money back to the payer: late, twice paid or of a wrong amount.

The refund carries a key made from our id, so it can be asked for again without harm; an answer that
nobody knows is asked for again, never taken for a no. One that is refused for good is a person's
business: he is told once, and we ask once a day whether the provider has changed its mind.
"""

from datetime import datetime, timedelta

from nonstopay.business.payments import records
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.returns.owed import owed
from nonstopay.business.payments.returns.refused import note_refusal
from nonstopay.business.payments.states import State
from nonstopay.connectors.outcome import Kind
from nonstopay.store.db import Database

_PAUSE = timedelta(seconds=10)
_PAUSE_MAX = timedelta(hours=1)
_PAUSE_REFUSED = timedelta(days=1)


async def give_back(
    db: Database, rails: Rails, merchant_id: int, payment_id: int, *, attempts: int, at: datetime
) -> datetime | None:
    """Ask the provider for the refund once; when to ask again, or `None` when it is done."""
    async with db.reading() as conn:
        payment = await records.find(conn, merchant_id, payment_id)
        if payment is None or payment.state is not State.RETURNING:
            return None
        amount = await owed(conn, payment)
    outcome = await rails.refund(payment, f"give-back-{payment.id}", amount)
    if outcome.kind is Kind.REFUND_REFUSED:
        await note_refusal(db, payment, outcome, at)
        return at + _PAUSE_REFUSED
    if outcome.kind is Kind.REFUNDED:
        payment = await record_outcome(
            db, payment.connector, payment.reference, outcome, source="reply", at=at
        )
    if payment.state is not State.RETURNING:
        return None
    return at + min(_PAUSE * (1 << min(attempts, 12)), _PAUSE_MAX)
