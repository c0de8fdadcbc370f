"""How webhooks stand: what waits and since when, what failed, what was counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.webhooks.upkeep import records
from nonstopay.store.db import Database


@dataclass(frozen=True, slots=True)
class Figures:
    """What an operator watches.

    Attributes:
        events: not dispatched yet.
        pending, dead: deliveries; counted up to 100,000 each.
        oldest_seconds: how long the most overdue of all has been waiting, event or delivery.
        endpoints: how many are healthy, failing, disabled.
        counts: the counters of `tally.py`, by name and label.
    """

    events: int
    pending: int
    dead: int
    oldest_seconds: float
    endpoints: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]


async def figures(db: Database, now: datetime) -> Figures:
    """Look at all of it; a few looks into indexes, whatever the size of the tables."""
    async with db.reading() as conn:
        row = await records.standing(conn)
        counts = await records.counts(conn)
    since = [at for at in (row["event_since"], row["due_since"]) if at is not None]
    return Figures(
        events=row["events"],
        pending=row["pending"],
        dead=row["dead"],
        oldest_seconds=max(0, *((now - at).total_seconds() for at in since), 0),
        endpoints={state: row[state] for state in ("healthy", "failing", "disabled")},
        counts=counts,
    )
