"""The SQL of webhooks as their merchants see them: endpoints, secrets, deliveries, attempts.

What the worker does with deliveries is in `lanes/records.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import asyncpg

from nonstopay.business.webhooks.delivery import Attempt, Delivery, EndpointKey
from nonstopay.business.webhooks.endpoint import Endpoint, SealedSecret, SecretKind
from nonstopay.business.webhooks.states import State
from nonstopay.store.db import Connection

# ── Endpoints ───────────────────────────────────────────────────────────────────────────────────


async def insert_endpoint(
    tx: Connection,
    merchant_id: int,
    url: str,
    at: datetime,
    *,
    is_callback: bool = True,
    description: str = "",
    kinds: Sequence[str] = (),
) -> int:
    return cast(
        int,
        await tx.fetchval(
            """INSERT INTO webhook_endpoint (merchant_id, url, created_at, is_callback, description,
                                             kinds)
               VALUES ($1, $2, $3, $4, $5, $6) RETURNING id""",
            merchant_id,
            url,
            at,
            is_callback,
            description,
            list(kinds),
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


async def lock_endpoints(tx: Connection, merchant_id: int) -> list[Endpoint]:
    """All of a merchant's endpoints, the oldest first, held until the transaction ends.

    Read once they are held: what others added while we waited is among them.
    """
    await tx.execute(
        "SELECT FROM webhook_endpoint WHERE merchant_id = $1 ORDER BY id FOR UPDATE", merchant_id
    )
    return await endpoints(tx, merchant_id)


async def lock_endpoint(tx: Connection, merchant_id: int, endpoint_id: int) -> Endpoint | None:
    """The endpoint, held until the transaction ends; None if the merchant has no such one."""
    row = await tx.fetchrow(
        "SELECT * FROM webhook_endpoint WHERE merchant_id = $1 AND id = $2 FOR UPDATE",
        merchant_id,
        endpoint_id,
    )
    return None if row is None else _endpoint(row)


async def update_endpoint(tx: Connection, endpoint: Endpoint) -> None:
    """Write all of an endpoint that can change; its version is the caller's to raise."""
    await tx.execute(
        """UPDATE webhook_endpoint
              SET version = $3, url = $4, description = $5, kinds = $6, failing_since = $7,
                  disabled_at = $8, disabled_reason = $9
            WHERE merchant_id = $1 AND id = $2""",
        endpoint.merchant_id,
        endpoint.id,
        endpoint.version,
        endpoint.url,
        endpoint.description,
        list(endpoint.kinds),
        endpoint.failing_since,
        endpoint.disabled_at,
        endpoint.disabled_reason,
    )


