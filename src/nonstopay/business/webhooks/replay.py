"""Send deliveries again, whatever became of them: one, a range, or all that failed since."""

from datetime import datetime

from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.delivery import Wanted
from nonstopay.business.webhooks.lanes import records as lanes
from nonstopay.business.webhooks.states import DELIVERY, Happening
from nonstopay.errors import Conflict, NotFound
from nonstopay.store.db import Connection, Database

_AT_ONCE = 500


async def replay(
    tx: Connection, merchant_id: int, endpoint_id: int, event_id: int, now: datetime
) -> None:
    """Make a delivery due now, with a new retry plan and the same `webhook-id`.

    It goes to the head of its lane: later events of the object wait until it is received or given
    up.

    Raises:
        NotFound: the merchant has no such delivery.
        Conflict: its endpoint is switched off.
    """
    state = await lanes.lock_delivery(tx, merchant_id, endpoint_id, event_id)
    if state is None:
        raise NotFound("there is no such delivery")
    known = await records.endpoints_by_key(tx, [(merchant_id, endpoint_id)])
    if not known[merchant_id, endpoint_id].enabled:
        raise Conflict("the endpoint is switched off; set the callback URL again first")
    after = DELIVERY.step(state, Happening.REPLAYED).after
    await lanes.begin_again(tx, merchant_id, [(endpoint_id, event_id, after)], now)


async def replay_all(db: Database, merchant_id: int, wanted: Wanted, now: datetime) -> int:
    """Make all wanted deliveries due now, as `replay` does with one; how many there were.

    Endpoints that are switched off are passed over. It is done in batches: what an error ends half
    way is due up to there, and doing it again does no harm but repeats.
    """
    count, after = 0, (0, 0)
    while True:
        async with db.transaction() as tx:
            found = await lanes.lock_some(tx, merchant_id, wanted, after, _AT_ONCE)
            again = [
                (endpoint_id, event_id, DELIVERY.step(state, Happening.REPLAYED).after)
                for endpoint_id, event_id, state in found
            ]
            await lanes.begin_again(tx, merchant_id, again, now)
        count += len(found)
        if len(found) < _AT_ONCE:
            return count
        after = (found[-1][1], found[-1][0])
