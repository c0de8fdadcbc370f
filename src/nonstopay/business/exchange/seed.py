"""Seeding: the rates that come with the program, so that it can quote without a network."""

from nonstopay.business.exchange import records
from nonstopay.connectors.rates import ecb
from nonstopay.store.db import Database


async def seed(db: Database) -> int:
    """Keep the shipped days of ECB rates, under their true dates; how many rates were new."""
    shipped = ecb.read_shipped()
    async with db.transaction() as tx:
        return sum([await records.insert(tx, publication) for publication in shipped])
