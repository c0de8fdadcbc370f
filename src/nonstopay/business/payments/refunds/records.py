"""The only SQL of refunds. The merchant comes first."""

from typing import cast

import asyncpg

from nonstopay.business.payments.refunds.refund import Refund, Source
from nonstopay.business.payments.refunds.states import State
from nonstopay.money import Money, fiat
from nonstopay.store.db import Connection


async def next_id(conn: Connection) -> int:
    return cast(int, await conn.fetchval("SELECT nextval('refund_id')"))


async def insert(tx: Connection, refund: Refund) -> None:
    await tx.execute(
        """INSERT INTO refund (merchant_id, id, payment_id, invoice_id, state, version, currency,
               amount_minor, charged_currency, charged_minor, note, asked_at, state_at, source,
               provider_reference)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14)""",
        refund.merchant_id,
        refund.id,
        refund.payment_id,
        refund.invoice_id,
        refund.state,
        refund.version,
        refund.amount.currency.code,
        refund.amount.minor,
        refund.charged.currency.code,
        refund.charged.minor,
        refund.note,
        refund.asked_at,
        refund.source,
        refund.provider_reference,
    )


async def find(conn: Connection, merchant_id: int, refund_id: int) -> Refund | None:
    row = await conn.fetchrow(
        "SELECT * FROM refund WHERE merchant_id = $1 AND id = $2", merchant_id, refund_id
    )
    return _refund(row) if row else None


async def by_reference(
    conn: Connection, merchant_id: int, payment_id: int, provider_reference: str
) -> Refund | None:
    """A refund that was made at the provider, by its id there."""
    row = await conn.fetchrow(
        """SELECT * FROM refund
            WHERE merchant_id = $1 AND payment_id = $2 AND provider_reference = $3""",
        merchant_id,
        payment_id,
        provider_reference,
    )
    return _refund(row) if row else None


async def is_under_way(conn: Connection, merchant_id: int, payment_id: int) -> bool:
    """Whether money of a payment is set aside for a refund that is not decided."""
    return cast(
        bool,
        await conn.fetchval(
            """SELECT EXISTS (SELECT FROM refund
                WHERE merchant_id = $1 AND payment_id = $2 AND state = 'pending')""",
            merchant_id,
            payment_id,
        ),
    )


async def of_invoice(conn: Connection, merchant_id: int, invoice_id: int) -> list[Refund]:
    """The invoice's refunds, oldest first."""
    rows = await conn.fetch(
        """SELECT r.* FROM refund r
             JOIN payment p ON p.merchant_id = r.merchant_id AND p.id = r.payment_id
            WHERE r.merchant_id = $1 AND p.invoice_id = $2 ORDER BY r.id""",
        merchant_id,
        invoice_id,
    )
    return [_refund(row) for row in rows]


async def charged_so_far(conn: Connection, merchant_id: int, payment_id: int) -> int:
    """What was given back of a payment or is about to be, in minor units of the payer's currency."""
    return cast(
        int,
        await conn.fetchval(
            """SELECT coalesce(sum(charged_minor), 0)::bigint FROM refund
                WHERE merchant_id = $1 AND payment_id = $2 AND state <> 'failed'""",
            merchant_id,
            payment_id,
        ),
    )


async def save(tx: Connection, refund: Refund) -> None:
    """Write what an answer changed."""
    await tx.execute(
        """UPDATE refund SET state = $3, version = $4, state_at = $5, refusal = $6
            WHERE merchant_id = $1 AND id = $2""",
        refund.merchant_id,
        refund.id,
        refund.state,
        refund.version,
        refund.state_at,
        refund.refusal,
    )


def _refund(row: asyncpg.Record) -> Refund:
    return Refund(
        merchant_id=row["merchant_id"],
        id=row["id"],
        payment_id=row["payment_id"],
        invoice_id=row["invoice_id"],
        state=State(row["state"]),
        version=row["version"],
        amount=Money(row["amount_minor"], fiat(row["currency"])),
        charged=Money(row["charged_minor"], fiat(row["charged_currency"])),
        note=row["note"],
        refusal=row["refusal"],
        source=Source(row["source"]),
        provider_reference=row["provider_reference"],
        asked_at=row["asked_at"],
        state_at=row["state_at"],
    )


_WRONGLY_REFUNDED = """
    SELECT p.merchant_id, p.id, p.refunded_minor, coalesce(sum(r.amount_minor), 0)::text AS refunds
      FROM payment p
      LEFT JOIN refund r ON r.merchant_id = p.merchant_id AND r.payment_id = p.id
                        AND r.state <> 'failed'
     GROUP BY p.merchant_id, p.id
    HAVING p.refunded_minor <> coalesce(sum(r.amount_minor), 0)
     ORDER BY p.merchant_id, p.id LIMIT $1
"""
_WRONGLY_BOOKED = """
    SELECT r.merchant_id, r.id, r.state,
           coalesce(sum(t.amount) FILTER (WHERE t.credit = 'payer'), 0)::text AS set_aside,
           coalesce(sum(t.amount) FILTER (WHERE t.debit = 'payer'
                                            AND t.credit LIKE 'provider:%'), 0)::text AS given
      FROM refund r
      LEFT JOIN transfer t ON t.merchant_id = r.merchant_id AND t.about = 'refund:' || r.id
     GROUP BY r.merchant_id, r.id
    HAVING coalesce(sum(t.amount) FILTER (WHERE t.credit = 'payer'), 0) <> r.charged_minor
        OR (r.state = 'success' AND coalesce(sum(t.amount) FILTER (
              WHERE t.debit = 'payer' AND t.credit LIKE 'provider:%'), 0) <> r.charged_minor)
        OR (r.state = 'pending' AND coalesce(sum(t.amount) FILTER (WHERE t.debit = 'payer'), 0) <> 0)
     ORDER BY r.merchant_id, r.id LIMIT $1
"""


async def wrongly_refunded(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Payments whose refunds do not add up to what they say was refunded."""
    return await conn.fetch(_WRONGLY_REFUNDED, limit)


async def wrongly_booked(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Refunds whose money is not where their state says."""
    return await conn.fetch(_WRONGLY_BOOKED, limit)
