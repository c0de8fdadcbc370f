"""The SQL of upkeep: counters, figures, and what is removed. It looks over all merchants."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg

from nonstopay.business.webhooks.delivery import EndpointKey, OldAttempt
from nonstopay.store.db import Connection

COUNTED_MAX = 100_000
"""Beyond it a backlog is a backlog, and counting it would add to the trouble."""


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


async def standing(conn: Connection) -> asyncpg.Record:
    """What waits and what was given up, counted up to `COUNTED_MAX`; and the state of endpoints.

    `due_since` is found by one look into the index for each endpoint.
    """
    row = await conn.fetchrow(
        """SELECT (SELECT count(*) FROM (SELECT FROM event WHERE dispatched_at IS NULL LIMIT $1) q)
                      AS events,
                  (SELECT created_at FROM event WHERE dispatched_at IS NULL ORDER BY id LIMIT 1)
                      AS event_since,
                  (SELECT count(*) FROM (SELECT FROM delivery WHERE state = 'pending' LIMIT $1) q)
                      AS pending,
                  min((SELECT min(d.next_attempt_at) FROM delivery d
                        WHERE d.merchant_id = w.merchant_id AND d.endpoint_id = w.id
                          AND d.state = 'pending')) AS due_since,
                  (SELECT count(*) FROM (SELECT FROM delivery WHERE state = 'dead' LIMIT $1) q)
                      AS dead,
                  count(*) FILTER (WHERE disabled_at IS NULL AND failing_since IS NULL) AS healthy,
                  count(*) FILTER (WHERE disabled_at IS NULL AND failing_since IS NOT NULL)
                      AS failing,
                  count(*) FILTER (WHERE disabled_at IS NOT NULL) AS disabled
             FROM webhook_endpoint w""",
        COUNTED_MAX,
    )
    assert row is not None
    return row


async def standing_of(conn: Connection, endpoint: EndpointKey, latest: int) -> asyncpg.Record:
    """What is pending at one endpoint, and what came of its latest attempts."""
    row = await conn.fetchrow(
        """SELECT (SELECT count(*) FROM (SELECT FROM delivery
                                          WHERE merchant_id = $1 AND endpoint_id = $2
                                            AND state = 'pending' LIMIT $4) q) AS pending,
                  (SELECT min(next_attempt_at) FROM delivery
                    WHERE merchant_id = $1 AND endpoint_id = $2 AND state = 'pending') AS due_since,
                  count(*) AS attempts,
                  count(*) FILTER (WHERE status BETWEEN 200 AND 299) AS received
             FROM (SELECT status FROM delivery_attempt
                    WHERE merchant_id = $1 AND endpoint_id = $2
                    ORDER BY event_id DESC, number DESC LIMIT $3) a""",
        *endpoint,
        latest,
        COUNTED_MAX,
    )
    assert row is not None
    return row


async def forget_attempts(tx: Connection, before: datetime, limit: int) -> list[OldAttempt]:
    """Remove the oldest attempts that began before then, and return them."""
    rows = await tx.fetch(
        """DELETE FROM delivery_attempt
            WHERE (merchant_id, endpoint_id, event_id, number) IN (
                  SELECT merchant_id, endpoint_id, event_id, number FROM delivery_attempt
                   WHERE at < $1 ORDER BY at LIMIT $2)
        RETURNING merchant_id, endpoint_id, event_id, number, at, duration_ms, status, problem,
                  detail, response""",
        before,
        limit,
    )
    return [OldAttempt(**dict(row)) for row in rows]
