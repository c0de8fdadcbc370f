"""The only SQL of webhooks: endpoints, secrets, deliveries, attempts.

A delivery is pending as long as it is not finished. Which of the two a statement says chooses its
index: `state = 'pending'` what is due, `finished_at IS NULL` the lane, neither the primary key.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import asyncpg

from nonstopay.business.webhooks.delivery import Attempt, Claimed, Delivery, EndpointKey, Result
from nonstopay.business.webhooks.endpoint import Endpoint
from nonstopay.business.webhooks.states import State
from nonstopay.store.db import Connection
from nonstopay.store.outbox import Event, read_event

# ── Endpoints and secrets ───────────────────────────────────────────────────────────────────────


async def insert_endpoint(tx: Connection, merchant_id: int, url: str, at: datetime) -> int:
    return cast(
        int,
        await tx.fetchval(
            """INSERT INTO webhook_endpoint (merchant_id, url, created_at)
               VALUES ($1, $2, $3) RETURNING id""",
            merchant_id,
            url,
            at,
        ),
    )


async def endpoints(conn: Connection, merchant_id: int) -> list[Endpoint]:
    """All of a merchant's endpoints, the oldest first."""
    rows = await conn.fetch(
        "SELECT * FROM webhook_endpoint WHERE merchant_id = $1 ORDER BY id", merchant_id
    )
    return [_endpoint(row) for row in rows]


async def endpoints_by_key(
    conn: Connection, keys: Sequence[EndpointKey]
) -> dict[EndpointKey, Endpoint]:
    """Endpoints of many merchants, for the worker that delivers to them."""
    rows = await conn.fetch(
        """SELECT * FROM webhook_endpoint
            WHERE (merchant_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))""",
        *_columns(keys, 2),
    )
    return {(row["merchant_id"], row["id"]): _endpoint(row) for row in rows}


async def disable_endpoints(
    tx: Connection, keys: Sequence[EndpointKey], reason: str, at: datetime
) -> None:
    """Switch endpoints off, and give up what is still pending for them."""
    columns = _columns(sorted(set(keys)), 2)
    await tx.execute(
        """UPDATE webhook_endpoint SET disabled_at = $3, disabled_reason = $4
            WHERE (merchant_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
              AND disabled_at IS NULL""",
        *columns,
        at,
        reason,
    )
    await tx.execute(
        """UPDATE delivery SET state = 'dead', finished_at = $3, leased_until = NULL
            WHERE (merchant_id, endpoint_id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
              AND state = 'pending'""",
        *columns,
        at,
    )


async def note_health(tx: Connection, failing: Mapping[EndpointKey, bool], at: datetime) -> None:
    """Keep since when endpoints fail. A row is written only when it begins or ends."""
    keys = sorted(failing)
    await tx.execute(
        """UPDATE webhook_endpoint e SET failing_since = CASE WHEN h.failing THEN $4::timestamptz
        END
             FROM unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS h (merchant_id, id, failing)
            WHERE e.merchant_id = h.merchant_id AND e.id = h.id
              AND (e.failing_since IS NOT NULL) <> h.failing""",
        *_columns(keys, 2),
        [failing[key] for key in keys],
        at,
    )


async def insert_secret(tx: Connection, merchant_id: int, sealed: bytes, at: datetime) -> None:
    await tx.execute(
        "INSERT INTO webhook_secret (merchant_id, sealed, created_at) VALUES ($1, $2, $3)",
        merchant_id,
        sealed,
        at,
    )


async def expire_secrets(tx: Connection, merchant_id: int, until: datetime) -> None:
    """Let the newest secret sign until `until`, and those before it end now or before."""
    await tx.execute(
        """UPDATE webhook_secret SET expires_at = $2
            WHERE merchant_id = $1 AND (expires_at IS NULL OR expires_at > $2)""",
        merchant_id,
        until,
    )


async def sealed_secrets(
    conn: Connection, merchant_ids: Iterable[int], at: datetime
) -> dict[int, list[bytes]]:
    """For each merchant the secrets that sign at `at`, sealed, the newest first."""
    rows = await conn.fetch(
        """SELECT merchant_id, sealed FROM webhook_secret
            WHERE merchant_id = ANY($1::bigint[]) AND (expires_at IS NULL OR expires_at > $2)
            ORDER BY merchant_id, id DESC""",
        list(merchant_ids),
        at,
    )
    found: dict[int, list[bytes]] = {}
    for row in rows:
        found.setdefault(row["merchant_id"], []).append(row["sealed"])
    return found


# ── Deliveries ──────────────────────────────────────────────────────────────────────────────────


