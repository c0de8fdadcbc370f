"""The only SQL of batches. The merchant comes first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

import asyncpg

from nonstopay.business.settlement.batch import Batch, Line, Part, Rate
from nonstopay.business.settlement.due import Due, Waiting
from nonstopay.business.settlement.states import State
from nonstopay.business.settlement.terms import Cadence, Terms
from nonstopay.money import Currency, Money, coin, fiat
from nonstopay.store.db import Connection

_WAITING = """
    SELECT i.id, i.currency, i.fee_minor, i.paid_at, p.id AS payment_id, p.method,
           p.captured_minor, p.refunded_minor,
           p.authorised_minor > p.captured_minor + p.voided_minor AS is_open,
           EXISTS (SELECT FROM dispute d
                    WHERE d.merchant_id = i.merchant_id AND d.payment_id = p.id
                      AND d.state IN ('new', 'inquiry', 'chargeback')) AS is_disputed
      FROM invoice i
      JOIN payment p ON p.merchant_id = i.merchant_id AND p.invoice_id = i.id
                    AND p.state = 'captured'
     WHERE i.merchant_id = $1 AND i.state = 'awaiting_approval'
       AND NOT EXISTS (SELECT FROM settlement_line l
                        WHERE l.merchant_id = i.merchant_id AND l.invoice_id = i.id)
     ORDER BY i.paid_at, i.id
