"""Looking at an installation without touching it: for `doctor`, `listen` and `trigger`."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

import asyncpg

from nonstopay.store.db import Connection
from nonstopay.store.outbox import Event, read_event

# Nobody's row is touched: PostgreSQL asks for the privilege before it looks for rows.
_FORBIDDEN = {
    "UPDATE transfer": "UPDATE transfer SET amount = amount WHERE false",
    "DELETE FROM transfer": "DELETE FROM transfer WHERE false",
    "UPDATE payment_news": "UPDATE payment_news SET facts = facts WHERE false",
    "UPDATE risk_decision": "UPDATE risk_decision SET facts = facts WHERE false",
    "UPDATE delivery_attempt": "UPDATE delivery_attempt SET status = status WHERE false",
    "UPDATE exchange_rate": "UPDATE exchange_rate SET rate = rate WHERE false",
    "DELETE FROM account": "DELETE FROM account WHERE false",
    "DELETE FROM invoice": "DELETE FROM invoice WHERE false",
    "DELETE FROM payment": "DELETE FROM payment WHERE false",
    "DELETE FROM event": "DELETE FROM event WHERE false",
}


@dataclass(frozen=True, slots=True)
class Server:
    """What a PostgreSQL says of itself and of us.

    Attributes:
        version: the major one.
        superuser: whether our role is one, whom no REVOKE binds.
        durability: the settings that decide whether what was answered outlives a loss of power.
        session_began_at: when this connection began, by the server's own clock.
    """

    version: int
    superuser: bool
    durability: dict[str, str]
    session_began_at: datetime


async def server(conn: Connection) -> Server:
    row = await conn.fetchrow(
        """SELECT current_setting('is_superuser') = 'on' AS superuser,
                  current_setting('fsync') AS fsync,
                  current_setting('synchronous_commit') AS synchronous_commit,
                  current_setting('full_page_writes') AS full_page_writes,
                  (SELECT backend_start FROM pg_stat_activity
                    WHERE pid = pg_backend_pid()) AS session_began_at"""
    )
    assert row is not None
    return Server(
        version=conn.get_server_version().major,
        superuser=row["superuser"],
        durability={
            name: row[name] for name in ("fsync", "synchronous_commit", "full_page_writes")
        },
        session_began_at=row["session_began_at"],
    )


async def changes_let_through(conn: Connection) -> list[str]:
    """Which of the changes that must be refused to our role are not; each is really tried."""
    let_through = []
    for name, statement in _FORBIDDEN.items():
        try:
            async with conn.transaction():
                await conn.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            continue
        let_through.append(name)
    return let_through


async def newest_rate(conn: Connection) -> datetime | None:
    """When the newest exchange rate was published."""
    return cast("datetime | None", await conn.fetchval("SELECT max(at) FROM exchange_rate"))


async def merchants(conn: Connection) -> list[int]:
    """The ids of all merchants, those who may create invoices first."""
    rows = await conn.fetch("SELECT id FROM merchant ORDER BY wallet_active DESC, id")
    return [row["id"] for row in rows]


async def newest_event(conn: Connection) -> int:
    """The id of the newest event, 0 if nothing ever happened."""
    return cast(
        int,
        await conn.fetchval(
            """SELECT coalesce(max(newest.id), 0) FROM merchant m CROSS JOIN LATERAL
                   (SELECT max(id) AS id FROM event WHERE merchant_id = m.id) newest"""
        ),
    )


async def events_after(
    conn: Connection, event_id: int, merchant_id: int | None, limit: int
) -> list[Event]:
    """Events with a higher id, the oldest first; of one merchant, or of all.

    A lower id may still be committed after a higher one was seen: who follows the events looks
    back a little.
    """
    rows = await conn.fetch(
        """SELECT e.* FROM merchant m CROSS JOIN LATERAL
               (SELECT * FROM event WHERE merchant_id = m.id AND id > $1 ORDER BY id LIMIT $3) e
            WHERE $2::bigint IS NULL OR m.id = $2
            ORDER BY e.id LIMIT $3""",
        event_id,
        merchant_id,
        limit,
    )
    return [read_event(row) for row in rows]
