"""Quoting: exact through the euro, rounded once, and never by a rate that is too old."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay import clock
from nonstopay.business.exchange import records
from nonstopay.business.exchange.quote import quote
from nonstopay.business.exchange.rate import Quote, RateMissing, RateTooOld
from nonstopay.business.exchange.refresh import refresh
from nonstopay.business.exchange.seed import seed
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.rates import Publication, ecb
from nonstopay.errors import ProviderUnavailable
from nonstopay.money import Money, fiat
from nonstopay.store.db import Database
from tests.connectors.serving import answering, serving
from tests.connectors.test_ecb_rates import RECORDING

EUR, USD, INR, JPY, KWD = (fiat(code) for code in ("EUR", "USD", "INR", "JPY", "KWD"))
ANY_AGE = None


def _published(at: datetime, source: str = "ECB", **rates: str) -> Publication:
    exact = {code: Decimal(rate) for code, rate in rates.items()}
    return Publication(source=source, at=at, rates={"EUR": Decimal(1)} | exact)


async def _keep(database: Database, *publications: Publication) -> None:
    async with database.transaction() as tx:
        for publication in publications:
            await records.insert(tx, publication)


async def test_a_cross_rate_is_exact_and_rounded_once(database: Database) -> None:
    """5.00 USD at 106.0840 / 1.1172 is 474.7762… INR."""
    at = clock.now() - timedelta(hours=1)
    await _keep(database, _published(at, USD="1.1172", INR="106.0840"))

    quoted = await quote(database, Money(500, USD), INR, max_age=timedelta(days=5))

    assert quoted.converted == Money(47478, INR)
    assert quoted.rate == Fraction(1060840, 11172)
    assert quoted.stored_rate() == Decimal("94.955245255997")
    assert (quoted.source, quoted.at) == ("ECB", at)


async def test_to_and_from_the_euro(database: Database) -> None:
    await _keep(database, _published(clock.now(), JPY="175.68"))

    there = await quote(database, Money(1000, EUR), JPY, max_age=ANY_AGE)
    back = await quote(database, Money(1757, JPY), EUR, max_age=ANY_AGE)

    assert there.converted == Money(1757, JPY)
    assert back.converted == Money(1000, EUR)


async def test_a_half_goes_up(database: Database) -> None:
    """1 JPY at 200 a euro is half a cent."""
    await _keep(database, _published(clock.now(), JPY="200"))

    assert (await quote(database, Money(1, JPY), EUR, max_age=ANY_AGE)).converted == Money(1, EUR)


async def test_the_same_currency_needs_no_rate(database: Database) -> None:
    quoted = await quote(database, Money(500, USD), USD, max_age=timedelta(0))

    assert (quoted.converted, quoted.source) == (Money(500, USD), "identity")
    assert quoted.rate == 1


async def test_the_newest_rates_that_are_out_count(database: Database) -> None:
    now = clock.now()
    await _keep(
        database,
        _published(now - timedelta(days=2), USD="2"),
        _published(now - timedelta(days=1), USD="3"),
        _published(now + timedelta(days=1), USD="4"),
    )

    assert (await quote(database, Money(100, EUR), USD, max_age=ANY_AGE)).rate == 3


async def test_rates_of_different_days_or_sources_are_not_crossed(database: Database) -> None:
    now = clock.now()
    await _keep(
        database,
        _published(now - timedelta(days=2), USD="2", INR="100"),
        _published(now - timedelta(days=1), USD="3"),
        _published(now - timedelta(days=1), source="other", INR="200"),
    )

    assert (await quote(database, Money(100, USD), INR, max_age=ANY_AGE)).rate == 50


async def test_a_rate_that_is_too_old_is_refused(database: Database) -> None:
    at = clock.now() - timedelta(days=5, minutes=1)
    await _keep(database, _published(at, USD="2"))

    with pytest.raises(RateTooOld, match=f"{at:%Y-%m-%d}, more than 5 days old"):
        await quote(database, Money(100, EUR), USD, max_age=timedelta(days=5))
    young_enough = await quote(database, Money(100, EUR), USD, max_age=timedelta(days=6))
    assert young_enough.at == at


async def test_a_rate_that_nobody_published_is_missing(database: Database) -> None:
    await _keep(database, _published(clock.now(), USD="2"))

    with pytest.raises(RateMissing, match="from USD to KWD"):
        await quote(database, Money(100, USD), KWD, max_age=ANY_AGE)


async def test_a_quote_inside_a_transaction_sees_what_it_wrote(database: Database) -> None:
    async with database.transaction() as tx:
        await records.insert(tx, _published(clock.now(), USD="2"))
        assert (await quote(tx, Money(100, EUR), USD, max_age=ANY_AGE)).converted.minor == 200


async def test_a_kept_rate_is_never_changed(database: Database) -> None:
    at = clock.now()
    async with database.transaction() as tx:
        first = await records.insert(tx, _published(at, USD="2"))
        again = await records.insert(tx, _published(at, USD="3", INR="100"))

    assert (first, again) == (2, 1)
    assert (await quote(database, Money(100, EUR), USD, max_age=ANY_AGE)).rate == 2


async def test_seeding_keeps_the_shipped_rates_once_under_their_true_dates(
    database: Database,
) -> None:
    new, again = await seed(database), await seed(database)
    quoted = await quote(database, Money(500, USD), INR, max_age=ANY_AGE)

    newest = ecb.read_shipped()[0]
    assert new > 250
    assert again == 0
    assert quoted.at == newest.at
    assert quoted.rate == Fraction(newest.rates["INR"]) / Fraction(newest.rates["USD"])


async def test_refreshing_keeps_what_the_source_says_now(database: Database) -> None:
    async with serving([answering(RECORDING)]) as address, ProviderHttp() as http:
        new = await refresh(database, http, address)
        again = await refresh(database, http, address)

    assert (new, again) == (8, 0)
    quoted = await quote(database, Money(100, EUR), fiat("ZAR"), max_age=ANY_AGE)
    assert quoted.at == datetime(2026, 10, 30, 15, tzinfo=UTC)


async def test_a_source_that_is_down_changes_nothing(database: Database) -> None:
    await _keep(database, _published(clock.now(), USD="2"))
    async with serving([answering(b"", 503)]) as address, ProviderHttp() as http:
        with pytest.raises(ProviderUnavailable):
            await refresh(database, http, address)

    assert (await quote(database, Money(100, EUR), USD, max_age=ANY_AGE)).rate == 2


@given(st.fractions(min_value=Fraction(1, 10**6), max_value=10**6))
def test_the_stored_rate_is_the_rate_to_twelve_decimals(rate: Fraction) -> None:
    one = Money(100, EUR)
    quoted = Quote(amount=one, converted=one, rate=rate, source="ECB", at=clock.now())

    assert abs(Fraction(quoted.stored_rate()) - rate) * 2 <= Fraction(1, 10**12)
