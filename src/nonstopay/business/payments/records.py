"""The only SQL of payments. The merchant comes first."""

from typing import Any, cast

import asyncpg
import msgspec

from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import IN_DOUBT, State
from nonstopay.connectors.outcome import Reason
from nonstopay.money import Money, fiat
from nonstopay.store.db import Connection

# An older QR may be paid after a newer one was shown: its doubt, and its money, come first.
_WHAT_COUNTS = "state = 'captured' DESC, state IN ('processing', 'unknown') DESC, id DESC"


async def next_id(conn: Connection) -> int:
    return cast(int, await conn.fetchval("SELECT nextval('payment_id')"))


async def insert(tx: Connection, payment: Payment) -> None:
    """A new attempt, and its reference, which no other payment of any merchant can have."""
    await tx.execute(
        """INSERT INTO payment (merchant_id, id, invoice_id, method, connector, reference, state,
               version, direct, currency, amount_minor, charged_currency, charged_minor, rate,
               rate_source, rate_at, started_at, state_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18)""",
        payment.merchant_id,
        payment.id,
        payment.invoice_id,
        payment.method,
        payment.connector,
        payment.reference,
        payment.state,
        payment.version,
        payment.direct,
        payment.amount.currency.code,
        payment.amount.minor,
        payment.charged.currency.code,
        payment.charged.minor,
        payment.rate,
        payment.rate_source,
        payment.rate_at,
        payment.started_at,
        payment.expires_at,
    )
    await claim_reference(tx, payment, payment.connector, payment.reference)


async def claim_reference(tx: Connection, payment: Payment, realm: str, reference: str) -> int:
    """Tie a reference to this payment; the id of the payment it belongs to, which may be another."""
    await tx.execute(
        """INSERT INTO payment_reference (connector, reference, merchant_id, payment_id)
           VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING""",
        realm,
        reference,
        payment.merchant_id,
        payment.id,
    )
    return cast(
        int,
        await tx.fetchval(
            "SELECT payment_id FROM payment_reference WHERE connector = $1 AND reference = $2",
            realm,
            reference,
        ),
    )


async def owner_of_reference(
    conn: Connection, connector: str, reference: str
) -> tuple[int, int] | None:
    """(merchant, payment) that a provider speaks of."""
    row = await conn.fetchrow(
        """SELECT merchant_id, payment_id FROM payment_reference
            WHERE connector = $1 AND reference = $2""",
        connector,
        reference,
    )
    return (row["merchant_id"], row["payment_id"]) if row else None


async def find(conn: Connection, merchant_id: int, payment_id: int) -> Payment | None:
    row = await conn.fetchrow(
        "SELECT * FROM payment WHERE merchant_id = $1 AND id = $2", merchant_id, payment_id
    )
    return _payment(row) if row else None


async def current(conn: Connection, merchant_id: int, invoice_id: int) -> Payment | None:
    """The attempt that counts: the one that paid the invoice, else one in doubt, else the newest."""
    row = await conn.fetchrow(
        f"""SELECT * FROM payment WHERE merchant_id = $1 AND invoice_id = $2
            ORDER BY {_WHAT_COUNTS} LIMIT 1""",
        merchant_id,
        invoice_id,
    )
    return _payment(row) if row else None


async def has_doubt(conn: Connection, merchant_id: int, invoice_id: int) -> bool:
    """Whether an attempt on the invoice is in doubt: the payer may have paid."""
    return cast(
        bool,
        await conn.fetchval(
            """SELECT EXISTS (SELECT FROM payment
                WHERE merchant_id = $1 AND invoice_id = $2 AND state = ANY($3))""",
            merchant_id,
            invoice_id,
            [str(state) for state in IN_DOUBT],
        ),
    )


