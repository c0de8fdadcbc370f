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

_DISPATCH_LOCK = 0x6E73705F6F757462  # "nsp_outb"


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
    that transaction. Each gets the next position of its merchant's feed. Callers may be many: one
    dispatches, the others wait until he has committed. So positions become visible in their order,
    without gaps, and a later event of an object is never dispatched before an earlier one.

    That holds as long as the caller's commit is durable: one that a crash takes back would give a
    position that somebody has read to another event.
    """
    waiting = await tx.fetchval("SELECT EXISTS (SELECT FROM event WHERE dispatched_at IS NULL)")
    if not waiting:
        return []
    await tx.execute("SELECT pg_advisory_xact_lock($1)", _DISPATCH_LOCK)
    rows = await tx.fetch(
        """WITH oldest AS MATERIALIZED (
               SELECT merchant_id, id FROM event WHERE dispatched_at IS NULL ORDER BY id LIMIT $1),
           head AS (
               SELECT m.merchant_id, (SELECT coalesce(max(h.position), 0) FROM event h
                                       WHERE h.merchant_id = m.merchant_id
                                         AND h.position IS NOT NULL) AS position
                 FROM (SELECT DISTINCT merchant_id FROM oldest) m),
           place AS (
               SELECT o.merchant_id, o.id, h.position
                      + row_number() OVER (PARTITION BY o.merchant_id ORDER BY o.id) AS position
                 FROM oldest o JOIN head h ON h.merchant_id = o.merchant_id)
           UPDATE event e SET dispatched_at = $2, position = p.position
             FROM place p WHERE e.merchant_id = p.merchant_id AND e.id = p.id
        RETURNING e.merchant_id, e.id, e.kind, e.object, e.object_id, e.version, e.facts,
                  e.created_at""",
        limit,
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
