"""Coins cost what the exchanges agree on: the median of the fresh, outliers and contradictions left out."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from nonstopay import clock
from nonstopay.business.exchange.coin_prices import Fetch, agree, refresh_coins
from nonstopay.business.exchange.quote import quote
from nonstopay.business.exchange.rate import RateMissing, RateTooOld
from nonstopay.business.exchange.seed import seed
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.rates import Price
from nonstopay.errors import ProviderUnavailable
from nonstopay.money import Currency, Money, fiat
from nonstopay.store.db import Database

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
BITCOIN = Currency("BTC", 8)
HUNDRED_DOLLARS = Money(100_00, fiat("USD"))


def price(source: str, dollars: str, *, ticker: str = "BTC", age: float = 1) -> Price:
    at = NOW - timedelta(seconds=age)
    return Price(source=source, ticker=ticker, dollars=Decimal(dollars), at=at)


def bitcoin_of(prices: Sequence[Price]) -> tuple[str, Decimal] | None:
    """Who is believed, and what a bitcoin costs by them."""
    found = agree(prices, NOW)
    if found is None:
        return None
    return found.source, found.rates["USD"] / found.rates["BTC"]


def test_two_who_agree_meet_in_the_middle() -> None:
    told = bitcoin_of([price("Kraken", "100000"), price("Coinbase", "100100")])

    assert told is not None
    assert told[0] == "Coinbase + Kraken"
    assert round(told[1], 6) == Decimal("100050")


def test_of_three_the_one_far_off_is_left_out() -> None:
    told = bitcoin_of([price("A", "100"), price("B", "101"), price("C", "150")])

    assert told is not None
    assert told[0] == "A + B"
    assert round(told[1], 6) == Decimal("100.5")


def test_two_who_contradict_each_other_are_not_believed() -> None:
    assert bitcoin_of([price("A", "100"), price("B", "110")]) is None


def test_what_is_stale_does_not_count() -> None:
    told = bitcoin_of([price("A", "100"), price("B", "101", age=61)])

    assert told == ("A", Decimal(100))
    assert bitcoin_of([price("A", "100", age=61)]) is None


def test_a_coin_in_dispute_does_not_keep_the_others_back() -> None:
    said = [
        price("A", "100"),
        price("B", "110"),
        price("A", "4000", ticker="ETH"),
        price("B", "4001", ticker="ETH"),
    ]
    found = agree(said, NOW)

    assert found is not None
    assert set(found.rates) == {"USD", "ETH"}


def saying(*prices: Price) -> Fetch:
    async def fetch(_: ProviderHttp, tickers: Sequence[str]) -> list[Price]:
        return [one for one in prices if one.ticker in tickers]

    return fetch


async def silent(_: ProviderHttp, tickers: Sequence[str]) -> list[Price]:
    raise ProviderUnavailable("no answer")


async def test_what_was_agreed_is_quoted_until_it_is_too_old(database: Database) -> None:
    now = clock.now()
    fresh = Price(source="A", ticker="BTC", dollars=Decimal(80_000), at=now)
    async with ProviderHttp() as http:
        assert await refresh_coins(database, http, now, [saying(fresh), silent]) == 2
        assert await refresh_coins(database, http, now, [silent, silent]) == 0

    found = await quote(database, HUNDRED_DOLLARS, BITCOIN, max_age=timedelta(minutes=5))
    assert found.converted == Money(125_000, BITCOIN)
    assert found.source == "A"

    clock.move_to_offset(timedelta(minutes=6))
    with pytest.raises(RateTooOld):
        await quote(database, HUNDRED_DOLLARS, BITCOIN, max_age=timedelta(minutes=5))


async def test_the_sandbox_has_rates_that_stand_still(database: Database) -> None:
    await seed(database, sandbox=True)

    found = await quote(database, HUNDRED_DOLLARS, BITCOIN, max_age=None)
    assert found.converted == Money(100_000, BITCOIN)
    assert found.source == "fixed (sandbox)"


async def test_a_live_installation_knows_no_fixed_rates(database: Database) -> None:
    await seed(database)

    with pytest.raises(RateMissing):
        await quote(database, HUNDRED_DOLLARS, BITCOIN, max_age=None)
