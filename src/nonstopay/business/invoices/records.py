"""The only SQL of invoices. The merchant comes first."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import cast

import asyncpg

from nonstopay.business.invoices.invoice import Invoice, NewInvoice
from nonstopay.business.invoices.states import State
from nonstopay.money import Money, coin, currency_of, fiat, own_exponent
from nonstopay.store.db import Connection

_COLUMNS = """merchant_id, id, state, version, currency, amount_minor, email, created_at, state_at,
    method, direct, success_url, cancel_url, pending_url, failure_url, callback_json, payer_ip,
    payer_country, charged_minor, charged_currency, charged_exponent, credited_minor,
    fee_minor, paid_at,
    tx_hash, settled_minor, settled_coin, settled_exponent, solution"""


_BLOCKS = """
    SELECT block, sum(invoices)::bigint AS invoices
      FROM (SELECT merchant_id, block, day, state, invoices FROM invoice_tally
             UNION ALL
            SELECT merchant_id, block, day, state, invoices FROM invoice_tally_change) AS tally
     WHERE merchant_id = $1 AND ($2::text[] IS NULL OR state = ANY($2))
       AND ($3::date IS NULL OR day >= $3) AND ($4::date IS NULL OR day <= $4)
     GROUP BY block HAVING sum(invoices) > 0 ORDER BY block
"""
_PAGE = f"""
    SELECT {_COLUMNS} FROM invoice
     WHERE merchant_id = $1 AND ($2::text[] IS NULL OR state = ANY($2))
       AND ($3::timestamptz IS NULL OR created_at >= $3)
       AND ($4::timestamptz IS NULL OR created_at < $4)
"""
_PAGE_UP = f"{_PAGE} AND id >= $5::bigint << 12 ORDER BY id OFFSET $6 LIMIT $7"
_PAGE_DOWN = f"{_PAGE} AND id < ($5::bigint + 1) << 12 ORDER BY id DESC OFFSET $6 LIMIT $7"
_FOLD = """
WITH taken AS (
    DELETE FROM invoice_tally_change
     WHERE ctid IN (SELECT ctid FROM invoice_tally_change LIMIT $1)
    RETURNING merchant_id, block, day, state, invoices
), folded AS (
    INSERT INTO invoice_tally (merchant_id, block, day, state, invoices)
    SELECT merchant_id, block, day, state, sum(invoices) FROM taken
     GROUP BY merchant_id, block, day, state ORDER BY merchant_id, block, day, state
    ON CONFLICT (merchant_id, block, day, state) DO UPDATE
    SET invoices = invoice_tally.invoices + excluded.invoices
)
SELECT count(*) FROM taken
"""

_INSERT_NEW = """
WITH input AS MATERIALIZED (
    SELECT nextval('invoice_id') AS id, t.*
      FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::boolean[],
                  $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                  $14::bytea[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[])
           WITH ORDINALITY AS t (merchant_id, currency, amount_minor, email, method, direct,
                  success_url, cancel_url, pending_url, failure_url, callback_json, payer,
                  personal_id_sealed, payer_ip, payer_country, key, fields, solution, ord)
), claimed AS (
    INSERT INTO idempotency (merchant_id, route, key, fields, created_at, object_id)
    SELECT merchant_id, $20, key, fields::jsonb, $1, id FROM input
     WHERE key IS NOT NULL ORDER BY merchant_id, key
    ON CONFLICT DO NOTHING
    RETURNING merchant_id, key
), fresh AS MATERIALIZED (
    SELECT * FROM input
     WHERE key IS NULL OR (merchant_id, key) IN (SELECT merchant_id, key FROM claimed)
), stored AS (
    INSERT INTO invoice (merchant_id, id, state, version, currency, amount_minor, email, created_at,
                         state_at, method, direct, success_url, cancel_url, pending_url, failure_url,
                         callback_json, payer, personal_id_sealed, payer_ip, payer_country,
                         solution)
    SELECT merchant_id, id, 'created', 1, currency, amount_minor, email, $1, $1, method, direct,
           success_url, cancel_url, pending_url, failure_url, callback_json, payer,
           personal_id_sealed, payer_ip, payer_country, solution
      FROM fresh
), counted AS (
    INSERT INTO invoice_tally_change (merchant_id, block, day, state, invoices)
    SELECT merchant_id, id >> 12, ($1::timestamptz AT TIME ZONE 'UTC')::date, 'created', count(*)
      FROM fresh GROUP BY merchant_id, id >> 12
), told AS (
    INSERT INTO event (merchant_id, kind, object, object_id, version, facts, created_at)
    SELECT merchant_id, 'invoice:created', 'invoice', id, 1, '{}', $1 FROM fresh
)
SELECT ord, id FROM fresh
"""


async def insert_new(
    conn: Connection, route: str, batch: Sequence[NewInvoice], at: datetime
) -> list[int | None]:
    """Write a batch of new invoices, each with its event and its idempotency key, in one statement.

    Returns:
        The ids in the order of the batch; `None` where the key was taken and nothing was written.
    """
    columns = map(_without_nulls, zip(*map(_new_row, batch), strict=True))
    ids: list[int | None] = [None] * len(batch)
    for place, invoice_id in await conn.fetch(_INSERT_NEW, at, *columns, route):
        ids[place - 1] = invoice_id
    return ids


def _without_nulls(column: tuple[object, ...]) -> tuple[object, ...]:
    """A column that nobody filled, as most are, is sent empty: `unnest` fills it up with NULL."""
    return () if column.count(None) == len(column) else column


def _new_row(new: NewInvoice) -> tuple[object, ...]:
    return (
        new.merchant_id,
        new.currency,
        new.amount_minor,
        new.email,
        new.method,
        new.direct,
        new.success_url,
        new.cancel_url,
        new.pending_url,
        new.failure_url,
        new.callback_json,
        new.payer,
        new.personal_id_sealed,
        new.payer_ip,
        new.payer_country,
        new.idempotency_key,
        new.fields,
        new.solution,
    )


async def find(conn: Connection, merchant_id: int, invoice_id: int) -> Invoice | None:
    row = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM invoice WHERE merchant_id = $1 AND id = $2",
        merchant_id,
        invoice_id,
    )
    return _invoice(row) if row else None


async def find_all(
    conn: Connection, ids: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Invoice]:
    """Those that are there, of any merchants, by merchant and invoice."""
    rows = await conn.fetch(
        f"""SELECT {_COLUMNS} FROM invoice
             WHERE (merchant_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))""",
        [merchant_id for merchant_id, _ in ids],
        [invoice_id for _, invoice_id in ids],
    )
    return {(row["merchant_id"], row["id"]): _invoice(row) for row in rows}


async def lock(tx: Connection, merchant_id: int, invoice_id: int) -> Invoice | None:
    """The invoice, its row locked until the transaction ends: whoever changes it goes through here."""
    row = await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM invoice WHERE merchant_id = $1 AND id = $2 FOR UPDATE",
        merchant_id,
        invoice_id,
    )
    return _invoice(row) if row else None


async def merchant_of(conn: Connection, invoice_id: int) -> int | None:
    """Whose invoice it is: for the operator, who owns none."""
    return cast(
        "int | None",
        await conn.fetchval("SELECT merchant_id FROM invoice WHERE id = $1", invoice_id),
    )


async def exists_elsewhere(conn: Connection, invoice_id: int) -> bool:
    """Whether any merchant has an invoice with this id; asked only after one's own was not found."""
    return cast(
        bool, await conn.fetchval("SELECT EXISTS (SELECT FROM invoice WHERE id = $1)", invoice_id)
    )


