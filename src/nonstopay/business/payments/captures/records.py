"""The only SQL of captures. The merchant comes first."""

from typing import cast

import asyncpg

from nonstopay.business.payments.captures.capture import Capture
from nonstopay.business.payments.captures.states import State
from nonstopay.money import Currency, Money
from nonstopay.store.db import Connection


async def insert(tx: Connection, capture: Capture) -> None:
    await tx.execute(
        """INSERT INTO capture (merchant_id, payment_id, number, state, version, amount_minor, final,
                                asked_at, state_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)""",
        capture.merchant_id,
        capture.payment_id,
        capture.number,
        capture.state,
        capture.version,
        capture.amount.minor,
        capture.final,
        capture.asked_at,
    )


async def find(
    conn: Connection, merchant_id: int, payment_id: int, number: int, currency: Currency
) -> Capture | None:
    row = await conn.fetchrow(
        "SELECT * FROM capture WHERE merchant_id = $1 AND payment_id = $2 AND number = $3",
        merchant_id,
        payment_id,
        number,
    )
    return _capture(row, currency) if row else None


async def of_payment(
    conn: Connection, merchant_id: int, payment_id: int, currency: Currency
) -> list[Capture]:
    """A payment's captures, the first one first."""
    rows = await conn.fetch(
        "SELECT * FROM capture WHERE merchant_id = $1 AND payment_id = $2 ORDER BY number",
        merchant_id,
        payment_id,
    )
    return [_capture(row, currency) for row in rows]


async def next_one(conn: Connection, merchant_id: int, payment_id: int) -> int | None:
    """The number of the part that the provider is to be asked for now."""
    return cast(
        int | None,
        await conn.fetchval(
            """SELECT min(number) FROM capture
                WHERE merchant_id = $1 AND payment_id = $2 AND state = 'asked'""",
            merchant_id,
            payment_id,
        ),
    )


async def is_under_way(conn: Connection, merchant_id: int, payment_id: int) -> bool:
    """Whether the provider is being asked for a part of a payment."""
    return await next_one(conn, merchant_id, payment_id) is not None


async def is_ours_to_take(conn: Connection, merchant_id: int, payment_id: int) -> bool:
    """Whether what the provider took of a payment is what we asked for, as far as we know."""
    return cast(
        bool,
        await conn.fetchval(
            """SELECT EXISTS (SELECT FROM capture
                WHERE merchant_id = $1 AND payment_id = $2 AND state <> 'refused')""",
            merchant_id,
            payment_id,
        ),
    )


async def save(tx: Connection, capture: Capture) -> None:
    """Write what an answer changed."""
    await tx.execute(
        """UPDATE capture SET state = $4, version = $5, state_at = $6, reason = $7
            WHERE merchant_id = $1 AND payment_id = $2 AND number = $3""",
        capture.merchant_id,
        capture.payment_id,
        capture.number,
        capture.state,
        capture.version,
        capture.state_at,
        capture.reason,
    )


def _capture(row: asyncpg.Record, currency: Currency) -> Capture:
    return Capture(
        merchant_id=row["merchant_id"],
        payment_id=row["payment_id"],
        number=row["number"],
        state=State(row["state"]),
        version=row["version"],
        amount=Money(row["amount_minor"], currency),
        final=row["final"],
        reason=row["reason"],
        asked_at=row["asked_at"],
        state_at=row["state_at"],
    )


_DOES_NOT_ADD_UP = """
    SELECT p.merchant_id, p.id, p.captured_minor, coalesce(sum(c.amount_minor), 0)::text AS parts
      FROM payment p
      LEFT JOIN capture c ON c.merchant_id = p.merchant_id AND c.payment_id = p.id AND c.state = 'done'
     WHERE p.by_hand AND p.state <> 'returning' AND p.state <> 'returned'
     GROUP BY p.merchant_id, p.id
    HAVING count(c.number) > 0 AND p.captured_minor <> coalesce(sum(c.amount_minor), 0)
     ORDER BY p.merchant_id, p.id LIMIT $1
"""


async def does_not_add_up(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Payments captured by hand that are not the sum of their captures.

    One without captures was taken whole, by somebody at the provider's own desk.
    """
    return await conn.fetch(_DOES_NOT_ADD_UP, limit)
