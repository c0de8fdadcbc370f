"""What this process knows of the health of the ways to pay: read now and then, and kept meanwhile."""

from nonstopay import clock
from nonstopay.business.payments.health import records
from nonstopay.business.payments.health.health import WHOLE, Standing
from nonstopay.store.db import Database

KEPT_SECONDS = 2.0


class Board:
    """Asks the database every two seconds at most, however many pages are shown.

    Args:
        kept_seconds: how old an answer may be.
    """

    def __init__(self, kept_seconds: float = KEPT_SECONDS) -> None:
        self._kept_seconds = kept_seconds
        self._standing = Standing()
        self._read_at = -kept_seconds

    async def standing(self, db: Database) -> Standing:
        """How every way to pay works."""
        if clock.stopwatch() - self._read_at >= self._kept_seconds:
            async with db.reading() as conn:
                found = await records.all_health(conn)
            self._read_at = clock.stopwatch()
            self._standing = Standing(
                {(one.method, one.connector): one.state for one in found if one.connector != WHOLE}
            )
        return self._standing