async def personal_details(
    conn: Connection, merchant_id: int, invoice_id: int
) -> tuple[str | None, bytes | None]:
    """What the merchant told of the payer: JSON text, and the sealed identity number."""
    row = await conn.fetchrow(
        "SELECT payer, personal_id_sealed FROM invoice WHERE merchant_id = $1 AND id = $2",
        merchant_id,
        invoice_id,
    )
    return (row["payer"], row["personal_id_sealed"]) if row else (None, None)


async def save_state(tx: Connection, invoice: Invoice) -> None:
    """Write what a step changed: state, version and what the payer paid."""
    await tx.execute(
        """UPDATE invoice SET state = $3, version = $4, state_at = $5, charged_minor = $6,
                  charged_currency = $7, fee_minor = $8, paid_at = $9, payer_ip = $10,
                  charged_exponent = $11, credited_minor = $12
            WHERE merchant_id = $1 AND id = $2""",
        invoice.merchant_id,
        invoice.id,
        invoice.state,
        invoice.version,
        invoice.state_at,
        invoice.charged.minor if invoice.charged else None,
        invoice.charged.currency.code if invoice.charged else None,
        invoice.fee.minor if invoice.fee else None,
        invoice.paid_at,
        invoice.payer_ip,
        own_exponent(invoice.charged.currency) if invoice.charged else None,
        invoice.credited.minor if invoice.credited else None,
    )


async def save_settlement(tx: Connection, invoice: Invoice, settled: Money, tx_hash: str) -> None:
    """Write which transfer settled the invoice, and its worth in the coin."""
    await tx.execute(
        """UPDATE invoice SET tx_hash = $3, settled_minor = $4::text::numeric, settled_coin = $5,
                  settled_exponent = $6
            WHERE merchant_id = $1 AND id = $2""",
        invoice.merchant_id,
        invoice.id,
        tx_hash,
        str(settled.minor),
        settled.currency.code,
        settled.currency.exponent,
    )


