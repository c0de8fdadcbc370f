"""Forget old attempts: what a stranger's server answered months ago helps nobody here."""

from datetime import datetime, timedelta
from pathlib import Path

from nonstopay.business.webhooks.upkeep import records
from nonstopay.business.webhooks.upkeep.archive import archive
from nonstopay.store.db import Database

AT_ONCE = 2000


async def forget_attempts(
    db: Database, now: datetime, days: int, folder: Path | None = None
) -> bool:
    """Remove attempts older than `days`, at most 2,000; True if there may be more.

    Deliveries stay, with their state and the number of their attempts.

    Args:
        days: zero keeps them for ever.
        folder: where the archive is; what cannot be written there is not removed.

    Raises:
        OSError: the archive cannot be written.
    """
    if not days:
        return False
    async with db.transaction() as tx:
        removed = await records.forget_attempts(tx, now - timedelta(days=days), AT_ONCE)
        if folder is not None:
            archive(folder, removed)
    return len(removed) == AT_ONCE
