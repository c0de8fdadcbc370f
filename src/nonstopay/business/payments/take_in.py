"""A provider's notification finds what it speaks of: a payment, a capture, a refund, a dispute."""

from datetime import datetime

from nonstopay.business.payments import records
from nonstopay.business.payments.captures import carry_out as captures
from nonstopay.business.payments.captures.capture import number_of
from nonstopay.business.payments.disputes.record_news import NotCaptured, record_news
from nonstopay.business.payments.look_up import look_up_now
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.refunds import carry_out as refunds
from nonstopay.business.payments.refunds import records as refund_records
from nonstopay.business.payments.refunds.hear_of import hear_of
from nonstopay.business.payments.refunds.refund import id_of
from nonstopay.business.payments.states import State
from nonstopay.connectors.base import Notice
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.errors import NotFound
from nonstopay.store.db import Database

_GOES_BACK = frozenset({State.RETURNING, State.RETURNED})
_OF_A_REFUND = frozenset({Kind.REFUNDED, Kind.REFUND_REFUSED})


async def take_in(db: Database, connector: str, notice: Notice, *, at: datetime) -> None:
    """Record what a verified notification says.

    Raises:
        NotFound: it speaks of nothing of ours, or by our key of something that is another payment's.
        NotCaptured: a dispute or a refund of a payment that is looked up first; then it is to be told
            again.
        NotYet: a refund at the provider's desk crosses one of ours; likewise.
    """
    payment = await _payment(db, connector, notice)
    outcome, key = notice.outcome, notice.key or ""
    if outcome is None:
        await look_up_now(db, connector, payment.reference, at=at)
    elif outcome.kind is Kind.DISPUTED:
        await _of_a_dispute(db, payment, outcome, at)
    elif refund_id := id_of(key):
        await _require_refund(db, payment, refund_id)
        await refunds.record_refund(db, payment.merchant_id, refund_id, outcome, at=at)
    elif part := number_of(key):
        payment_id, number = part
        if payment_id != payment.id:
            raise NotFound(f"{key} is no capture of payment {payment.id}")
        await captures.record_capture(db, payment.merchant_id, payment.id, number, outcome, at=at)
    elif outcome.kind in _OF_A_REFUND and payment.state not in _GOES_BACK:
        await _of_the_desk(db, payment, outcome, at)
    else:
        await record_outcome(
            db, connector, payment.reference, outcome, source="notification", at=at
        )


async def _of_a_dispute(db: Database, payment: Payment, outcome: Outcome, at: datetime) -> None:
    try:
        await record_news(db, payment.merchant_id, payment.id, outcome, at=at)
    except NotCaptured:
        await look_up_now(db, payment.connector, payment.reference, at=at)
        raise


async def _of_the_desk(db: Database, payment: Payment, outcome: Outcome, at: datetime) -> None:
    """Somebody gave money back there. (Of a payment on its way back it is what we owe anyway.)"""
    if payment.state is not State.CAPTURED:
        await look_up_now(db, payment.connector, payment.reference, at=at)
        raise NotCaptured(f"payment {payment.id} is refunded and {payment.state}")
    await hear_of(db, payment.merchant_id, payment.id, outcome, at=at)


async def _require_refund(db: Database, payment: Payment, refund_id: int) -> None:
    async with db.reading() as conn:
        refund = await refund_records.find(conn, payment.merchant_id, refund_id)
    if refund is None or refund.payment_id != payment.id:
        raise NotFound(f"payment {payment.id} has no refund {refund_id}")


async def _payment(db: Database, connector: str, notice: Notice) -> Payment:
    """The payment that is meant, by whichever name the provider used."""
    names = [
        (connector, notice.reference),
        (records.providers_own(connector), notice.provider_reference),
    ]
    async with db.reading() as conn:
        for realm, name in names:
            owner = await records.owner_of_reference(conn, realm, name) if name else None
            payment = await records.find(conn, *owner) if owner else None
            if payment is not None:
                return payment
    raise NotFound(f"{connector} speaks of a payment that is not ours")