async def insert_deliveries(
    tx: Connection, events: Sequence[Event], at: datetime
) -> set[EndpointKey]:
    """One delivery per event and enabled endpoint; the endpoints that got any.

    What joins a waiting lane waits as long as the lane; see `record_results`.
    """
    rows = await tx.fetch(
        """INSERT INTO delivery (merchant_id, endpoint_id, event_id, object, object_id, state,
                                 created_at, next_attempt_at)
           SELECT v.merchant_id, w.id, v.id, v.object, v.object_id, 'pending', $5,
                  greatest($5, (SELECT max(p.next_attempt_at) FROM delivery p
                                 WHERE p.merchant_id = v.merchant_id AND p.endpoint_id = w.id
                                   AND p.object = v.object AND p.object_id = v.object_id
                                   AND p.finished_at IS NULL))
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[])
                  AS v (merchant_id, id, object, object_id)
             JOIN webhook_endpoint w ON w.merchant_id = v.merchant_id AND w.disabled_at IS NULL
               ON CONFLICT (merchant_id, endpoint_id, event_id) DO NOTHING
        RETURNING merchant_id, endpoint_id""",
        [event.merchant_id for event in events],
        [event.id for event in events],
        [event.object for event in events],
        [event.object_id for event in events],
        at,
    )
    return {(row["merchant_id"], row["endpoint_id"]) for row in rows}


async def due_endpoints(conn: Connection, now: datetime, limit: int) -> set[EndpointKey]:
    """Endpoints with something due. One look into the index for each endpoint that has pending
    deliveries, however many it has.
    """
    rows = await conn.fetch(
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
           SELECT merchant_id, endpoint_id FROM earliest WHERE next_attempt_at <= $1 LIMIT $2""",
        now,
        limit,
    )
    return {(row["merchant_id"], row["endpoint_id"]) for row in rows}


async def claim(
    conn: Connection, room: Mapping[EndpointKey, int], now: datetime, until: datetime
) -> list[Claimed]:
    """Claim due deliveries until `until`: heads of lanes only, and of each endpoint no more than
    there is room for.

    The update's own condition decides between workers who see the same delivery; it holds no lock
    beyond itself. The attempt's number is given out here, so two workers never share one.
    """
    rows = await conn.fetch(
        """WITH head AS (
               SELECT d.* FROM unnest($1::bigint[], $2::bigint[], $3::integer[])
                                AS w (merchant_id, endpoint_id, room)
                CROSS JOIN LATERAL (
                   SELECT p.merchant_id, p.endpoint_id, p.event_id FROM delivery p
                    WHERE p.merchant_id = w.merchant_id AND p.endpoint_id = w.endpoint_id
                      AND p.state = 'pending' AND p.next_attempt_at <= $4
                      AND (p.leased_until IS NULL OR p.leased_until <= $4)
                      AND NOT EXISTS (
                          SELECT FROM delivery q
                           WHERE q.merchant_id = p.merchant_id AND q.endpoint_id = p.endpoint_id
                             AND q.object = p.object AND q.object_id = p.object_id
                             AND q.event_id < p.event_id AND q.finished_at IS NULL)
                    ORDER BY p.next_attempt_at LIMIT w.room) d)
           UPDATE delivery c SET leased_until = $5, attempts = c.attempts + 1
             FROM head h JOIN event v ON v.merchant_id = h.merchant_id AND v.id = h.event_id
            WHERE c.merchant_id = h.merchant_id AND c.endpoint_id = h.endpoint_id
              AND c.event_id = h.event_id AND c.state NOT IN ('delivered', 'dead')
              AND (c.leased_until IS NULL OR c.leased_until <= $4)
        RETURNING c.endpoint_id, c.attempts AS number,
                  c.attempts - c.attempts_before_replay AS tries,
                  v.merchant_id, v.id, v.kind, v.object, v.object_id, v.version,
                  v.facts, v.created_at""",
        *_columns(list(room), 2),
        list(room.values()),
        now,
        until,
    )
    return [
        Claimed(row["endpoint_id"], read_event(row), row["number"], row["tries"]) for row in rows
    ]


async def record_results(tx: Connection, results: Sequence[Result], at: datetime) -> None:
    """Write attempts and what they make of their deliveries, all in one statement.

    A result whose delivery was claimed again meanwhile leaves its attempt, and only a receipt still
    counts. Followers in the lane wait as long as their head does, and are due when it is finished;
    that only spares looking at them: `claim` is what holds them back.
    """
    await tx.execute(
        """WITH result AS (
               SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[],
                   $5::timestamptz[], $6::integer[], $7::integer[], $8::text[], $9::text[],
                   $10::text[], $11::text[], $12::timestamptz[])
                   AS r (merchant_id, endpoint_id, event_id, number, at, duration_ms, status,
                         problem, detail, response, after, next_attempt_at)),
           noted AS (
               INSERT INTO delivery_attempt (merchant_id, endpoint_id, event_id, number, at,
                                             duration_ms, status, problem, detail, response)
               SELECT merchant_id, endpoint_id, event_id, number, at, duration_ms, status, problem,
                      detail, response FROM result
                   ON CONFLICT DO NOTHING),
           moved AS (
               UPDATE delivery d
                  SET state = r.after, leased_until = NULL,
                      next_attempt_at = coalesce(r.next_attempt_at, d.next_attempt_at),
                      finished_at = CASE WHEN r.after <> 'pending' THEN $13::timestamptz END
                 FROM result r
                WHERE d.merchant_id = r.merchant_id AND d.endpoint_id = r.endpoint_id
                  AND d.event_id = r.event_id
                  AND (d.state = 'pending' AND d.attempts = r.number
                       OR d.state <> 'delivered' AND r.after = 'delivered')
            RETURNING d.merchant_id, d.endpoint_id, d.event_id, d.object, d.object_id,
                      CASE WHEN r.after = 'pending' THEN d.next_attempt_at
                           ELSE $13::timestamptz END AS lane_due)
           UPDATE delivery f SET next_attempt_at = m.lane_due
             FROM moved m
            WHERE f.merchant_id = m.merchant_id AND f.endpoint_id = m.endpoint_id
              AND f.object = m.object AND f.object_id = m.object_id
              AND f.event_id > m.event_id AND f.finished_at IS NULL AND f.attempts = 0
              AND f.next_attempt_at <> m.lane_due""",
        *_columns(
            [
                (
                    result.claimed.event.merchant_id,
                    result.claimed.endpoint_id,
                    result.claimed.event.id,
                    result.attempt.number,
                    result.attempt.at,
                    result.attempt.duration_ms,
                    result.attempt.status,
                    result.attempt.problem,
                    result.attempt.detail,
                    result.attempt.response,
                    result.after,
                    result.next_attempt_at,
                )
                for result in results
            ],
            12,
        ),
        at,
    )


async def lock_delivery(
    tx: Connection, merchant_id: int, endpoint_id: int, event_id: int
) -> State | None:
    """The delivery's state, held until the transaction ends; None if there is no such delivery."""
    state = await tx.fetchval(
        """SELECT state FROM delivery
            WHERE merchant_id = $1 AND endpoint_id = $2 AND event_id = $3 FOR UPDATE""",
        merchant_id,
        endpoint_id,
        event_id,
    )
    return None if state is None else State(state)


