"""What coins cost: the median of the exchanges that answered, if they agree.

Prices are kept as rates among coins and the dollar, under the names of who said so, and quoted like those
of other currencies (`quote.py`). Who may be old, and how old, the quote says.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import median

from nonstopay.business.exchange import records
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.rates import Price, Publication, coinbase, kraken
from nonstopay.errors import ProviderUnavailable
from nonstopay.store.db import Database

TICKERS = ("BTC", "ETH", "LTC", "POL", "USDC", "USDT")
PER_DOLLARS = 1_000_000
"""Rates are kept as coins for so many dollars: of a bitcoin one dollar buys too little to be exact."""
APART_PERCENT = 2
"""Who is further from the median is left out; if that leaves no two who agree, nobody is believed."""
FRESH = timedelta(seconds=60)
Fetch = Callable[[ProviderHttp, Sequence[str]], Awaitable[list[Price]]]
SOURCES: tuple[Fetch, ...] = (coinbase.fetch, kraken.fetch)
_log = logging.getLogger(__name__)


async def refresh_coins(
    db: Database, http: ProviderHttp, now: datetime, sources: Sequence[Fetch] = SOURCES
) -> int:
    """Ask the exchanges, and keep what they agree on; how many rates were new."""
    asked = await asyncio.gather(*(_ask(source, http) for source in sources))
    publication = agree([price for prices in asked for price in prices], now)
    if publication is None:
        return 0
    async with db.transaction() as tx:
        return await records.insert(tx, publication)


async def _ask(source: Fetch, http: ProviderHttp) -> list[Price]:
    try:
        return await source(http, TICKERS)
    except ProviderUnavailable as silent:
        _log.warning("an exchange's prices are missing: %s", silent)
        return []


def agree(prices: Iterable[Price], now: datetime, fresh: timedelta = FRESH) -> Publication | None:
    """The median of each coin's fresh prices, published together; `None` if nothing is left.

    A coin of which two say different things is left out, and its last rate soon is too old to be used.
    """
    by_ticker: dict[str, list[Price]] = {}
    for price in prices:
        if now - price.at <= fresh:
            by_ticker.setdefault(price.ticker, []).append(price)
    agreed = {ticker: kept for ticker, told in by_ticker.items() if (kept := _believed(told))}
    if not agreed:
        return None
    names = sorted({price.source for kept in agreed.values() for price in kept})
    return published(
        {ticker: median(one.dollars for one in kept) for ticker, kept in agreed.items()},
        source=" + ".join(names),
        at=now,
    )


def published(dollars: dict[str, Decimal], *, source: str, at: datetime) -> Publication:
    """Dollars for one coin, as rates that can be crossed."""
    rates = {ticker: PER_DOLLARS / price for ticker, price in dollars.items()}
    return Publication(source=source, at=at, rates={"USD": Decimal(PER_DOLLARS), **rates})


def _believed(told: list[Price]) -> list[Price]:
    """Those near the median; a lone exchange is believed, two who contradict each other are not."""
    middle = median(one.dollars for one in told)
    near = [one for one in told if _is_near(one.dollars, middle)]
    if len(near) == len(told) or len(near) > 1:
        return near
    _log.error(
        "exchanges contradict each other",
        extra={"ticker": told[0].ticker, "said": {one.source: str(one.dollars) for one in told}},
    )
    return []


def _is_near(price: Decimal, middle: Decimal) -> bool:
    return abs(Fraction(price) - Fraction(middle)) * 100 <= APART_PERCENT * Fraction(middle)