async def save(tx: Connection, payment: Payment) -> None:
    """Write what an outcome changed."""
    await tx.execute(
        """UPDATE payment SET state = $3, version = $4, state_at = $5, provider_reference = $6,
                  network_reference = $7, link = $8, reason = $9
            WHERE merchant_id = $1 AND id = $2""",
        payment.merchant_id,
        payment.id,
        payment.state,
        payment.version,
        payment.state_at,
        payment.provider_reference,
        payment.network_reference,
        payment.link,
        payment.reason,
    )


async def add_news(
    tx: Connection,
    payment: Payment,
    *,
    before: State,
    source: str,
    outcome: str,
    facts: dict[str, Any],
) -> None:
    """One line of the payment's history; `payment` is as it stands after."""
    await tx.execute(
        """INSERT INTO payment_news (merchant_id, payment_id, number, at, source, outcome, before,
                                     after, facts)
           SELECT $1, $2, 1 + count(*), $3, $4, $5, $6, $7, $8::text::jsonb
             FROM payment_news WHERE merchant_id = $1 AND payment_id = $2""",
        payment.merchant_id,
        payment.id,
        payment.state_at,
        source,
        outcome,
        before,
        payment.state,
        msgspec.json.encode(facts).decode(),
    )


async def states_of(
    conn: Connection, pairs: list[tuple[int, int]]
) -> dict[tuple[int, int], tuple[int, int, int]]:
    """For each (merchant, invoice): its version, the current attempt's id and that one's version."""
    rows = await conn.fetch(
        f"""SELECT i.merchant_id, i.id, i.version, p.id AS payment_id, p.version AS payment_version
             FROM unnest($1::bigint[], $2::bigint[]) AS w (merchant_id, id)
             JOIN invoice i ON i.merchant_id = w.merchant_id AND i.id = w.id
             LEFT JOIN LATERAL (SELECT id, version FROM payment
                                 WHERE merchant_id = i.merchant_id AND invoice_id = i.id
                                 ORDER BY {_WHAT_COUNTS} LIMIT 1) p ON true""",
        [merchant_id for merchant_id, _ in pairs],
        [invoice_id for _, invoice_id in pairs],
    )
    return {
        (row["merchant_id"], row["id"]): (
            row["version"],
            row["payment_id"] or 0,
            row["payment_version"] or 0,
        )
        for row in rows
    }


def _payment(row: asyncpg.Record) -> Payment:
    return Payment(
        merchant_id=row["merchant_id"],
        id=row["id"],
        invoice_id=row["invoice_id"],
        method=row["method"],
        connector=row["connector"],
        reference=row["reference"],
        state=State(row["state"]),
        version=row["version"],
        direct=row["direct"],
        amount=Money(row["amount_minor"], fiat(row["currency"])),
        charged=Money(row["charged_minor"], fiat(row["charged_currency"])),
        rate=row["rate"],
        rate_source=row["rate_source"],
        rate_at=row["rate_at"],
        provider_reference=row["provider_reference"],
        network_reference=row["network_reference"],
        link=row["link"],
        reason=Reason(row["reason"]) if row["reason"] else None,
        started_at=row["started_at"],
        state_at=row["state_at"],
        expires_at=row["expires_at"],
    )


