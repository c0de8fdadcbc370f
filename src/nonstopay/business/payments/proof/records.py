"""The questions of the proof: each finds what breaks an invariant, over all merchants."""

import asyncpg

from nonstopay.store.db import Connection

_SETTLED_MISMATCH = """
    SELECT p.merchant_id, p.id, p.state, p.currency, p.captured_minor,
           coalesce(sum(t.amount) FILTER (WHERE t.credit = 'merchant'), 0)::text AS credited
      FROM payment p
      LEFT JOIN transfer t ON t.merchant_id = p.merchant_id AND t.about = 'payment:' || p.id
     GROUP BY p.merchant_id, p.id
    HAVING coalesce(sum(t.amount) FILTER (WHERE t.credit = 'merchant'), 0)
           <> p.captured_minor OR (p.state = 'captured') <> (p.captured_minor > 0)
        OR (p.state = 'captured' AND NOT p.by_hand AND p.method <> 'CRYPTO'
            AND p.captured_minor <> p.amount_minor)
     ORDER BY p.merchant_id, p.id LIMIT $1
"""
_RETURN_MISMATCH = """
    SELECT p.merchant_id, p.id, p.state,
           coalesce(sum(t.amount) FILTER (WHERE t.credit = 'payer'), 0)::text AS held,
           coalesce(sum(t.amount) FILTER (WHERE t.debit = 'payer'), 0)::text AS given
      FROM payment p
      LEFT JOIN transfer t ON t.merchant_id = p.merchant_id AND t.about = 'payment:' || p.id
     WHERE p.method <> 'CRYPTO'
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
