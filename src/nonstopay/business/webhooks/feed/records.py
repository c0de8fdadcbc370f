"""The SQL of the feed."""

from typing import cast

from nonstopay.store.db import Connection
from nonstopay.store.outbox import Event, read_event


async def page(
    conn: Connection, merchant_id: int, after: int, limit: int
) -> list[tuple[int, Event]]:
    """Events with their positions, those beyond `after`, in order."""
    rows = await conn.fetch(
        """SELECT position, merchant_id, id, kind, object, object_id, version, facts, created_at
             FROM event WHERE merchant_id = $1 AND position > $2 ORDER BY position LIMIT $3""",
        merchant_id,
        after,
        limit,
    )
    return [(row["position"], read_event(row)) for row in rows]


async def newest(conn: Connection, merchant_id: int) -> int:
    """The last position; 0 if nothing ever happened."""
    return cast(
        int,
        await conn.fetchval(
            """SELECT coalesce(max(position), 0) FROM event
                WHERE merchant_id = $1 AND position IS NOT NULL""",
            merchant_id,
        ),
    )
