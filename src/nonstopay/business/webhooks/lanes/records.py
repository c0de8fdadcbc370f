"""The SQL of the worker's part: events become deliveries, heads of lanes are claimed, results come in.

The deliveries of one object to one endpoint are a lane. A delivery is pending as long as it is not
finished. Which of the two a statement says chooses its index: `state = 'pending'` what is due,
`finished_at IS NULL` the lane, neither the primary key.

Looking for what is due is plain SQL, and so is everything about one merchant. `claim` and
`record_results` are not: one statement for many merchants at once, with LATERAL and with CTEs that
write, is what makes a thousand deliveries a second of one PostgreSQL. Where tables are spread over
several by merchant (Citus), such statements would each have to name one merchant, at the price of a
round trip for each; that was never tried.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nonstopay.business.webhooks.delivery import Claimed, EndpointKey, Result, Wanted
from nonstopay.business.webhooks.states import State
from nonstopay.store.db import Connection
from nonstopay.store.outbox import Event, read_event


async def insert_deliveries(
    tx: Connection, events: Sequence[Event], at: datetime
) -> set[EndpointKey]:
    """One delivery per event and enabled endpoint that wants it; the endpoints that got any.

    An endpoint without a filter wants the operations that the contract knows; what is ours (refunds,
    disputes, ways to pay, endpoints) goes where it is asked for. A test is for the endpoint that it
    is about. What joins a waiting lane waits as long as the lane; see `record_results`.
    """
    rows = await tx.fetch(
        """INSERT INTO delivery (merchant_id, endpoint_id, event_id, object, object_id, state,
                                 created_at, next_attempt_at)
           SELECT v.merchant_id, w.id, v.id, v.object, v.object_id, 'pending', $5,
                  greatest($5, (SELECT max(p.next_attempt_at) FROM delivery p
                                 WHERE p.merchant_id = v.merchant_id AND p.endpoint_id = w.id
                                   AND p.object = v.object AND p.object_id = v.object_id
                                   AND p.finished_at IS NULL))
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $6::text[])
                  AS v (merchant_id, id, object, object_id, kind)
             JOIN webhook_endpoint w ON w.merchant_id = v.merchant_id AND w.disabled_at IS NULL
            WHERE CASE WHEN v.kind = 'webhook:test' THEN w.id = v.object_id
                       WHEN w.kinds = '{}' THEN v.object IN ('invoice', 'fund', 'payment')
                       ELSE w.kinds && ARRAY[v.kind, split_part(v.kind, ':', 1) || ':*'] END
               ON CONFLICT (merchant_id, endpoint_id, event_id) DO NOTHING
        RETURNING merchant_id, endpoint_id""",
        [event.merchant_id for event in events],
        [event.id for event in events],
        [event.object for event in events],
        [event.object_id for event in events],
        at,
        [event.kind for event in events],
    )
    return {(row["merchant_id"], row["endpoint_id"]) for row in rows}


async def due_endpoints(conn: Connection, now: datetime, limit: int) -> set[EndpointKey]:
    """Endpoints with something due. One look into the index for each endpoint, however much is
    pending there: half a microsecond each. A join or EXISTS would read all that is due.
    """
    rows = await conn.fetch(
        """SELECT w.merchant_id, w.id FROM webhook_endpoint w
            WHERE (SELECT min(d.next_attempt_at) FROM delivery d
                    WHERE d.merchant_id = w.merchant_id AND d.endpoint_id = w.id
                      AND d.state = 'pending') <= $1
            LIMIT $2""",
        now,
        limit,
    )
    return {(row["merchant_id"], row["id"]) for row in rows}


async def claim(
    conn: Connection, room: Mapping[EndpointKey, int], now: datetime, until: datetime
) -> list[Claimed]:
    """Claim due deliveries until `until`: heads of lanes only, and of each endpoint no more than
    there is room for.

    The update's own condition decides between workers who see the same delivery; it holds no lock
    beyond itself. The attempt's number is given out here, so two workers never share one.

    The commit need not be on disk: a crash that takes back a claim makes it due again, which is a
    repeat under the same `webhook-id`, as after any crash.
    """
    rows = await conn.fetch(
        """WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
           head AS (
               SELECT d.* FROM unnest($1::bigint[], $2::bigint[], $3::integer[])
                                AS w (merchant_id, endpoint_id, room)
                CROSS JOIN relaxed
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


async def lock_some(
    tx: Connection, merchant_id: int, wanted: Wanted, after: tuple[int, int], limit: int
) -> list[tuple[int, int, State]]:
    """Deliveries to endpoints that are on, as `(endpoint, event, state)`, held until the end.

    Args:
        after: the event and endpoint that ended the batch before.
    """
    rows = await tx.fetch(
        """SELECT d.endpoint_id, d.event_id, d.state FROM delivery d
             JOIN webhook_endpoint w ON w.merchant_id = d.merchant_id AND w.id = d.endpoint_id
            WHERE d.merchant_id = $1 AND w.disabled_at IS NULL
              AND ($2::bigint IS NULL OR d.endpoint_id = $2)
              AND ($3::bigint IS NULL OR d.event_id >= $3)
              AND ($4::bigint IS NULL OR d.event_id <= $4)
              AND ($5::timestamptz IS NULL OR d.state = 'dead' AND d.created_at >= $5)
              AND (d.event_id, d.endpoint_id) > ($6, $7)
            ORDER BY d.event_id, d.endpoint_id LIMIT $8 FOR UPDATE OF d""",
        merchant_id,
        wanted.endpoint_id,
        wanted.first,
        wanted.last,
        wanted.failed_since,
        *after,
        limit,
    )
    return [(row["endpoint_id"], row["event_id"], State(row["state"])) for row in rows]


async def begin_again(
    tx: Connection, merchant_id: int, deliveries: Sequence[tuple[int, int, State]], at: datetime
) -> None:
    """Due at `at`, at the beginning of the retry plan.

    Args:
        deliveries: of each the endpoint, the event, and the new state.
    """
    await tx.execute(
        """UPDATE delivery d SET state = r.state, next_attempt_at = $5, finished_at = NULL,
                  attempts_before_replay = d.attempts
             FROM unnest($2::bigint[], $3::bigint[], $4::text[]) AS r (endpoint_id, event_id, state)
            WHERE d.merchant_id = $1 AND d.endpoint_id = r.endpoint_id AND d.event_id = r.event_id""",
        merchant_id,
        *_columns(deliveries, 3),
        at,
    )


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows turned into columns, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