async def begin_again(
    tx: Connection, merchant_id: int, endpoint_id: int, event_id: int, state: State, at: datetime
) -> None:
    """Due at `at`, at the beginning of the retry plan."""
    await tx.execute(
        """UPDATE delivery SET state = $4, next_attempt_at = $5, finished_at = NULL,
                  attempts_before_replay = attempts
            WHERE merchant_id = $1 AND endpoint_id = $2 AND event_id = $3""",
        merchant_id,
        endpoint_id,
        event_id,
        state,
        at,
    )


async def deliveries_of(
    conn: Connection, merchant_id: int, object: str, object_id: int, limit: int = 100
) -> list[Delivery]:
    """What was or will be sent about one object, in the order of its events."""
    rows = await conn.fetch(
        """SELECT d.*, v.kind FROM event v
             JOIN delivery d ON d.merchant_id = v.merchant_id AND d.event_id = v.id
            WHERE d.merchant_id = $1 AND d.object = $2 AND d.object_id = $3
            ORDER BY d.event_id, d.endpoint_id LIMIT $4""",
        merchant_id,
        object,
        object_id,
        limit,
    )
    return [_delivery(row) for row in rows]


async def latest_deliveries(
    conn: Connection, merchant_id: int, before_event: int | None, limit: int
) -> list[Delivery]:
    """A merchant's deliveries, the newest event first, before the one that ended the last page."""
    rows = await conn.fetch(
        """SELECT d.*, v.kind FROM delivery d
             JOIN event v ON v.merchant_id = d.merchant_id AND v.id = d.event_id
            WHERE d.merchant_id = $1 AND ($2::bigint IS NULL OR d.event_id < $2)
            ORDER BY d.event_id DESC LIMIT $3""",
        merchant_id,
        before_event,
        limit,
    )
    return [_delivery(row) for row in rows]


async def attempts(
    conn: Connection, merchant_id: int, endpoint_id: int, event_id: int
) -> list[Attempt]:
    """All attempts of one delivery, the first first."""
    rows = await conn.fetch(
        """SELECT number, at, duration_ms, status, problem, detail, response FROM delivery_attempt
            WHERE merchant_id = $1 AND endpoint_id = $2 AND event_id = $3 ORDER BY number""",
        merchant_id,
        endpoint_id,
        event_id,
    )
    return [Attempt(**dict(row)) for row in rows]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows turned into columns, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _endpoint(row: asyncpg.Record) -> Endpoint:
    return Endpoint(
        merchant_id=row["merchant_id"],
        id=row["id"],
        url=row["url"],
        created_at=row["created_at"],
        failing_since=row["failing_since"],
        disabled_at=row["disabled_at"],
        disabled_reason=row["disabled_reason"],
    )


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(
        merchant_id=row["merchant_id"],
        endpoint_id=row["endpoint_id"],
        event_id=row["event_id"],
        kind=row["kind"],
        object=row["object"],
        object_id=row["object_id"],
        state=State(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_attempt_at=row["next_attempt_at"],
        finished_at=row["finished_at"],
    )
