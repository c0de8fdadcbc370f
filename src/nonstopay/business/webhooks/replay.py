"""Send a delivery again, whatever became of it."""

from datetime import datetime

from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.states import DELIVERY, Happening
from nonstopay.errors import Conflict, NotFound
from nonstopay.store.db import Connection


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
    state = await records.lock_delivery(tx, merchant_id, endpoint_id, event_id)
    if state is None:
        raise NotFound("there is no such delivery")
    known = await records.endpoints_by_key(tx, [(merchant_id, endpoint_id)])
    if not known[merchant_id, endpoint_id].enabled:
        raise Conflict("the endpoint is switched off; set the callback URL again first")
    after = DELIVERY.step(state, Happening.REPLAYED).after
    await records.begin_again(tx, merchant_id, endpoint_id, event_id, after, now)
