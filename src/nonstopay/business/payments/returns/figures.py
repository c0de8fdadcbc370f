"""How returns stand: how many are under way, for how long, and which a person must see to."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from nonstopay.business.payments.returns import records
from nonstopay.store.db import Connection

COUNTED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Returns:
    """What an operator watches.

    Attributes:
        open: under way, the refused ones among them; counted up to 10,000.
        refused: the provider will not; a person must.
        oldest: for how long the oldest of them has been under way.
    """

    open: int
    refused: int
    oldest: timedelta


async def returns(conn: Connection, now: datetime) -> Returns:
    """Look at all that is on its way back."""
    row = await records.standing(conn, COUNTED_MAX)
    since = row["since"] or now
    return Returns(row["open"], row["refused"], max(now - since, timedelta(0)))
