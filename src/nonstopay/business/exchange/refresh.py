"""Refreshing: ask the source for its newest rates and keep them."""

from nonstopay.business.exchange import records
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.rates import ecb
from nonstopay.store.db import Database


async def refresh(db: Database, http: ProviderHttp, url: str) -> int:
    """Keep the ECB's newest daily rates; how many were new, 0 if we have them.

    Args:
        url: the daily file's address (setting `rates_url`).

    Raises:
        ProviderUnavailable: the source did not answer, or with something else.
    """
    publication = await ecb.fetch_latest(http, url)
    async with db.transaction() as tx:
        return await records.insert(tx, publication)
