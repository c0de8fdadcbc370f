"""What nobody uses is not kept: cards go when they were not used for a while (PCI DSS 3.2.1)."""

from datetime import datetime, timedelta

from nonstopay.store.db import Database

AT_ONCE = 1000


async def forget_unused(db: Database, now: datetime, days: int) -> int:
    """Delete cards that were not used for `days`, at most 1,000 a call; how many went.

    Args:
        days: zero keeps them for ever.
    """
    if not days:
        return 0
    done = await db.execute(
        """DELETE FROM vault_card
            WHERE (merchant_id, id) IN (SELECT merchant_id, id FROM vault_card
                                         WHERE used_at < $1 ORDER BY used_at LIMIT $2)
              AND used_at < $1""",
        now - timedelta(days=days),
        AT_ONCE,
    )
    return int(done.removeprefix("DELETE "))
