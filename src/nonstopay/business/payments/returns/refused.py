"""A provider will not give money back: a person must, and is told once."""

import logging
from dataclasses import replace
from datetime import datetime

from nonstopay.business.invoices import records as invoices
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.returns import records
from nonstopay.connectors.outcome import Outcome
from nonstopay.store.db import Database

_log = logging.getLogger(__name__)


async def note_refusal(db: Database, payment: Payment, outcome: Outcome, at: datetime) -> None:
    """Keep the first refusal in the payment's history and raise the alarm; later ones change nothing."""
    async with db.transaction() as tx:
        await invoices.lock(tx, payment.merchant_id, payment.invoice_id)
        if await records.was_refused(tx, payment.merchant_id, payment.id):
            return
        await payments.add_news(
            tx,
            replace(payment, state_at=at),
            before=payment.state,
            source="reply",
            outcome=outcome.kind,
            facts={"detail": outcome.detail, "said_at": outcome.at.isoformat()},
        )
    _log.error(
        "a provider refuses to give money back: send it by hand",
        extra={
            "connector": payment.connector,
            "merchant": payment.merchant_id,
            "payment": payment.id,
            "detail": outcome.detail,
        },
    )