"""


async def terms(conn: Connection, merchant_id: int) -> Terms:
    row = await conn.fetchrow("SELECT * FROM settlement_terms WHERE merchant_id = $1", merchant_id)
    if row is None:
        return Terms()
    return Terms(
        cadence=Cadence(row["cadence"]),
        threshold=row["threshold"],
        reserve_percent=row["reserve_percent"],
        reserve_days=row["reserve_days"],
        fx_percent=row["fx_percent"],
        partner=row["partner"],
        partner_percent=row["partner_percent"],
    )


async def save_terms(tx: Connection, merchant_id: int, agreed: Terms) -> None:
    await tx.execute(
        """INSERT INTO settlement_terms (merchant_id, cadence, threshold, reserve_percent,
                  reserve_days, fx_percent, partner, partner_percent)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (merchant_id) DO UPDATE
           SET cadence = excluded.cadence, threshold = excluded.threshold,
               reserve_percent = excluded.reserve_percent, reserve_days = excluded.reserve_days,
               fx_percent = excluded.fx_percent, partner = excluded.partner,
               partner_percent = excluded.partner_percent""",
        merchant_id,
        agreed.cadence,
        agreed.threshold,
        agreed.reserve_percent,
        agreed.reserve_days,
        agreed.fx_percent,
        agreed.partner,
        agreed.partner_percent,
    )


async def with_money(conn: Connection, at: datetime) -> list[int]:
    """Merchants with a balance, or with a reserve that is due: nobody else can be paid anything."""
    rows = await conn.fetch(
        """SELECT merchant_id FROM account WHERE name = 'merchant' AND credits > debits
            UNION
           SELECT merchant_id FROM settlement_reserve WHERE released_at IS NULL AND release_at <= $1
            ORDER BY merchant_id""",
        at,
    )
    return [row["merchant_id"] for row in rows]


async def waiting(conn: Connection, merchant_id: int) -> list[Waiting]:
    """Credited invoices that are in no batch, the longest paid first."""
    return [
        Waiting(
            due=Due(
                invoice_id=row["id"],
                payment_id=row["payment_id"],
                gross=Money(row["captured_minor"], fiat(row["currency"])),
                fee=Money(row["fee_minor"], fiat(row["currency"])),
                refunded=Money(row["refunded_minor"], fiat(row["currency"])),
            ),
            method=row["method"],
            paid_at=row["paid_at"],
            is_open=row["is_open"],
            is_disputed=row["is_disputed"],
        )
        for row in await conn.fetch(_WAITING, merchant_id)
    ]


async def next_id(conn: Connection) -> int:
    return cast(int, await conn.fetchval("SELECT nextval('settlement_batch_id')"))


async def last_closed_at(conn: Connection, merchant_id: int) -> datetime | None:
    return cast(
        "datetime | None",
        await conn.fetchval(
            "SELECT max(closed_at) FROM settlement_batch WHERE merchant_id = $1", merchant_id
        ),
    )


async def insert(tx: Connection, batch: Batch) -> None:
    await tx.execute(
        """INSERT INTO settlement_batch (merchant_id, id, state, version, network, coin, exponent,
                  amount, address, attempt, root, closed_at, state_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::numeric, $9, $10, $11, $12, $12)""",
        batch.merchant_id,
        batch.id,
        batch.state,
        batch.version,
        batch.network,
        batch.amount.currency.code,
        batch.amount.currency.exponent,
        str(batch.amount.minor),
        batch.address,
        batch.attempt,
        batch.root,
        batch.closed_at,
    )


async def insert_part(tx: Connection, batch: Batch, part: Part) -> None:
    """Write a part and its lines."""
    await tx.execute(
        """INSERT INTO settlement_part (merchant_id, batch_id, currency, gross, fee, refunded,
                  adjustment, reserve, payable, share, partner, rate, rate_source, rate_at,
                  fx_percent, converted, markup, total)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
                   $16::text::numeric, $17::text::numeric, $18::text::numeric)""",
        batch.merchant_id,
        batch.id,
        part.payable.currency.code,
        part.gross.minor,
        part.fee.minor,
        part.refunded.minor,
        part.adjustment.minor,
        part.reserve.minor,
        part.payable.minor,
        part.share.minor,
        part.partner,
        part.rate.mid,
        part.rate.source,
        part.rate.at,
        part.rate.fx_percent,
        str(part.converted.minor),
        str(part.markup.minor),
        str(part.total.minor),
    )
    await tx.execute(
        """INSERT INTO settlement_line (merchant_id, batch_id, currency, invoice_id, payment_id,
                  gross, fee, refunded, reserve, share)
           SELECT $1, $2, $3, * FROM unnest($4::bigint[], $5::bigint[], $6::bigint[],
                  $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])""",
        batch.merchant_id,
        batch.id,
        part.payable.currency.code,
        [line.invoice_id for line in part.lines],
        [line.payment_id for line in part.lines],
        [line.gross.minor for line in part.lines],
        [line.fee.minor for line in part.lines],
        [line.refunded.minor for line in part.lines],
        [line.reserve.minor for line in part.lines],
        [line.share.minor for line in part.lines],
    )


async def find(conn: Connection, merchant_id: int, batch_id: int) -> Batch | None:
    row = await conn.fetchrow(
        "SELECT * FROM settlement_batch WHERE merchant_id = $1 AND id = $2", merchant_id, batch_id
    )
    return _batch(row) if row else None


async def lock(tx: Connection, merchant_id: int, batch_id: int) -> Batch | None:
    """The batch, its row locked until the transaction ends."""
    row = await tx.fetchrow(
        "SELECT * FROM settlement_batch WHERE merchant_id = $1 AND id = $2 FOR UPDATE",
        merchant_id,
        batch_id,
    )
    return _batch(row) if row else None


async def closed_between(
    conn: Connection, merchant_id: int, after: datetime, before: datetime
) -> list[Batch]:
    """The merchant's batches that closed in [after, before), oldest first."""
    rows = await conn.fetch(
        """SELECT * FROM settlement_batch
            WHERE merchant_id = $1 AND closed_at >= $2 AND closed_at < $3 ORDER BY closed_at, id""",
        merchant_id,
        after,
        before,
    )
    return [_batch(row) for row in rows]


async def newest(conn: Connection, merchant_id: int, limit: int) -> list[Batch]:
    """The merchant's latest batches, newest first."""
    rows = await conn.fetch(
        "SELECT * FROM settlement_batch WHERE merchant_id = $1 ORDER BY id DESC LIMIT $2",
        merchant_id,
        limit,
    )
    return [_batch(row) for row in rows]


async def save(tx: Connection, batch: Batch) -> None:
    """Write what asking and answers changed."""
    await tx.execute(
        """UPDATE settlement_batch
              SET state = $3, version = $4, address = $5, attempt = $6, tx_hash = $7, refusal = $8,
                  state_at = $9
            WHERE merchant_id = $1 AND id = $2""",
        batch.merchant_id,
        batch.id,
        batch.state,
        batch.version,
        batch.address,
        batch.attempt,
        batch.tx_hash,
        batch.refusal,
        batch.state_at,
    )


