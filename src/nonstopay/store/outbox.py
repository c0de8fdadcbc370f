"""The outbox: what happened, written in the transaction in which it happened.

An event that is committed will be told; one that is rolled back never was. Events are dispatched in
the order of their ids, and within one object that is the order in which they happened, if their
writer holds the object's row lock when he records (or has just created the object).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import asyncpg

from nonstopay.store.db import Connection


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an object.

    Attributes:
        kind: e.g. `invoice:created`.
        object, object_id: what it happened to, e.g. `invoice`, 7.
        version: the object's version after it; rises by one with every change of the object.
        facts: what was true then and may change later.
        created_at: when it happened, UTC.
    """

    merchant_id: int
    id: int
    kind: str
    object: str
    object_id: int
    version: int
    facts: Mapping[str, Any]
    created_at: datetime


async def record(
    tx: Connection,
    merchant_id: int,
    kind: str,
    object: str,
    object_id: int,
    version: int,
    facts: Mapping[str, Any],
    at: datetime,
) -> int:
    """Write an event into the caller's transaction; its id. The fields are those of `Event`."""
    return cast(
        int,
        await tx.fetchval(
            """INSERT INTO event (merchant_id, kind, object, object_id, version, facts, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id""",
            merchant_id,
            kind,
            object,
            object_id,
            version,
            facts,
            at,
        ),
    )


async def take_undispatched(tx: Connection, at: datetime, limit: int) -> list[Event]:
    """Mark the oldest undispatched events as dispatched and return them, oldest first.

    They count as dispatched if the caller's transaction commits; what it does with them must be in
    that transaction. Callers may be many: each candidate is marked by an update with a condition,
    which waits for a neighbour that has marked it and passes it over if he commits. Since
    everybody takes from the oldest end, a later event of an object is never dispatched before an
    earlier one: whoever sees both takes both, and whoever meets the earlier one under a
    neighbour's hand waits for him.
    """
    candidates = await tx.fetch(
        "SELECT merchant_id, id FROM event WHERE dispatched_at IS NULL ORDER BY id LIMIT $1", limit
    )
    if not candidates:
        return []
    rows = await tx.fetch(
        """UPDATE event SET dispatched_at = $3
            WHERE (merchant_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
              AND dispatched_at IS NULL
        RETURNING merchant_id, id, kind, object, object_id, version, facts, created_at""",
        [row["merchant_id"] for row in candidates],
        [row["id"] for row in candidates],
        at,
    )
    return sorted((read_event(row) for row in rows), key=lambda event: event.id)


def read_event(row: asyncpg.Record) -> Event:
    """An event from a row that has its columns."""
    return Event(
        merchant_id=row["merchant_id"],
        id=row["id"],
        kind=row["kind"],
        object=row["object"],
        object_id=row["object_id"],
        version=row["version"],
        facts=row["facts"],
        created_at=row["created_at"],
    )
