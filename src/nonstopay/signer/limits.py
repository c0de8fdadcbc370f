"""How much may leave the hot wallet: in one transaction, and in a day (UTC) of a coin on a network.

The gateway counts by these limits in its database, and the signer counts again in its own journal: who has
taken over the one cannot raise the other.
"""

from collections.abc import Collection
from dataclasses import dataclass

from nonstopay.config import Settings
from nonstopay.connectors.crypto import evm_address
from nonstopay.connectors.crypto.networks import Coin
from nonstopay.errors import InvalidAmount, InvalidInput, Misconfigured
from nonstopay.money import coin as currency
from nonstopay.money import parse

STABLE = frozenset({"USDC", "USDT"})
GWEI = 10**9
NOTHING = "0"
_ANY = Coin("USDC", "polygon", None, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The hot wallet's limits.

    Attributes:
        transaction, day: in whole coins, as text, for stablecoins.
        native: the same for a network's own coin, in one transaction and in a day; "0": none leaves.
        contracts: that may be called, besides the coins' own.
        fee_max: wei for a unit of gas, at most.
    """

    transaction: str
    day: str
    native: str
    contracts: Collection[str]
    fee_max: int

    def of(self, coin: Coin) -> tuple[int, int]:
        """At most so many units in one transaction, and in a day. Other coins do not leave at all."""
        if coin.contract is None:
            return _units(coin, self.native), _units(coin, self.native)
        if coin.ticker not in STABLE:
            return 0, 0
        return _units(coin, self.transaction), _units(coin, self.day)


def limits_of(settings: Settings) -> Limits:
    """The limits in the settings.

    Raises:
        Misconfigured: an amount or an address that is none.
    """
    limits = Limits(
        transaction=settings.hot_transaction_max,
        day=settings.hot_day_max,
        native=settings.hot_native_max,
        contracts=frozenset(settings.hot_contracts),
        fee_max=settings.hot_fee_gwei_max * GWEI,
    )
    try:
        for name in ("transaction", "day", "native"):
            _units(_ANY, getattr(limits, name))
        for address in limits.contracts:
            evm_address.read(address)
    except (InvalidAmount, InvalidInput) as error:
        raise Misconfigured(f"a limit of the hot wallet (hot_…): {error}") from None
    return limits


def _units(coin: Coin, text: str) -> int:
    if text == NOTHING:
        return 0
    return parse(text, currency(coin.ticker, coin.decimals)).minor
