"""Seeding: the rates that come with the program, so that it can quote without a network."""

from nonstopay.business.exchange import records
from nonstopay.business.exchange.coin_prices import published
from nonstopay.connectors.rates import Publication, ecb, fixed
from nonstopay.store.db import Database


async def seed(db: Database, *, sandbox: bool = False) -> int:
    """Keep the shipped days of ECB rates, under their true dates; how many rates were new.

    Args:
        sandbox: coins have fixed rates there.
    """
    shipped = [*ecb.read_shipped(), *([_standing_still()] if sandbox else [])]
    async with db.transaction() as tx:
        return sum([await records.insert(tx, publication) for publication in shipped])


def _standing_still() -> Publication:
    prices = fixed.read_fixed()
    dollars = {one.ticker: one.dollars for one in prices}
    return published(dollars, source=fixed.SOURCE, at=prices[0].at)
