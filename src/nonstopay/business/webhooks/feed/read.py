"""Read a merchant's feed: what webhooks told him, or would have."""

from collections.abc import Mapping
from dataclasses import dataclass

from nonstopay.business.webhooks.feed import records
from nonstopay.business.webhooks.payload import Describe, build
from nonstopay.store.db import Database
from nonstopay.store.outbox import Event


@dataclass(frozen=True, slots=True)
class Told:
    """An event at its place in the feed.

    Attributes:
        position: 1, 2, 3, … for each merchant, without gaps; what comes later is higher.
        body: the JSON that webhooks carry.
    """

    position: int
    event: Event
    body: bytes


async def read(
    db: Database, describers: Mapping[str, Describe], merchant_id: int, after: int, limit: int
) -> list[Told]:
    """Up to `limit` events beyond position `after`, the oldest first.

    What was read once is read again the same, and nothing ever appears before it: positions are
    given out under a lock, in the order of commits (`store/outbox.py`).
    """
    async with db.reading() as conn:
        page = await records.page(conn, merchant_id, after, limit)
    bodies = await build(db, describers, [event for _, event in page])
    return [
        Told(position, event, body) for (position, event), body in zip(page, bodies, strict=True)
    ]


async def newest(db: Database, merchant_id: int) -> int:
    """The position of the merchant's latest event, 0 if there is none."""
    async with db.reading() as conn:
        return await records.newest(conn, merchant_id)
