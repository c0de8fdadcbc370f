"""Who is alive: each process says so every second, so that readiness can be told from anywhere."""

from datetime import timedelta

from nonstopay import clock
from nonstopay.store.db import Database

BEAT_SECONDS = 1.0
SILENT_AFTER = timedelta(seconds=10)


async def beat(db: Database, process: str, kind: str) -> None:
    """Say that `process` (unique, e.g. host and pid) of this kind (`worker`) is alive now."""
    await db.execute(
        """INSERT INTO heartbeat (process, kind, seen_at) VALUES ($1, $2, $3)
           ON CONFLICT (process) DO UPDATE SET seen_at = excluded.seen_at""",
        process,
        kind,
        clock.now() - clock.offset(),
    )


async def is_alive(db: Database, kind: str) -> bool:
    """Whether a process of this kind was heard of in the last ten seconds."""
    since = clock.now() - clock.offset() - SILENT_AFTER
    return bool(
        await db.fetchval(
            "SELECT EXISTS (SELECT FROM heartbeat WHERE kind = $1 AND seen_at > $2)", kind, since
        )
    )


async def leave(db: Database, process: str) -> None:
    """Say good-bye at a clean stop."""
    await db.execute("DELETE FROM heartbeat WHERE process = $1", process)
