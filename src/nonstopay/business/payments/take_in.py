"""A provider's notification finds what it speaks of: a payment, a capture, a refund, a dispute."""

from datetime import datetime

from nonstopay.business.payments import records
from nonstopay.business.payments.captures import carry_out as captures
from nonstopay.business.payments.captures.capture import number_of
from nonstopay.business.payments.disputes.record_news import NotCaptured, record_news
from nonstopay.business.payments.look_up import look_up_now
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.refunds import carry_out as refunds
from nonstopay.business.payments.refunds.refund import id_of
from nonstopay.connectors.base import Notice
from nonstopay.connectors.outcome import Kind
from nonstopay.errors import NotFound
from nonstopay.store.db import Database


async def take_in(db: Database, connector: str, notice: Notice, *, at: datetime) -> None:
    """Record what a verified notification says.

    Raises:
        NotFound: it speaks of nothing of ours.
        NotCaptured: a dispute of a payment that is looked up first; then it is to be told again.
    """
    merchant_id, payment_id, reference = await _owner(db, connector, notice)
    outcome = notice.outcome
    if outcome is None:
        await look_up_now(db, connector, reference, at=at)
    elif outcome.kind is Kind.DISPUTED:
        try:
            await record_news(db, merchant_id, payment_id, outcome, at=at)
        except NotCaptured:
            await look_up_now(db, connector, reference, at=at)
            raise
    elif notice.key and (refund_id := id_of(notice.key)):
        await refunds.record_refund(db, merchant_id, refund_id, outcome, at=at)
    elif notice.key and (number := number_of(notice.key)):
        await captures.record_capture(db, merchant_id, payment_id, number, outcome, at=at)
    else:
        await record_outcome(db, connector, reference, outcome, source="notification", at=at)


async def _owner(db: Database, connector: str, notice: Notice) -> tuple[int, int, str]:
    """The merchant, the payment and our reference of it, by whichever name the provider used."""
    names = [
        (connector, notice.reference),
        (records.providers_own(connector), notice.provider_reference),
    ]
    async with db.reading() as conn:
        for realm, name in names:
            owner = await records.owner_of_reference(conn, realm, name) if name else None
            payment = await records.find(conn, *owner) if owner else None
            if payment is not None:
                return payment.merchant_id, payment.id, payment.reference
    raise NotFound(f"{connector} speaks of a payment that is not ours")