async def parts(conn: Connection, batch: Batch) -> list[Part]:
    """The batch's parts with their lines, in the order of the currencies' codes."""
    rows = await conn.fetch(
        """SELECT * FROM settlement_part WHERE merchant_id = $1 AND batch_id = $2
            ORDER BY currency COLLATE "C" """,
        batch.merchant_id,
        batch.id,
    )
    lines = [
        _line(row)
        for row in await conn.fetch(
            """SELECT * FROM settlement_line WHERE merchant_id = $1 AND batch_id = $2
                ORDER BY invoice_id""",
            batch.merchant_id,
            batch.id,
        )
    ]
    return [
        replace(
            part, lines=tuple(line for line in lines if line.gross.currency == part.gross.currency)
        )
        for part in (_part(row, batch.amount.currency) for row in rows)
    ]


async def rates(conn: Connection, merchant_id: int, batch_id: int) -> dict[str, Rate]:
    """What the batch was exchanged at, by currency code."""
    rows = await conn.fetch(
        "SELECT * FROM settlement_part WHERE merchant_id = $1 AND batch_id = $2",
        merchant_id,
        batch_id,
    )
    return {row["currency"]: _rate(row) for row in rows}


async def untold(conn: Connection, merchant_id: int, batch_id: int, limit: int) -> list[Line]:
    """Lines whose invoices have not heard that they are paid."""
    rows = await conn.fetch(
        """SELECT * FROM settlement_line WHERE merchant_id = $1 AND batch_id = $2 AND NOT told
            ORDER BY invoice_id LIMIT $3""",
        merchant_id,
        batch_id,
        limit,
    )
    return [_line(row) for row in rows]


async def mark_told(tx: Connection, merchant_id: int, invoice_ids: Sequence[int]) -> None:
    await tx.execute(
        """UPDATE settlement_line SET told = true
            WHERE merchant_id = $1 AND invoice_id = ANY($2::bigint[])""",
        merchant_id,
        list(invoice_ids),
    )


async def insert_reserve(tx: Connection, batch: Batch, amount: Money, release_at: datetime) -> None:
    await tx.execute(
        """INSERT INTO settlement_reserve (merchant_id, batch_id, currency, amount, release_at)
           VALUES ($1, $2, $3, $4, $5)""",
        batch.merchant_id,
        batch.id,
        amount.currency.code,
        amount.minor,
        release_at,
    )


async def reserves_due(conn: Connection, merchant_id: int, at: datetime) -> list[tuple[int, Money]]:
    """(batch, sum) of what is set aside and whose date has come."""
    rows = await conn.fetch(
        """SELECT batch_id, currency, amount FROM settlement_reserve
            WHERE merchant_id = $1 AND released_at IS NULL AND release_at <= $2
            ORDER BY batch_id, currency""",
        merchant_id,
        at,
    )
    return [(row["batch_id"], Money(row["amount"], fiat(row["currency"]))) for row in rows]


async def mark_released(
    tx: Connection, merchant_id: int, batch_id: int, currency: str, at: datetime
) -> None:
    await tx.execute(
        """UPDATE settlement_reserve SET released_at = $4
            WHERE merchant_id = $1 AND batch_id = $2 AND currency = $3""",
        merchant_id,
        batch_id,
        currency,
        at,
    )


def _batch(row: asyncpg.Record) -> Batch:
    return Batch(
        merchant_id=row["merchant_id"],
        id=row["id"],
        state=State(row["state"]),
        version=row["version"],
        network=row["network"],
        amount=Money(int(row["amount"]), coin(row["coin"], row["exponent"])),
        address=row["address"],
        attempt=row["attempt"],
        tx_hash=row["tx_hash"],
        refusal=row["refusal"],
        root=row["root"],
        closed_at=row["closed_at"],
        state_at=row["state_at"],
    )


def _part(row: asyncpg.Record, into: Currency) -> Part:
    currency = fiat(row["currency"])
    names = ("gross", "fee", "refunded", "adjustment", "reserve", "payable", "share")
    return Part(
        **{name: Money(row[name], currency) for name in names},
        **{name: Money(int(row[name]), into) for name in ("converted", "markup", "total")},
        partner=row["partner"],
        rate=_rate(row),
        lines=(),
    )


def _rate(row: asyncpg.Record) -> Rate:
    return Rate(
        mid=row["rate"],
        source=row["rate_source"],
        at=row["rate_at"],
        fx_percent=row["fx_percent"],
    )


def _line(row: asyncpg.Record) -> Line:
    currency = fiat(row["currency"])
    names = ("gross", "fee", "refunded", "reserve", "share")
    return Line(
        invoice_id=row["invoice_id"],
        payment_id=row["payment_id"],
        **{name: Money(row[name], currency) for name in names},
    )
