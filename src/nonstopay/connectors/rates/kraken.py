"""Kraken: what coins cost there now, all of them in one call.

Source: https://docs.kraken.com/api/docs/rest-api/get-ticker-information; the names of pairs by
https://support.kraken.com/hc/en-us/articles/360000920306. No key is needed. Written to those pages and proven
on their shapes; not yet met live.
"""

from collections.abc import Sequence

import msgspec

from nonstopay import clock
from nonstopay.connectors.http import NoAnswer, ProviderHttp
from nonstopay.connectors.rates import Price, middle
from nonstopay.errors import ProviderUnavailable

SOURCE = "Kraken"
URL = "https://api.kraken.com/"
_PAIRS = {
    "BTC": ("XBTUSD", "XXBTZUSD"),
    "ETH": ("ETHUSD", "XETHZUSD"),
    "LTC": ("LTCUSD", "XLTCZUSD"),
    "POL": ("POLUSD", "POLUSD"),
    "USDC": ("USDCUSD", "USDCUSD"),
    "USDT": ("USDTUSD", "USDTZUSD"),
}
"""By ticker: how a pair is asked for, and how it is called in the answer."""


class _Ticker(msgspec.Struct):
    """`a` is the ask, `b` the bid: price first, then volumes."""

    a: list[str]
    b: list[str]


class _Answer(msgspec.Struct):
    error: list[str]
    result: dict[str, _Ticker] = {}


async def fetch(http: ProviderHttp, tickers: Sequence[str], url: str = URL) -> list[Price]:
    """The middle between bid and ask, in US dollars, of those coins that are traded there.

    Raises:
        ProviderUnavailable: no answer, an error, or another answer than is documented; nothing of it is
            used then.
    """
    wanted = [ticker for ticker in tickers if ticker in _PAIRS]
    pairs = ",".join(_PAIRS[ticker][0] for ticker in wanted)
    answer = await http.call("GET", f"{url}0/public/Ticker?pair={pairs}")
    if isinstance(answer, NoAnswer):
        raise ProviderUnavailable(f"{SOURCE}: {answer.problem}")
    if answer.status != 200:
        raise ProviderUnavailable(f"{SOURCE}: status {answer.status}")
    try:
        told = msgspec.json.decode(answer.body, type=_Answer)
        if told.error:
            raise ValueError(told.error[0])
        return [_price(ticker, told.result[_PAIRS[ticker][1]]) for ticker in wanted]
    except (msgspec.DecodeError, ValueError, KeyError, IndexError):
        raise ProviderUnavailable(f"{SOURCE}: not the tickers that are documented") from None


def _price(ticker: str, told: _Ticker) -> Price:
    dollars = middle(told.b[0], told.a[0])
    return Price(source=SOURCE, ticker=ticker, dollars=dollars, at=clock.now())
