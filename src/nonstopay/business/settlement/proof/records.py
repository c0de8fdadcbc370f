"""The questions of the proof: each finds what breaks an invariant, over all merchants."""

import asyncpg

from nonstopay.store.db import Connection

_PARTS_MISMATCH = """
    SELECT p.merchant_id, p.batch_id AS id, p.currency
      FROM settlement_part p
      LEFT JOIN settlement_line l ON l.merchant_id = p.merchant_id AND l.batch_id = p.batch_id
                                 AND l.currency = p.currency
     GROUP BY p.merchant_id, p.batch_id, p.currency
    HAVING (p.gross, p.fee, p.refunded, p.reserve, p.share)
           <> (coalesce(sum(l.gross), 0), coalesce(sum(l.fee), 0), coalesce(sum(l.refunded), 0),
               coalesce(sum(l.reserve), 0), coalesce(sum(l.share), 0))
     ORDER BY p.merchant_id, p.batch_id LIMIT $1
"""
_BATCH_MISMATCH = """
    SELECT b.merchant_id, b.id, b.amount::text AS amount, coalesce(sum(p.total), 0)::text AS parts
      FROM settlement_batch b
      LEFT JOIN settlement_part p ON p.merchant_id = b.merchant_id AND p.batch_id = b.id
     GROUP BY b.merchant_id, b.id
    HAVING b.amount <> coalesce(sum(p.total), 0)
     ORDER BY b.merchant_id, b.id LIMIT $1
"""
_BOOKED_MISMATCH = """
    SELECT p.merchant_id, p.batch_id AS id, p.currency
      FROM settlement_part p
      LEFT JOIN transfer t ON t.merchant_id = p.merchant_id
                          AND t.key = 'settlement:' || p.batch_id || '/settle/' || p.currency
     GROUP BY p.merchant_id, p.batch_id, p.currency
    HAVING (p.payable, p.reserve, p.share, p.converted, p.markup)
           <> (coalesce(sum(t.amount) FILTER (
                        WHERE t.debit = 'merchant' AND t.credit = 'exchange'), 0),
               coalesce(sum(t.amount) FILTER (WHERE t.credit = 'merchant:reserve'), 0),
               coalesce(sum(t.amount) FILTER (WHERE t.credit = 'partner:' || p.partner), 0),
               coalesce(sum(t.amount) FILTER (WHERE t.credit = 'merchant:settling'), 0),
               coalesce(sum(t.amount) FILTER (WHERE t.credit = 'platform:fx'), 0))
     ORDER BY p.merchant_id, p.batch_id LIMIT $1
"""
_PAID_MISMATCH = """
    SELECT b.merchant_id, b.id, b.state, b.amount::text AS amount,
           coalesce(sum(t.amount), 0)::text AS booked
      FROM settlement_batch b
      LEFT JOIN transfer t ON t.merchant_id = b.merchant_id
                          AND t.key = 'settlement:' || b.id || '/settled'
     GROUP BY b.merchant_id, b.id
    HAVING coalesce(sum(t.amount), 0) <> CASE WHEN b.state = 'paid' THEN b.amount ELSE 0 END
     ORDER BY b.merchant_id, b.id LIMIT $1
"""
_TRANSFER_TWICE = """
    SELECT merchant_id, network, tx_hash, count(*) AS batches
      FROM settlement_batch WHERE state = 'paid'
     GROUP BY merchant_id, network, tx_hash HAVING count(*) > 1
     ORDER BY merchant_id, tx_hash LIMIT $1
"""
_INVOICE_MISMATCH = """
    SELECT i.merchant_id, i.id, i.state, b.state AS batch
      FROM invoice i
      LEFT JOIN settlement_line l ON l.merchant_id = i.merchant_id AND l.invoice_id = i.id
      LEFT JOIN settlement_batch b ON b.merchant_id = l.merchant_id AND b.id = l.batch_id
     WHERE (i.state = 'paid' OR i.tx_hash IS NOT NULL)
       AND (b.state IS DISTINCT FROM 'paid' OR b.tx_hash <> i.tx_hash OR NOT l.told)
     ORDER BY i.merchant_id, i.id LIMIT $1
"""
_RESERVE_MISMATCH = """
    SELECT merchant_id, currency, sum(held)::text AS held, sum(booked)::text AS booked
      FROM (SELECT merchant_id, currency, amount AS held, 0 AS booked
              FROM settlement_reserve WHERE released_at IS NULL
             UNION ALL
            SELECT merchant_id, currency, 0, credits - debits
              FROM account WHERE name = 'merchant:reserve') AS both_sides
     GROUP BY merchant_id, currency HAVING sum(held) <> sum(booked)
     ORDER BY merchant_id LIMIT $1
"""
_SETTLING_MISMATCH = """
    SELECT merchant_id, currency, sum(unpaid)::text AS unpaid, sum(booked)::text AS booked
      FROM (SELECT merchant_id, coin AS currency, amount AS unpaid, 0 AS booked
              FROM settlement_batch WHERE state <> 'paid'
             UNION ALL
            SELECT merchant_id, currency, 0, credits - debits
              FROM account WHERE name = 'merchant:settling') AS both_sides
     GROUP BY merchant_id, currency HAVING sum(unpaid) <> sum(booked)
     ORDER BY merchant_id LIMIT $1
"""


async def parts_do_not_add_up(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Parts whose invoices have other sums."""
    return await conn.fetch(_PARTS_MISMATCH, limit)


async def batches_do_not_add_up(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Batches over another sum than their parts."""
    return await conn.fetch(_BATCH_MISMATCH, limit)


async def wrongly_booked(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Parts of which the book says something else."""
    return await conn.fetch(_BOOKED_MISMATCH, limit)


async def wrongly_paid(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Batches whose transfer is booked and not paid, or the other way round, or with another sum."""
    return await conn.fetch(_PAID_MISMATCH, limit)


async def paid_twice(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Transfers that two batches of one merchant claim; one to many merchants is in order."""
    return await conn.fetch(_TRANSFER_TWICE, limit)


async def wrongly_told(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Invoices that are paid without a batch that is."""
    return await conn.fetch(_INVOICE_MISMATCH, limit)


async def wrongly_reserved(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Merchants in whose books another sum is set aside than batches did."""
    return await conn.fetch(_RESERVE_MISMATCH, limit)


async def wrongly_settling(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Merchants in whose books another sum is on its way than in their batches."""
    return await conn.fetch(_SETTLING_MISMATCH, limit)
