"""What an amount of a coin is worth in dollars: how sure to be of it depends on that."""

from collections.abc import Awaitable, Callable

from nonstopay.connectors.crypto.networks import DOLLAR
from nonstopay.money import Money, Rounding, divide

Worth = Callable[[Money], Awaitable[Money | None]]
"""Dollars; `None` if nobody knows."""

STABLE = frozenset({"USDC", "USDT"})
"""Tickers that are taken at par."""


async def at_par(amount: Money) -> Money | None:
    """The worth of a stablecoin, rounded toward zero to a cent; `None` for every other coin."""
    ticker, _, _ = amount.currency.code.partition("_")
    if ticker not in STABLE:
        return None
    cents = divide(amount.minor * 100, 10**amount.currency.exponent, Rounding.DOWN)
    return Money(cents, DOLLAR)
