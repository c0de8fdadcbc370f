"""The only SQL of routing: past card attempts, over all merchants."""

from collections.abc import AsyncIterator
from datetime import datetime

from nonstopay.business.payments.routing.past import Attempt
from nonstopay.business.payments.routing.rule import NAMED, Facts
from nonstopay.business.payments.states import State
from nonstopay.card_number import Brand
from nonstopay.connectors.outcome import Reason
from nonstopay.money import Money, fiat
from nonstopay.store.db import Connection

_READ_AHEAD = 1000


async def attempts(conn: Connection, since: datetime, until: datetime) -> AsyncIterator[Attempt]:
    """The attempts in which a provider was asked, one by one; memory does not grow with their number."""
    async with conn.transaction(readonly=True):
        rows = conn.cursor(
            """SELECT p.merchant_id, p.connector, p.currency, p.amount_minor, p.state, p.reason,
                      c.brand, r.payer_country,
                      n.facts->>'place' = '1' AND n.facts->>'rule' IS DISTINCT FROM $3 AS first
                 FROM payment p
                 JOIN payment_card c ON c.merchant_id = p.merchant_id AND c.payment_id = p.id
                 JOIN payment_news n ON n.merchant_id = p.merchant_id AND n.payment_id = p.id
                                    AND n.number = 1 AND n.source = 'routing'
                 LEFT JOIN risk_decision r ON r.merchant_id = p.merchant_id AND r.payment_id = p.id
                WHERE p.method = 'CARD' AND p.started_at >= $1 AND p.started_at < $2""",
            since,
            until,
            NAMED,
            prefetch=_READ_AHEAD,
        )
        async for row in rows:
            yield Attempt(
                facts=Facts(
                    merchant_id=row["merchant_id"],
                    amount=Money(row["amount_minor"], fiat(row["currency"])),
                    country=row["payer_country"],
                    brand=Brand(row["brand"]),
                ),
                connector=row["connector"],
                first=row["first"],
                state=State(row["state"]),
                reason=Reason(row["reason"]) if row["reason"] else None,
            )
