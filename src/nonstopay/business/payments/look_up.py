"""Ask the provider what became of a payment, until it is known.

A job for each open payment. While the payer has time we ask now and then, in case a notification was
lost; money in doubt is asked about soon and then ever more slowly; after the order's end we ask until
the provider says how it ended. Nothing is sent twice by asking. What is left of a reservation that was
taken in part is asked about once a day, until it is free again.
"""

from datetime import datetime, timedelta

from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import CARD
from nonstopay.business.payments import records
from nonstopay.business.payments.give_up import give_up, is_given_up
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.run_out import has_rest, is_over, run_out
from nonstopay.business.payments.states import EARNED, OPEN, State
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.errors import NotFound
from nonstopay.store import jobs
from nonstopay.store.db import Database

LOOK_UP = "payment:look-up"
FIRST_LOOK = timedelta(seconds=45)
"""After a start: by then its reply has come, or will not."""
_PAUSE_WHILE_OPEN = timedelta(seconds=60)
_PAUSE_IN_DOUBT = timedelta(seconds=5)
_PAUSE_MAX = timedelta(hours=1)
_PAUSE_OF_REST = timedelta(days=1)
_GRACE = timedelta(seconds=5)


async def look_up(
    db: Database, rails: Rails, merchant_id: int, payment_id: int, *, attempts: int, at: datetime
) -> datetime | None:
    """Ask once; when to ask again, or `None` when the payment is decided.

    Args:
        attempts: how often this payment was asked about before; it spaces the questions out.
    """
    async with db.reading() as conn:
        payment = await records.find(conn, merchant_id, payment_id)
    if payment is None or (payment.state in EARNED and not has_rest(payment)):
        return None
    outcome = await rails.look_up(payment)
    if not _says_nothing_new(payment, outcome, at):
        payment = await record_outcome(
            db, payment.connector, payment.reference, outcome, source="look-up", at=at
        )
    if is_given_up(payment):
        # The call that would have gone on to another provider has died: the card's code is gone.
        async with db.transaction() as tx:
            await give_up(tx, payment, at)
    if has_rest(payment) and is_over(payment, at):
        payment = await _end_by_clock(db, payment, at)
    return _next(payment, outcome, attempts, at)


async def look_up_now(db: Database, connector: str, reference: str, *, at: datetime) -> None:
    """Have the worker ask at once: somebody hinted that there is news, and we believe the provider only.

    Raises:
        NotFound: no payment of ours has this reference at this provider.
    """
    async with db.transaction() as tx:
        owner = await records.owner_of_reference(tx, connector, reference)
        if owner is None:
            raise NotFound(f"{connector} speaks of {reference}, which is not ours")
        merchant_id, payment_id = owner
        await jobs.enqueue(tx, merchant_id, LOOK_UP, str(payment_id), {"payment": payment_id}, at)


async def _end_by_clock(db: Database, payment: Payment, at: datetime) -> Payment:
    async with db.transaction() as tx:
        await invoices.lock(tx, payment.merchant_id, payment.invoice_id)
        current = await records.find(tx, payment.merchant_id, payment.id)
        return payment if current is None else await run_out(tx, current, "clock", at)


def _says_nothing_new(payment: Payment, outcome: Outcome, at: datetime) -> bool:
    """No answer while the payer still looks at his QR is no reason to tell him to stop paying.

    A provider that names its order and does not know how it stands has answered: that is doubt.
    """
    answered = outcome.kind is not Kind.UNKNOWN or outcome.provider_reference is not None
    return not answered and payment.state is not State.PROCESSING and at < payment.expires_at


def _next(payment: Payment, outcome: Outcome, attempts: int, at: datetime) -> datetime | None:
    if has_rest(payment):
        return at + _PAUSE_OF_REST
    if payment.state not in OPEN:
        return None
    if payment.state is State.DECLINED and outcome.kind is Kind.EXPIRED:
        return None
    if payment.method == CARD.name:
        # Some providers cannot be asked: what they refused themselves is asked about to its end.
        is_sure = outcome.kind is Kind.DECLINED or at >= payment.expires_at
        if payment.state is State.DECLINED and is_sure:
            return None
    elif payment.state is State.STARTING and at >= payment.expires_at:
        # The provider never confirmed the order, so nobody was shown a link to pay it by.
        return None
    if payment.state in (State.PROCESSING, State.UNKNOWN) or at >= payment.expires_at:
        return at + min(_PAUSE_IN_DOUBT * (1 << min(attempts, 12)), _PAUSE_MAX)
    return min(at + _PAUSE_WHILE_OPEN, payment.expires_at + _GRACE)
