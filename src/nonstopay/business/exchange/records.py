"""The SQL of exchange rates. Insert-only: what was once quoted by can always be looked up."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from nonstopay.connectors.rates import Publication
from nonstopay.store.db import Connection, Database


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rates that were published together, each in units for one euro."""

    source: str
    at: datetime
    from_rate: Decimal
    into_rate: Decimal


async def insert(tx: Connection, publication: Publication) -> int:
    """Keep what a source published; how many of the rates are new.

    A rate that is known for that currency, instant and source stays as it was.
    """
    rows = await tx.fetch(
        """INSERT INTO exchange_rate (currency, at, source, rate)
           SELECT currency, $1, $2, rate
             FROM unnest($3::text[], $4::numeric[]) AS published (currency, rate)
           ON CONFLICT DO NOTHING
           RETURNING currency""",
        publication.at,
        publication.source,
        list(publication.rates.keys()),
        list(publication.rates.values()),
    )
    return len(rows)


async def newest_pair(
    db: Database | Connection, from_code: str, into_code: str, now: datetime
) -> Pair | None:
    """The newest two rates that one source published together, none of them in the future."""
    row = await db.fetchrow(
        """SELECT one.source, one.at, one.rate AS from_rate, other.rate AS into_rate
             FROM exchange_rate AS one
             JOIN exchange_rate AS other ON other.at = one.at AND other.source = one.source
            WHERE one.currency = $1 AND other.currency = $2 AND one.at <= $3
            ORDER BY one.at DESC, one.source
            LIMIT 1""",
        from_code,
        into_code,
        now,
    )
    return Pair(row["source"], row["at"], row["from_rate"], row["into_rate"]) if row else None
