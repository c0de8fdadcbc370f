"""Coinbase Exchange: what coins cost there now, a product at a time.

Source: https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-ticker.
No key is needed. Written to that page and proven on its shapes; not yet met live.
"""

from collections.abc import Sequence

import msgspec

from nonstopay import clock
from nonstopay.connectors.http import NoAnswer, ProviderHttp
from nonstopay.connectors.rates import Price, middle
from nonstopay.errors import ProviderUnavailable

SOURCE = "Coinbase"
URL = "https://api.exchange.coinbase.com/"


class _Ticker(msgspec.Struct):
    bid: str
    ask: str


async def fetch(http: ProviderHttp, tickers: Sequence[str], url: str = URL) -> list[Price]:
    """The middle between bid and ask, in US dollars, of those coins that are traded there.

    Raises:
        ProviderUnavailable: no answer, or another one than is documented; nothing of it is used then.
    """
    prices = []
    for ticker in tickers:
        answer = await http.call("GET", f"{url}products/{ticker}-USD/ticker")
        if isinstance(answer, NoAnswer):
            raise ProviderUnavailable(f"{SOURCE}: {answer.problem}")
        if answer.status == 404:
            continue  # it does not trade this one for dollars
        if answer.status != 200:
            raise ProviderUnavailable(f"{SOURCE}: status {answer.status}")
        try:
            told = msgspec.json.decode(answer.body, type=_Ticker)
            dollars = middle(told.bid, told.ask)
        except (msgspec.DecodeError, ValueError):
            raise ProviderUnavailable(f"{SOURCE}: not the ticker that is documented") from None
        prices.append(Price(source=SOURCE, ticker=ticker, dollars=dollars, at=clock.now()))
    return prices