_SETTLED_MISMATCH = """
    SELECT p.merchant_id, p.id, p.state, p.currency, p.amount_minor,
           coalesce(sum(t.amount) FILTER (WHERE t.credit = 'merchant'), 0)::text AS credited
      FROM payment p
      LEFT JOIN transfer t ON t.merchant_id = p.merchant_id AND t.about = 'payment:' || p.id
     GROUP BY p.merchant_id, p.id
    HAVING coalesce(sum(t.amount) FILTER (WHERE t.credit = 'merchant'), 0)
           <> CASE p.state WHEN 'captured' THEN p.amount_minor ELSE 0 END
     ORDER BY p.merchant_id, p.id LIMIT $1
"""
_RETURN_MISMATCH = """
    SELECT p.merchant_id, p.id, p.state,
           coalesce(sum(t.amount) FILTER (WHERE t.credit = 'payer'), 0)::text AS held,
           coalesce(sum(t.amount) FILTER (WHERE t.debit = 'payer'), 0)::text AS given
      FROM payment p
      LEFT JOIN transfer t ON t.merchant_id = p.merchant_id AND t.about = 'payment:' || p.id
     GROUP BY p.merchant_id, p.id
    HAVING (coalesce(sum(t.amount) FILTER (WHERE t.credit = 'payer'), 0) > 0)
           <> (p.state IN ('returning', 'returned'))
        OR (coalesce(sum(t.amount) FILTER (WHERE t.credit = 'payer'), 0)
            = coalesce(sum(t.amount) FILTER (WHERE t.debit = 'payer'), 0))
           <> (p.state <> 'returning')
     ORDER BY p.merchant_id, p.id LIMIT $1
"""
_ORPHAN_LINES = """
    SELECT t.merchant_id, t.number, t.about FROM transfer t
     WHERE t.about LIKE 'payment:%'
       AND NOT EXISTS (SELECT FROM payment p
                        WHERE p.merchant_id = t.merchant_id AND t.about = 'payment:' || p.id)
     ORDER BY t.merchant_id, t.number LIMIT $1
"""
_EARNED_MISMATCH = """
    SELECT i.merchant_id, i.id, i.state, count(p.id) AS captured
      FROM invoice i
      LEFT JOIN payment p ON p.merchant_id = i.merchant_id AND p.invoice_id = i.id
                         AND p.state = 'captured'
     WHERE i.paid_at IS NOT NULL OR p.id IS NOT NULL
        OR i.state IN ('awaiting_approval', 'paid', 'chargeback')
     GROUP BY i.merchant_id, i.id
    HAVING count(p.id) <> 1 OR i.paid_at IS NULL
        OR i.state NOT IN ('awaiting_approval', 'paid', 'chargeback', 'withheld')
     ORDER BY i.merchant_id, i.id LIMIT $1
"""
_EVENT_MISMATCH = """
    SELECT i.merchant_id, i.id, i.version, count(e.id) AS events
      FROM invoice i
      LEFT JOIN event e ON e.merchant_id = i.merchant_id AND e.object = 'invoice' AND e.object_id = i.id
     GROUP BY i.merchant_id, i.id
    HAVING count(e.id) <> i.version OR max(e.version) <> i.version
     ORDER BY i.merchant_id, i.id LIMIT $1
"""
_TALLY_MISMATCH = """
    SELECT merchant_id, block, state, sum(found)::text AS found, sum(told)::text AS told
      FROM (SELECT merchant_id, id >> 12 AS block, (created_at AT TIME ZONE 'UTC')::date AS day, state,
                   count(*) AS found, 0 AS told
              FROM invoice GROUP BY 1, 2, 3, 4
             UNION ALL
            SELECT merchant_id, block, day, state, 0, invoices FROM invoice_tally
             UNION ALL
            SELECT merchant_id, block, day, state, 0, invoices FROM invoice_tally_change) AS both_sides
     GROUP BY merchant_id, block, day, state HAVING sum(found) <> sum(told)
     ORDER BY merchant_id, block LIMIT $1
"""


async def wrongly_counted(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Blocks of invoices of which the tally says another number."""
    return await conn.fetch(_TALLY_MISMATCH, limit)


async def wrongly_credited(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Payments of which the merchant was credited something else than their state says."""
    return await conn.fetch(_SETTLED_MISMATCH, limit)


async def wrongly_returned(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Payments whose money for the payer does not fit their state."""
    return await conn.fetch(_RETURN_MISMATCH, limit)


async def orphan_lines(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Lines of the books about payments that are not there."""
    return await conn.fetch(_ORPHAN_LINES, limit)


async def wrongly_earned(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Invoices that are paid without exactly one captured payment, or the other way round."""
    return await conn.fetch(_EARNED_MISMATCH, limit)


async def wrongly_told(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Invoices with more or fewer events than changes."""
    return await conn.fetch(_EVENT_MISMATCH, limit)
