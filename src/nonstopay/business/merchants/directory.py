"""Who is calling: merchants by API key, remembered for a moment.

A busy key costs one query in two seconds instead of one a call; a revoked key, a changed allow list
or a deactivated wallet is felt by every process within that time. Without the database nobody is let
in on memory older than that: it fails closed.
"""

from nonstopay import clock, ids
from nonstopay.business.merchants import records
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.store.db import Database

REMEMBERED_SECONDS = 2.0
REMEMBERED_MAX = 10_000


class Directory:
    """Looks merchants up by their key, at most two seconds out of date."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._remembered: dict[bytes, tuple[clock.Seconds, Merchant]] = {}

    async def by_key(self, key: str) -> Merchant | None:
        """The merchant with this live API key, or `None`."""
        key_hash = ids.api_key_hash(key)
        known = self._remembered.get(key_hash)
        if known and clock.stopwatch() - known[0] < REMEMBERED_SECONDS:
            return known[1]
        if not ids.is_well_formed_api_key(key):
            return None
        return await self._look_up(key_hash)

    async def _look_up(self, key_hash: bytes) -> Merchant | None:
        self._remembered.pop(key_hash, None)
        asked_at = clock.stopwatch()
        async with self._db.reading() as conn:
            merchant = await records.by_key_hash(conn, key_hash)
        if merchant is not None:
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[key_hash] = (asked_at, merchant)
        return merchant