async def unpaid_created_between(
    tx: Connection, after: datetime, through: datetime, limit: int
) -> list[tuple[int, int]]:
    """(merchant, id) of invoices still created or opened, made in (after, through]."""
    rows = await tx.fetch(
        """SELECT merchant_id, id FROM invoice
            WHERE created_at > $1 AND created_at <= $2 AND state IN ('created', 'opened')
            ORDER BY created_at LIMIT $3""",
        after,
        through,
        limit,
    )
    return [(row["merchant_id"], row["id"]) for row in rows]


async def sweep_position(tx: Connection, name: str) -> datetime | None:
    return cast(
        "datetime | None", await tx.fetchval("SELECT through FROM sweep WHERE name = $1", name)
    )


async def oldest(tx: Connection) -> datetime | None:
    return cast(
        "datetime | None",
        await tx.fetchval("SELECT created_at FROM invoice ORDER BY id LIMIT 1"),
    )


async def move_sweep(tx: Connection, name: str, through: datetime) -> None:
    await tx.execute(
        """INSERT INTO sweep (name, through) VALUES ($1, $2)
           ON CONFLICT (name) DO UPDATE SET through = greatest(sweep.through, excluded.through)""",
        name,
        through,
    )


async def page(
    conn: Connection,
    merchant_id: int,
    *,
    states: Sequence[State] | None,
    first: date | None,
    last: date | None,
    descending: bool,
    offset: int,
    limit: int,
) -> tuple[list[Invoice], int]:
    """A page of the merchant's history, by date, and how many invoices match in all.

    The tally says how many match and in which block of ids the page begins, so that the last of ten
    million is found as fast as the first.

    Args:
        states: those wanted; `None` is all.
        first, last: days in UTC, both included; `None` is open.
    """
    wanted = [str(state) for state in states] if states is not None else None
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        blocks = await conn.fetch(_BLOCKS, merchant_id, wanted, first, last)
        total = sum(row["invoices"] for row in blocks)
        start = _block_of(reversed(blocks) if descending else blocks, offset)
        if start is None:
            return [], total
        block, within = start
        rows = await conn.fetch(
            _PAGE_DOWN if descending else _PAGE_UP,
            merchant_id,
            wanted,
            midnight(first) if first else None,
            midnight(last + timedelta(days=1)) if last and last < date.max else None,
            block,
            within,
            limit,
        )
    return [_invoice(row) for row in rows], total


def _block_of(blocks: Iterable[asyncpg.Record], offset: int) -> tuple[int, int] | None:
    """The block that holds the match number `offset`, and how many matches of it come before."""
    for row in blocks:
        if offset < row["invoices"]:
            return row["block"], offset
        offset -= row["invoices"]
    return None


async def count_change(tx: Connection, invoice: Invoice, *, before: State, after: State) -> None:
    """Tell the tally that an invoice left one state for another."""
    await tx.execute(
        """INSERT INTO invoice_tally_change (merchant_id, block, day, state, invoices)
           VALUES ($1, $2::bigint >> 12, $3, $4, -1), ($1, $2::bigint >> 12, $3, $5, 1)""",
        invoice.merchant_id,
        invoice.id,
        invoice.created_at.astimezone(UTC).date(),
        before,
        after,
    )


async def fold_tally(tx: Connection, limit: int) -> int:
    """Fold up to `limit` changes into the tally; how many there were."""
    return cast(int, await tx.fetchval(_FOLD, limit))


def midnight(day: date) -> datetime:
    """The first instant of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _invoice(row: asyncpg.Record) -> Invoice:
    currency = fiat(row["currency"])
    charged = row["charged_minor"]
    credited, fee = row["credited_minor"], row["fee_minor"]
    settled = row["settled_minor"]
    return Invoice(
        id=row["id"],
        merchant_id=row["merchant_id"],
        state=State(row["state"]),
        version=row["version"],
        amount=Money(row["amount_minor"], currency),
        email=row["email"],
        created_at=row["created_at"],
        state_at=row["state_at"],
        method=row["method"],
        direct=row["direct"],
        success_url=row["success_url"],
        cancel_url=row["cancel_url"],
        pending_url=row["pending_url"],
        failure_url=row["failure_url"],
        callback_json=row["callback_json"],
        payer_ip=row["payer_ip"],
        payer_country=row["payer_country"],
        charged=None
        if charged is None
        else Money(int(charged), currency_of(row["charged_currency"], row["charged_exponent"])),
        credited=None if credited is None else Money(credited, currency),
        fee=None if fee is None else Money(fee, currency),
        paid_at=row["paid_at"],
        settled=None
        if settled is None
        else Money(int(settled), coin(row["settled_coin"], row["settled_exponent"])),
        tx_hash=row["tx_hash"],
        solution=row["solution"],
    )
