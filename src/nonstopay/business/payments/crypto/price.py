"""What an amount costs in a coin, and a coin is worth."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

from nonstopay import clock
from nonstopay.business.deposits.worth import STABLE, Worth, at_par
from nonstopay.business.exchange.quote import quote
from nonstopay.business.exchange.rate import Quote, RateMissing, RateTooOld
from nonstopay.connectors.crypto.networks import DOLLAR, Coin
from nonstopay.money import Currency, Money, Rounding, divide
from nonstopay.store.db import Connection, Database

DECIMALS_MAX = 8
"""A payer has to read it, and sometimes to type it: coins of 18 decimals are asked in eight."""
PAR = "par"
OFF_PAR_PERCENT = 1
"""A stablecoin that costs so much more or less than a dollar has lost its peg: its rate counts."""


async def price(
    db: Database | Connection, amount: Money, coin: Coin, *, max_age: timedelta | None
) -> Quote:
    """`amount` in `coin`, rounded up to what a payer can type. A stablecoin is taken at par while it holds.

    Raises:
        RateMissing: nobody has published the coin's rate.
        RateTooOld: somebody has, but too long ago.
    """
    if amount.currency == DOLLAR and await _is_at_par(db, coin, max_age):
        exact = amount.convert(Fraction(1), coin.currency, Rounding.UP)
        return Quote(amount=amount, converted=exact, rate=Fraction(1), source=PAR, at=clock.now())
    found = await quote(db, amount, Currency(coin.ticker, coin.decimals), max_age=max_age)
    exact = amount.convert(found.rate, coin.currency, Rounding.UP)
    step = 10 ** max(0, coin.decimals - DECIMALS_MAX)
    return replace(
        found, converted=Money(divide(exact.minor, step, Rounding.UP) * step, coin.currency)
    )


async def _is_at_par(db: Database | Connection, coin: Coin, max_age: timedelta | None) -> bool:
    """Whether it is a stablecoin and the exchanges, if they say anything, do not contradict."""
    if coin.ticker not in STABLE:
        return False
    one = Money(10**DOLLAR.exponent, DOLLAR)
    try:
        found = await quote(db, one, Currency(coin.ticker, coin.decimals), max_age=max_age)
    except (RateMissing, RateTooOld):
        return True
    return abs(found.rate - 1) * 100 <= OFF_PAR_PERCENT


def worth_by_rates(db: Database, max_age: timedelta | None) -> Worth:
    """What coins are worth in dollars, by the newest rates; stablecoins at par."""

    async def worth(amount: Money) -> Money | None:
        stable = await at_par(amount)
        if stable is not None:
            return stable
        ticker, _, _ = amount.currency.code.partition("_")
        one = Money(10**amount.currency.exponent, Currency(ticker, amount.currency.exponent))
        try:
            found = await quote(db, one, DOLLAR, max_age=max_age)
        except (RateMissing, RateTooOld):
            return None
        return amount.convert(found.rate, DOLLAR, Rounding.DOWN)

    return worth
