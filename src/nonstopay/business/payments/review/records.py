"""The only SQL of reviews. The merchant comes first."""

import asyncpg

from nonstopay.business.payments.review.review import Review
from nonstopay.business.payments.review.states import State
from nonstopay.money import Money, fiat
from nonstopay.store.db import Connection


async def save(tx: Connection, review: Review) -> None:
    """Write a new review, or what changed of one."""
    await tx.execute(
        """INSERT INTO review (merchant_id, payment_id, invoice_id, state, version, currency,
                               held_minor, opened_at, state_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (merchant_id, payment_id) DO UPDATE
          SET state = excluded.state, version = excluded.version, held_minor = excluded.held_minor,
              state_at = excluded.state_at""",
        review.merchant_id,
        review.payment_id,
        review.invoice_id,
        review.state,
        review.version,
        review.held.currency.code,
        review.held.minor,
        review.opened_at,
        review.state_at,
    )


async def find(conn: Connection, merchant_id: int, payment_id: int) -> Review | None:
    row = await conn.fetchrow(
        "SELECT * FROM review WHERE merchant_id = $1 AND payment_id = $2", merchant_id, payment_id
    )
    return _review(row) if row else None


async def is_refused(conn: Connection, merchant_id: int, payment_id: int) -> bool:
    """Whether the operator had the payment's money given back."""
    review = await find(conn, merchant_id, payment_id)
    return review is not None and review.state is State.REFUSED


async def held(conn: Connection, merchant_id: int | None, limit: int) -> list[Review]:
    """The reviews that wait for somebody, of one merchant or of all; the oldest first."""
    rows = await conn.fetch(
        """SELECT * FROM review WHERE state = 'held' AND ($1::bigint IS NULL OR merchant_id = $1)
            ORDER BY opened_at, payment_id LIMIT $2""",
        merchant_id,
        limit,
    )
    return [_review(row) for row in rows]


_HELD_MISMATCH = """
    SELECT merchant_id, currency, sum(held)::text AS held, sum(booked)::text AS booked
      FROM (SELECT merchant_id, currency, held_minor::numeric AS held, 0::numeric AS booked
              FROM review WHERE state = 'held'
             UNION ALL
            SELECT merchant_id, currency, 0, credits - debits FROM account
             WHERE name = 'merchant:withheld') AS both_sides
     GROUP BY merchant_id, currency HAVING sum(held) <> sum(booked)
     ORDER BY merchant_id, currency LIMIT $1
"""
_INVOICE_MISMATCH = """
    SELECT i.merchant_id, i.id, i.state, coalesce(string_agg(r.state, ', '), 'none') AS review
      FROM invoice i
      LEFT JOIN review r ON r.merchant_id = i.merchant_id AND r.invoice_id = i.id
     WHERE i.state = 'withheld' OR r.state = 'held'
     GROUP BY i.merchant_id, i.id
    HAVING i.state NOT IN ('withheld', 'chargeback')
        OR (i.state = 'withheld' AND count(*) FILTER (WHERE r.state IN ('held', 'refused')) <> 1)
     ORDER BY i.merchant_id, i.id LIMIT $1
"""


async def wrongly_held(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Merchants in whose books another sum is withheld than their reviews hold."""
    return await conn.fetch(_HELD_MISMATCH, limit)


async def wrongly_withheld(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Invoices that are withheld without a review, or the other way round."""
    return await conn.fetch(_INVOICE_MISMATCH, limit)


def _review(row: asyncpg.Record) -> Review:
    return Review(
        merchant_id=row["merchant_id"],
        payment_id=row["payment_id"],
        invoice_id=row["invoice_id"],
        state=State(row["state"]),
        version=row["version"],
        held=Money(row["held_minor"], fiat(row["currency"])),
        opened_at=row["opened_at"],
        state_at=row["state_at"],
    )
