"""The SQL of paying by crypto: policies, what was accepted, and refunds. The merchant comes first."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from nonstopay.business.payments.crypto.policy import Choice, Policy
from nonstopay.business.payments.crypto.refund import Refund
from nonstopay.business.payments.payment import Payment
from nonstopay.ledger import movements
from nonstopay.money import Money, currency_of
from nonstopay.store.db import Connection


async def policy(conn: Connection, merchant_id: int) -> Policy:
    """The merchant's; without a row the defaults."""
    row = await conn.fetchrow("SELECT * FROM crypto_policy WHERE merchant_id = $1", merchant_id)
    if row is None:
        return Policy()
    return Policy(
        tolerance_percent=row["tolerance_percent"],
        under=Choice(row["under"]),
        over=Choice(row["over"]),
        stray=Choice(row["stray"]),
    )


async def set_policy(tx: Connection, merchant_id: int, chosen: Policy) -> None:
    await tx.execute(
        """INSERT INTO crypto_policy (merchant_id, tolerance_percent, under, over, stray)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (merchant_id) DO UPDATE
           SET tolerance_percent = excluded.tolerance_percent, under = excluded.under,
               over = excluded.over, stray = excluded.stray""",
        merchant_id,
        chosen.tolerance_percent,
        chosen.under,
        chosen.over,
        chosen.stray,
    )


async def accepted(conn: Connection, merchant_id: int, payment_id: int) -> int:
    """How much of what came paid the invoice, in the smallest unit of the payment's coin."""
    found = await conn.fetchval(
        """SELECT coalesce(sum(amount), 0)::text FROM transfer
            WHERE merchant_id = $1 AND about = $2 AND movement = $3 AND debit = 'payer'""",
        merchant_id,
        f"payment:{payment_id}",
        movements.DEPOSIT_ACCEPTED,
    )
    return int(found)


async def is_posted(conn: Connection, merchant_id: int, key: str) -> bool:
    """Whether the merchant's book has lines of this key."""
    found = await conn.fetchrow(
        "SELECT FROM transfer WHERE merchant_id = $1 AND key = $2 LIMIT 1", merchant_id, key
    )
    return found is not None


async def booked(conn: Connection, keys: Sequence[tuple[int, str]]) -> dict[str, int]:
    """What stands in the books as deposits under these keys, in smallest units."""
    rows = await conn.fetch(
        """SELECT t.key, sum(t.amount)::text AS amount
             FROM unnest($1::bigint[], $2::text[]) AS w (merchant_id, key)
             JOIN transfer t ON t.merchant_id = w.merchant_id AND t.key = w.key
            GROUP BY t.key""",
        [merchant_id for merchant_id, _ in keys],
        [key for _, key in keys],
    )
    return {row["key"]: int(row["amount"]) for row in rows}


