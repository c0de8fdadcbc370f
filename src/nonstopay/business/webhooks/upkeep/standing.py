"""How one merchant's endpoints stand: for him who asks why nothing comes."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.webhooks.delivery import EndpointKey
from nonstopay.business.webhooks.upkeep import records
from nonstopay.store.db import Connection

LATEST = 1000
"""So many attempts are looked at."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one endpoint.

    Attributes:
        pending: deliveries that are not finished; counted up to 100,000.
        due_since: when the most overdue of them was due; None if nothing is pending.
        attempts, received: of the latest thousand attempts to deliver there.
    """

    pending: int
    due_since: datetime | None
    attempts: int
    received: int


async def standing(conn: Connection, endpoint: EndpointKey) -> Standing:
    """Look at one endpoint; all zero for one that is not there."""
    return Standing(**dict(await records.standing_of(conn, endpoint, LATEST)))
