"""The only SQL of disputes. The merchant comes first."""

from typing import cast

import asyncpg

from nonstopay.business.payments.disputes.dispute import Bearer, Dispute
from nonstopay.business.payments.disputes.states import State
from nonstopay.money import Money, fiat
from nonstopay.store.db import Connection


async def next_id(conn: Connection) -> int:
    return cast(int, await conn.fetchval("SELECT nextval('dispute_id')"))


async def insert(tx: Connection, dispute: Dispute) -> None:
    await tx.execute(
        """INSERT INTO dispute (merchant_id, id, payment_id, invoice_id, connector, provider_reference,
               state, version, currency, amount_minor, covered_minor, reason, answer_by, opened_at,
               state_at, bearer)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15)""",
        dispute.merchant_id,
        dispute.id,
        dispute.payment_id,
        dispute.invoice_id,
        dispute.connector,
        dispute.provider_reference,
        dispute.state,
        dispute.version,
        dispute.amount.currency.code,
        dispute.amount.minor,
        dispute.covered.minor,
        dispute.reason,
        dispute.answer_by,
        dispute.opened_at,
        dispute.bearer,
    )


async def find(conn: Connection, merchant_id: int, dispute_id: int) -> Dispute | None:
    row = await conn.fetchrow(
        "SELECT * FROM dispute WHERE merchant_id = $1 AND id = $2", merchant_id, dispute_id
    )
    return _dispute(row) if row else None


async def by_reference(
    conn: Connection, merchant_id: int, connector: str, provider_reference: str
) -> Dispute | None:
    row = await conn.fetchrow(
        """SELECT * FROM dispute
            WHERE merchant_id = $1 AND connector = $2 AND provider_reference = $3""",
        merchant_id,
        connector,
        provider_reference,
    )
    return _dispute(row) if row else None


async def of_invoice(conn: Connection, merchant_id: int, invoice_id: int) -> list[Dispute]:
    """The invoice's disputes, oldest first."""
    rows = await conn.fetch(
        """SELECT d.* FROM dispute d
             JOIN payment p ON p.merchant_id = d.merchant_id AND p.id = d.payment_id
            WHERE d.merchant_id = $1 AND p.invoice_id = $2 ORDER BY d.id""",
        merchant_id,
        invoice_id,
    )
    return [_dispute(row) for row in rows]


async def save(tx: Connection, dispute: Dispute) -> None:
    """Write what news changed."""
    await tx.execute(
        """UPDATE dispute SET state = $3, version = $4, state_at = $5, covered_minor = $6, reason = $7,
                  answer_by = $8, bearer = $9, amount_minor = $10
            WHERE merchant_id = $1 AND id = $2""",
        dispute.merchant_id,
        dispute.id,
        dispute.state,
        dispute.version,
        dispute.state_at,
        dispute.covered.minor,
        dispute.reason,
        dispute.answer_by,
        dispute.bearer,
        dispute.amount.minor,
    )


async def taken_of(conn: Connection, merchant_id: int, payment_id: int) -> int:
    """What the payer's bank has of a payment, in minor units of the invoice's currency."""
    return cast(
        int,
        await conn.fetchval(
            """SELECT coalesce(sum(amount_minor), 0)::bigint FROM dispute
                WHERE merchant_id = $1 AND payment_id = $2 AND state IN ('chargeback', 'lost')""",
            merchant_id,
            payment_id,
        ),
    )


async def was_noted(conn: Connection, merchant_id: int, payment_id: int, detail: str) -> bool:
    """Whether news of a dispute that could not be booked stands in the payment's history already."""
    return cast(
        bool,
        await conn.fetchval(
            """SELECT EXISTS (SELECT FROM payment_news
                WHERE merchant_id = $1 AND payment_id = $2 AND outcome = 'disputed'
                  AND facts->>'detail' = $3)""",
            merchant_id,
            payment_id,
            detail,
        ),
    )


def _dispute(row: asyncpg.Record) -> Dispute:
    currency = fiat(row["currency"])
    return Dispute(
        merchant_id=row["merchant_id"],
        id=row["id"],
        payment_id=row["payment_id"],
        invoice_id=row["invoice_id"],
        connector=row["connector"],
        provider_reference=row["provider_reference"],
        state=State(row["state"]),
        version=row["version"],
        amount=Money(row["amount_minor"], currency),
        covered=Money(row["covered_minor"], currency),
        bearer=Bearer(row["bearer"]),
        reason=row["reason"],
        answer_by=row["answer_by"],
        opened_at=row["opened_at"],
        state_at=row["state_at"],
    )


_WRONGLY_BOOKED = """
    SELECT d.merchant_id, d.id, d.state, d.bearer, d.amount_minor,
           coalesce(sum(t.amount) FILTER (WHERE t.credit LIKE 'provider:%'), 0)::text AS taken,
           coalesce(sum(t.amount) FILTER (WHERE t.debit LIKE 'provider:%'), 0)::text AS won_back
      FROM dispute d
      LEFT JOIN transfer t ON t.merchant_id = d.merchant_id AND t.about = 'dispute:' || d.id
     GROUP BY d.merchant_id, d.id
    HAVING coalesce(sum(t.amount) FILTER (WHERE t.credit LIKE 'provider:%'), 0)
         - coalesce(sum(t.amount) FILTER (WHERE t.debit LIKE 'provider:%'), 0)
           <> CASE WHEN d.state IN ('chargeback', 'lost') THEN d.amount_minor ELSE 0 END
            - CASE WHEN d.bearer = 'payer' THEN d.amount_minor ELSE 0 END
     ORDER BY d.merchant_id, d.id LIMIT $1
"""


async def wrongly_booked(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Disputes whose money is not where their state says.

    One that took the payer's own money is booked as the refund of his payment; won, it is here once more.
    """
    return await conn.fetch(_WRONGLY_BOOKED, limit)
