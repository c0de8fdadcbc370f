"""Sources of exchange rates, found by listing this folder."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,18})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Rates that a source published together.

    Attributes:
        source: who says so, `ECB`.
        at: from when on they could be known, UTC.
        rates: units of each currency for one euro, EUR itself included. Of coins: units of each for
            `coin_prices.PER_DOLLARS` dollars, USD itself included; rates are only ever crossed.
    """

    source: str
    at: datetime
    rates: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What an exchange says that a coin costs: US dollars for one, at this moment."""

    source: str
    ticker: str
    dollars: Decimal
    at: datetime


def middle(bid: str, ask: str) -> Decimal:
    """The price between what is bid and what is asked.

    Raises:
        ValueError: no plain decimal numbers above zero, or more is bid than asked.
    """
    if not (_PRICE.fullmatch(bid) and _PRICE.fullmatch(ask)):
        raise ValueError("no price")
    low, high = Decimal(bid), Decimal(ask)
    if not 0 < low <= high:
        raise ValueError("no market")
    return (low + high) / 2
