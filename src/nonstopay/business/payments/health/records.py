"""The SQL of health. It looks over all merchants: a provider fails for all of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import asyncpg

from nonstopay.business.payments.health.evidence import (
    THEIR_DESKS,
    THEIR_FAULTS,
    Evidence,
    Tries,
)
from nonstopay.business.payments.health.health import Health
from nonstopay.business.payments.health.states import State
from nonstopay.store.db import Connection

_JUDGES_LOCK = 0x6E73705F68656C74  # "nsp_helt"


async def become_judge(tx: Connection) -> bool:
    """Whether this transaction may judge: one does at a time, and the others need not wait."""
    return cast(bool, await tx.fetchval("SELECT pg_try_advisory_xact_lock($1)", _JUDGES_LOCK))


async def all_health(conn: Connection) -> list[Health]:
    """The health of every method and provider that ever was unwell."""
    return [_health(row) for row in await conn.fetch("SELECT * FROM method_health")]


async def save(tx: Connection, health: Health) -> int:
    """Write a changed health; its id."""
    return cast(
        int,
        await tx.fetchval(
            """INSERT INTO method_health (method, connector, version, state, opening, state_at,
                                          counted_from)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (method, connector) DO UPDATE
              SET version = excluded.version, state = excluded.state, opening = excluded.opening,
                  state_at = excluded.state_at, counted_from = excluded.counted_from
            RETURNING id""",
            health.method,
            health.connector,
            health.version,
            health.state,
            health.opening,
            health.state_at,
            health.counted_from,
        ),
    )


async def evidence(
    conn: Connection, *, since: datetime, now: datetime, answered_by: datetime
) -> dict[tuple[str, str], Evidence]:
    """What the payments started since then say, by method and connector.

    After a fall only what has happened since counts (`Health.counted_from`): also to payments begun
    before, but that one of them expires does not prove that orders open again.

    Args:
        answered_by: an order that was begun before this and is not open now, never will be.
    """
    rows = await conn.fetch(
        """WITH payer AS (
               SELECT p.method, p.connector, p.merchant_id, p.invoice_id,
                      bool_or(p.state = 'waiting' OR p.state <> 'starting'
                              AND p.started_at >= coalesce(h.counted_from, $1)) AS opened,
                      bool_or(p.state = 'starting' AND p.started_at <= $3) AS unopened,
                      bool_or(p.state IN ('authorised', 'voiding', 'voided', 'captured',
                                          'returning', 'returned')
                              OR p.state = 'declined' AND NOT n.theirs) AS through,
                      bool_or(p.state = 'unknown' OR p.state = 'declined' AND n.theirs) AS stuck
                 FROM payment p
                 LEFT JOIN method_health h ON h.method = p.method AND h.connector = p.connector
                CROSS JOIN LATERAL (
                      SELECT coalesce((SELECT d.facts->>'failed_at' = ANY($4)
                                              AND d.facts->>'reason' = ANY($5)
                                         FROM payment_news d
                                        WHERE p.state = 'declined' AND d.after = 'declined'
                                          AND d.merchant_id = p.merchant_id AND d.payment_id = p.id
                                        ORDER BY d.number DESC LIMIT 1), false) AS theirs) n
                WHERE p.started_at BETWEEN $1 AND $2
                  AND p.state_at >= coalesce(h.counted_from, $1)
                GROUP BY p.method, p.connector, p.merchant_id, p.invoice_id)
           SELECT method, connector,
                  count(*) FILTER (WHERE opened OR unopened) AS opening,
                  count(*) FILTER (WHERE unopened AND NOT opened) AS unopened,
                  count(DISTINCT merchant_id) FILTER (WHERE opened OR unopened)
                      AS opening_merchants,
                  count(DISTINCT merchant_id) FILTER (WHERE unopened AND NOT opened)
                      AS unopened_merchants,
                  count(*) FILTER (WHERE through OR stuck) AS paying,
                  count(*) FILTER (WHERE stuck AND NOT through) AS stuck,
                  count(DISTINCT merchant_id) FILTER (WHERE through OR stuck) AS paying_merchants,
                  count(DISTINCT merchant_id) FILTER (WHERE stuck AND NOT through)
                      AS stuck_merchants
             FROM payer GROUP BY method, connector""",
        since,
        now,
        answered_by,
        [str(source) for source in THEIR_DESKS],
        [str(reason) for reason in THEIR_FAULTS],
    )
    return {(row["method"], row["connector"]): _evidence(row) for row in rows}


async def users(conn: Connection, method: str, since: datetime, limit: int) -> Sequence[int]:
    """The merchants whose payers used the method since then, the latest first."""
    rows = await conn.fetch(
        """SELECT merchant_id FROM payment WHERE method = $1 AND started_at >= $2
            GROUP BY merchant_id ORDER BY max(started_at) DESC LIMIT $3""",
        method,
        since,
        limit,
    )
    return [row["merchant_id"] for row in rows]


def _health(row: asyncpg.Record) -> Health:
    return Health(
        method=row["method"],
        connector=row["connector"],
        id=row["id"],
        version=row["version"],
        state=State(row["state"]),
        opening=row["opening"],
        state_at=row["state_at"],
        counted_from=row["counted_from"],
    )


def _evidence(row: asyncpg.Record) -> Evidence:
    return Evidence(
        opening=Tries(
            row["opening"], row["unopened"], row["opening_merchants"], row["unopened_merchants"]
        ),
        paying=Tries(row["paying"], row["stuck"], row["paying_merchants"], row["stuck_merchants"]),
    )