async def disable_endpoints(
    tx: Connection, keys: Sequence[EndpointKey], reason: str, at: datetime
) -> list[Endpoint]:
    """Switch endpoints off, and give up what is still pending for them; those that were on."""
    columns = _columns(sorted(set(keys)), 2)
    rows = await tx.fetch(
        """UPDATE webhook_endpoint SET disabled_at = $3, disabled_reason = $4, version = version + 1
            WHERE (merchant_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
              AND disabled_at IS NULL
        RETURNING *""",
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
    return [_endpoint(row) for row in rows]


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


async def failing_before(
    tx: Connection, keys: Sequence[EndpointKey], before: datetime
) -> list[EndpointKey]:
    """Those of the endpoints that have received nothing since `before`, or longer."""
    rows = await tx.fetch(
        """SELECT merchant_id, id FROM webhook_endpoint
            WHERE (merchant_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
              AND failing_since <= $3""",
        *_columns(keys, 2),
        before,
    )
    return [(row["merchant_id"], row["id"]) for row in rows]


# ── Secrets ─────────────────────────────────────────────────────────────────────────────────────


async def insert_secret(
    tx: Connection,
    merchant_id: int,
    sealed: bytes,
    at: datetime,
    *,
    endpoint_id: int | None = None,
    kind: SecretKind = SecretKind.HMAC,
    expires_at: datetime | None = None,
) -> None:
    await tx.execute(
        """INSERT INTO webhook_secret (merchant_id, sealed, created_at, endpoint_id, kind, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        merchant_id,
        sealed,
        at,
        endpoint_id,
        kind,
        expires_at,
    )


async def expire_secrets(
    tx: Connection,
    merchant_id: int,
    until: datetime,
    *,
    endpoint_id: int | None = None,
    kind: SecretKind = SecretKind.HMAC,
) -> None:
    """Let the newest secret sign until `until`, and those before it end now or before.

    Args:
        endpoint_id: None for the merchant's own secrets.
    """
    await tx.execute(
        """UPDATE webhook_secret SET expires_at = $2
            WHERE merchant_id = $1 AND (expires_at IS NULL OR expires_at > $2)
              AND endpoint_id IS NOT DISTINCT FROM $3 AND kind = $4""",
        merchant_id,
        until,
        endpoint_id,
        kind,
    )


async def sealed_secrets(
    conn: Connection, merchant_ids: Iterable[int], at: datetime
) -> dict[int, list[bytes]]:
    """For each merchant his own secrets that sign at `at`, sealed, the newest first."""
    rows = await conn.fetch(
        """SELECT merchant_id, sealed FROM webhook_secret
            WHERE merchant_id = ANY($1::bigint[]) AND (expires_at IS NULL OR expires_at > $2)
              AND endpoint_id IS NULL
            ORDER BY merchant_id, id DESC""",
        list(merchant_ids),
        at,
    )
    found: dict[int, list[bytes]] = {}
    for row in rows:
        found.setdefault(row["merchant_id"], []).append(row["sealed"])
    return found


async def endpoint_secrets(
    conn: Connection, keys: Sequence[EndpointKey], at: datetime
) -> dict[EndpointKey, list[SealedSecret]]:
    """For each endpoint the secrets of both kinds that sign for it at `at`, the newest first: its
    own, and its merchant's as long as it has no HMAC secret of its own.
    """
    rows = await conn.fetch(
        """SELECT k.merchant_id, k.id, s.kind, s.sealed, s.endpoint_id IS NOT NULL AS own
             FROM unnest($1::bigint[], $2::bigint[]) AS k (merchant_id, id)
             JOIN webhook_secret s ON s.merchant_id = k.merchant_id
                                  AND (s.endpoint_id = k.id OR s.endpoint_id IS NULL)
            WHERE s.expires_at IS NULL OR s.expires_at > $3
            ORDER BY k.merchant_id, k.id, s.id DESC""",
        *_columns(keys, 2),
        at,
    )
    found: dict[EndpointKey, list[SealedSecret]] = {}
    for row in rows:
        secret = SealedSecret(SecretKind(row["kind"]), row["sealed"], row["own"])
        found.setdefault((row["merchant_id"], row["id"]), []).append(secret)
    return {key: _its_own_first(secrets) for key, secrets in found.items()}


# ── Deliveries and attempts, as their merchant sees them ───────────────────────────────────────────


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


async def dead_deliveries(
    conn: Connection, merchant_id: int, before_event: int | None, limit: int
) -> list[Delivery]:
    """What was given up, the newest event first, before the one that ended the last page."""
    rows = await conn.fetch(
        """SELECT d.*, v.kind FROM delivery d
             JOIN event v ON v.merchant_id = d.merchant_id AND v.id = d.event_id
            WHERE d.merchant_id = $1 AND d.state = 'dead'
              AND ($2::bigint IS NULL OR d.event_id < $2)
            ORDER BY d.event_id DESC, d.endpoint_id LIMIT $3""",
        merchant_id,
        before_event,
        limit,
    )
    return [_delivery(row) for row in rows]


async def delivery(
    conn: Connection, merchant_id: int, endpoint_id: int, event_id: int
) -> Delivery | None:
    """One event on its way to one endpoint; None if the merchant has no such delivery."""
    row = await conn.fetchrow(
        """SELECT d.*, v.kind FROM delivery d
             JOIN event v ON v.merchant_id = d.merchant_id AND v.id = d.event_id
            WHERE d.merchant_id = $1 AND d.endpoint_id = $2 AND d.event_id = $3""",
        merchant_id,
        endpoint_id,
        event_id,
    )
    return None if row is None else _delivery(row)


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


def _its_own_first(secrets: Sequence[SealedSecret]) -> list[SealedSecret]:
    has_its_own = any(one.own and one.kind is SecretKind.HMAC for one in secrets)
    return [one for one in secrets if one.own or not has_its_own]


def _endpoint(row: asyncpg.Record) -> Endpoint:
    return Endpoint(
        merchant_id=row["merchant_id"],
        id=row["id"],
        version=row["version"],
        url=row["url"],
        is_callback=row["is_callback"],
        description=row["description"],
        kinds=tuple(row["kinds"]),
        format=row["format"],
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