async def wrongly_booked(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Sure deposits that the book has not or has differently, if nobody is about to book them; and others."""
    return await conn.fetch(
        """WITH came AS (
             SELECT DISTINCT d.merchant_id, d.invoice_id, d.amount,
                    'deposit:' || d.network || '/' || d.transaction || '/' || d.place AS key
               FROM deposit d WHERE d.state IN ('confirmed', 'frozen')),
           booked AS (
             SELECT merchant_id, key, sum(amount) AS amount
               FROM transfer WHERE movement = 'deposit' GROUP BY merchant_id, key)
           SELECT coalesce(c.merchant_id, b.merchant_id) AS merchant_id,
                  coalesce(c.key, b.key) AS key, coalesce(c.amount, 0)::text AS came,
                  coalesce(b.amount, 0)::text AS booked
             FROM came c FULL JOIN booked b ON b.merchant_id = c.merchant_id AND b.key = c.key
            WHERE c.amount IS DISTINCT FROM b.amount
              AND NOT EXISTS (SELECT FROM job j
                               WHERE j.merchant_id = c.merchant_id AND j.kind = 'deposits:changed'
                                 AND j.key = c.invoice_id::text)
            LIMIT $1""",
        limit,
    )


async def wrongly_accepted(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Invoices for which more was accepted and sent back, in a coin, than came."""
    return await conn.fetch(
        """WITH came AS (
             SELECT merchant_id, about, currency, sum(amount) AS amount
               FROM transfer WHERE movement = 'deposit' GROUP BY merchant_id, about, currency),
           taken AS (
             SELECT p.merchant_id, 'invoice:' || p.invoice_id AS about, t.currency,
                    sum(t.amount) AS amount
               FROM payment p
               JOIN transfer t ON t.merchant_id = p.merchant_id AND t.about = 'payment:' || p.id
              WHERE p.method = 'CRYPTO' AND t.debit = 'payer'
              GROUP BY p.merchant_id, p.invoice_id, t.currency
             UNION ALL
             SELECT merchant_id, 'invoice:' || invoice_id, coin, sum(amount)
               FROM crypto_refund GROUP BY merchant_id, invoice_id, coin)
           SELECT t.merchant_id, t.about, t.currency, sum(t.amount)::text AS taken,
                  coalesce(max(c.amount), 0)::text AS came
             FROM taken t
             LEFT JOIN came c ON c.merchant_id = t.merchant_id AND c.about = t.about
                             AND c.currency = t.currency
            GROUP BY t.merchant_id, t.about, t.currency
           HAVING sum(t.amount) > coalesce(max(c.amount), 0)
            LIMIT $1""",
        limit,
    )


async def wrongly_sent(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Refunds that arrived and are not in the book, exactly, or that are there and have not arrived."""
    return await conn.fetch(
        """SELECT r.merchant_id, r.id, r.amount::text AS amount, r.coin,
                  coalesce(r.tx_hash, 'not there yet') AS tx_hash,
                  coalesce(sum(t.amount), 0)::text AS booked
             FROM crypto_refund r
             LEFT JOIN transfer t ON t.merchant_id = r.merchant_id
                                 AND t.about = 'crypto-refund:' || r.id AND t.debit = 'payer'
            GROUP BY r.merchant_id, r.id
           HAVING coalesce(sum(t.amount), 0)
                  <> CASE WHEN r.tx_hash IS NULL THEN 0 ELSE r.amount END
            ORDER BY r.merchant_id, r.id LIMIT $1""",
        limit,
    )


async def refunds(conn: Connection, merchant_id: int, invoice_id: int) -> list[Refund]:
    """The invoice's refunds on chains, oldest first."""
    rows = await conn.fetch(
        "SELECT * FROM crypto_refund WHERE merchant_id = $1 AND invoice_id = $2 ORDER BY id",
        merchant_id,
        invoice_id,
    )
    return [_refund(row) for row in rows]


async def refund(conn: Connection, merchant_id: int, refund_id: int) -> Refund | None:
    row = await conn.fetchrow(
        "SELECT * FROM crypto_refund WHERE merchant_id = $1 AND id = $2", merchant_id, refund_id
    )
    return _refund(row) if row else None


async def set_refused(tx: Connection, refused: Refund) -> None:
    """The sender refused this attempt; the next one has another key."""
    await tx.execute(
        """UPDATE crypto_refund SET attempt = $3 + 1
            WHERE merchant_id = $1 AND id = $2 AND attempt = $3 AND tx_hash IS NULL""",
        refused.merchant_id,
        refused.id,
        refused.attempt,
    )


async def set_sent(tx: Connection, merchant_id: int, refund_id: int, tx_hash: str) -> bool:
    """Note the transfer that brought a refund; False if one was noted before."""
    row = await tx.fetchrow(
        """UPDATE crypto_refund SET tx_hash = $3
            WHERE merchant_id = $1 AND id = $2 AND tx_hash IS NULL RETURNING id""",
        merchant_id,
        refund_id,
        tx_hash,
    )
    return row is not None


async def insert_refund(
    tx: Connection,
    payment: Payment,
    network: str,
    amount: Money,
    address: str,
    at: datetime,
) -> Refund:
    row = await tx.fetchrow(
        """INSERT INTO crypto_refund (merchant_id, id, invoice_id, payment_id, network, coin, exponent,
                                      amount, address, asked_at)
           VALUES ($1, nextval('crypto_refund_id'), $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *""",
        payment.merchant_id,
        payment.invoice_id,
        payment.id,
        network,
        amount.currency.code,
        amount.currency.exponent,
        amount.minor,
        address,
        at,
    )
    assert row is not None
    return _refund(row)


def _refund(row: asyncpg.Record) -> Refund:
    return Refund(
        merchant_id=row["merchant_id"],
        id=row["id"],
        invoice_id=row["invoice_id"],
        payment_id=row["payment_id"],
        network=row["network"],
        amount=Money(int(row["amount"]), currency_of(row["coin"], row["exponent"])),
        address=row["address"],
        attempt=row["attempt"],
        tx_hash=row["tx_hash"],
        asked_at=row["asked_at"],
    )
