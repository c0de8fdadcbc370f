"""The SQL of upkeep: counters, figures, and what is removed. It looks over all merchants."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

import asyncpg

from nonstopay.store.db import Connection


async def add_counts(tx: Connection, counts: Mapping[tuple[str, str], int]) -> None:
    """Add to the counters of all workers. What a crash takes back is only a figure."""
    keys = sorted(counts)
    await tx.execute("SET LOCAL synchronous_commit = off")
    await tx.execute(
        """INSERT INTO webhook_count (name, label, amount)
           SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
               ON CONFLICT (name, label) DO UPDATE
              SET amount = webhook_count.amount + excluded.amount""",
        [name for name, _ in keys],
        [label for _, label in keys],
        [counts[key] for key in keys],
    )


async def counts(conn: Connection) -> dict[str, dict[str, int]]:
    """The counters: by name, then by label."""
    found: dict[str, dict[str, int]] = {}
    for row in await conn.fetch("SELECT name, label, amount FROM webhook_count"):
        found.setdefault(row["name"], {})[row["label"]] = row["amount"]
    return found


async def standing(conn: Connection, at_most: int) -> asyncpg.Record:
    """What waits and what was given up, counted up to `at_most`; and the state of endpoints.

    `due_since` is found by one look into the index for each endpoint that has something pending.
    """
    row = await conn.fetchrow(
        """WITH RECURSIVE earliest AS (
               (SELECT merchant_id, endpoint_id, next_attempt_at FROM delivery
                 WHERE state = 'pending'
                 ORDER BY merchant_id, endpoint_id, next_attempt_at LIMIT 1)
               UNION ALL
               SELECT d.* FROM earliest e CROSS JOIN LATERAL (
                   SELECT merchant_id, endpoint_id, next_attempt_at FROM delivery
                    WHERE state = 'pending'
                      AND (merchant_id, endpoint_id) > (e.merchant_id, e.endpoint_id)
                    ORDER BY merchant_id, endpoint_id, next_attempt_at LIMIT 1) d)
           SELECT (SELECT count(*) FROM (SELECT FROM event WHERE dispatched_at IS NULL LIMIT $1) q)
                      AS events,
                  (SELECT created_at FROM event WHERE dispatched_at IS NULL ORDER BY id LIMIT 1)
                      AS event_since,
                  (SELECT count(*) FROM (SELECT FROM delivery WHERE state = 'pending' LIMIT $1) q)
                      AS pending,
                  (SELECT min(next_attempt_at) FROM earliest) AS due_since,
                  (SELECT count(*) FROM (SELECT FROM delivery WHERE state = 'dead' LIMIT $1) q)
                      AS dead,
                  count(*) FILTER (WHERE disabled_at IS NULL AND failing_since IS NULL) AS healthy,
                  count(*) FILTER (WHERE disabled_at IS NULL AND failing_since IS NOT NULL)
                      AS failing,
                  count(*) FILTER (WHERE disabled_at IS NOT NULL) AS disabled
             FROM webhook_endpoint""",
        at_most,
    )
    assert row is not None
    return row


async def forget_attempts(tx: Connection, before: datetime, limit: int) -> int:
    """Remove the oldest attempts that began before then; how many."""
    return cast(
        int,
        await tx.fetchval(
            """WITH gone AS (
                   DELETE FROM delivery_attempt
                    WHERE (merchant_id, endpoint_id, event_id, number) IN (
                          SELECT merchant_id, endpoint_id, event_id, number FROM delivery_attempt
                           WHERE at < $1 ORDER BY at LIMIT $2)
                RETURNING 1)
               SELECT count(*) FROM gone""",
            before,
            limit,
        ),
    )
