"""What the hot wallet holds of a coin, and what is little."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What the hot wallet held of a coin on a network when we last looked."""

    network: str
    coin: str
    address: str
    amount: Money
    is_low: bool
    looked_at: datetime


@dataclass(frozen=True, slots=True)
class Low:
    """Below what a balance is an alert, in whole coins: of a stablecoin, and of what fees are paid in."""

    stable: str
    gas: str
