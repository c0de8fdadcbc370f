"""Events become deliveries: one for each enabled endpoint of their merchant."""

from datetime import datetime

from nonstopay.business.webhooks.delivery import EndpointKey
from nonstopay.business.webhooks.lanes import records
from nonstopay.store import outbox
from nonstopay.store.db import Database


async def fan_out(db: Database, now: datetime, limit: int) -> tuple[int, set[EndpointKey]]:
    """Turn up to `limit` of the oldest undispatched events into deliveries, in one transaction.

    May run in many workers at once; `outbox.take_undispatched` keeps an object's events in order,
    and a delivery's key is its event and endpoint, so none is made twice.

    Returns:
        How many events, and the endpoints that have something new.
    """
    async with db.transaction() as tx:
        events = await outbox.take_undispatched(tx, now, limit)
        if not events:
            return 0, set()
        return len(events), await records.insert_deliveries(tx, events, now)
