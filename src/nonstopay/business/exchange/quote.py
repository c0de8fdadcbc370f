"""Quoting: what is this amount in that currency, by which rate."""

from datetime import timedelta
from fractions import Fraction

from nonstopay import clock
from nonstopay.business.exchange import records
from nonstopay.business.exchange.rate import Quote, RateMissing, RateTooOld
from nonstopay.money import Currency, Money, Rounding
from nonstopay.store.db import Connection, Database


async def quote(
    db: Database | Connection, amount: Money, into: Currency, *, max_age: timedelta | None
) -> Quote:
    """`amount` in `into`, crossed through the euro exactly and rounded once, half up.

    Args:
        max_age: rates published longer ago are refused; None takes any age (the sandbox).

    Raises:
        RateMissing: nobody has published both currencies together.
        RateTooOld: somebody has, but too long ago.
    """
    now = clock.now()
    if amount.currency == into:
        return Quote(amount=amount, converted=amount, rate=Fraction(1), source="identity", at=now)
    pair = await records.newest_pair(db, amount.currency.code, into.code, now)
    if pair is None:
        raise RateMissing(f"no exchange rate is known from {amount.currency} to {into}")
    if max_age is not None and now - pair.at > max_age:
        raise RateTooOld(
            f"the newest exchange rate from {amount.currency} to {into} is of {pair.at:%Y-%m-%d}, "
            f"more than {max_age.days} days old: check the source of exchange rates"
        )
    rate = Fraction(pair.into_rate) / Fraction(pair.from_rate)
    return Quote(
        amount=amount,
        converted=amount.convert(rate, into, Rounding.HALF_UP),
        rate=rate,
        source=pair.source,
        at=pair.at,
    )
