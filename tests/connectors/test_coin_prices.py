"""What exchanges say that coins cost: their documented answers, and nothing that only looks like them."""

from decimal import Decimal
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.rates import coinbase, kraken, middle
from nonstopay.errors import ProviderUnavailable
from tests.connectors.serving import answering, serving

RECORDINGS = Path(__file__).parent / "recordings" / "rates"
KRAKEN = (RECORDINGS / "kraken.json").read_bytes()
COINBASE = (RECORDINGS / "coinbase.json").read_bytes()
ALL = ("BTC", "ETH", "LTC", "POL", "USDC", "USDT")


async def test_kraken_is_asked_once_for_all_by_its_own_names(http: ProviderHttp) -> None:
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        asked.append(f"{request.url.path}?{request.url.query}")
        return Response(KRAKEN)

    async with serving([Route("/{path:path}", answer)]) as address:
        prices = await kraken.fetch(http, (*ALL, "DOGE"), f"{address}/")

    assert asked == ["/0/public/Ticker?pair=XBTUSD,ETHUSD,LTCUSD,POLUSD,USDCUSD,USDTUSD"]
    assert {one.ticker: one.dollars for one in prices} == {
        "BTC": Decimal("30300.05"),
        "ETH": Decimal("1912.11"),
        "LTC": Decimal("92.43"),
        "POL": Decimal("0.4126"),
        "USDC": Decimal("0.99995"),
        "USDT": Decimal("1.00015"),
    }


async def test_coinbase_is_asked_for_each_and_leaves_out_what_it_does_not_trade(
    http: ProviderHttp,
) -> None:
    async def answer(request: Request) -> Response:
        product = request.path_params["product"]
        return Response(COINBASE) if product == "BTC-USD" else Response(b"{}", 404)

    async with serving([Route("/products/{product}/ticker", answer)]) as address:
        prices = await coinbase.fetch(http, ("BTC", "USDC"), f"{address}/")

    (bitcoin,) = prices
    assert (bitcoin.source, bitcoin.ticker) == ("Coinbase", "BTC")
    assert bitcoin.dollars == Decimal("6266.43")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, KRAKEN),
        (302, b""),
        (200, b"maintenance"),
        (200, b'{"error":["EGeneral:Temporary lockout"]}'),
        (200, KRAKEN.replace(b'["30300.10000"', b'["30000.10000"')),
        (200, KRAKEN.replace(b'["30300.10000"', b'["-30300.10000"')),
        (200, KRAKEN.replace(b'["30300.10000"', b'["3e4"')),
        (200, KRAKEN.replace(b'["30300.10000"', b"[30300.1")),
        (200, KRAKEN.replace(b"XETHZUSD", b"XETHZEUR")),
    ],
    ids=["500", "redirect", "words", "lockout", "crossed", "minus", "exponent", "number", "pair"],
)
async def test_another_answer_of_kraken_is_no_price(
    http: ProviderHttp, status: int, body: bytes
) -> None:
    async with serving([answering(body, status)]) as address:
        with pytest.raises(ProviderUnavailable, match="Kraken"):
            await kraken.fetch(http, ALL, f"{address}/")


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, COINBASE), (200, b"[]"), (200, COINBASE.replace(b"6265.15", b"NaN"))],
    ids=["500", "list", "nan"],
)
async def test_another_answer_of_coinbase_is_no_price(
    http: ProviderHttp, status: int, body: bytes
) -> None:
    async with serving([answering(body, status)]) as address:
        with pytest.raises(ProviderUnavailable, match="Coinbase"):
            await coinbase.fetch(http, ["BTC"], f"{address}/")


@pytest.mark.parametrize(("bid", "ask"), [("0", "1"), ("2", "1"), ("1", "1e9"), ("", "1")])
def test_what_is_no_market_has_no_price(bid: str, ask: str) -> None:
    with pytest.raises(ValueError, match="no "):
        middle(bid, ask)
