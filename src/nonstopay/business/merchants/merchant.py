"""The merchant: who may call, from where, for which amounts, with which methods and fees."""

import ipaddress
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from fractions import Fraction

from nonstopay.money import Currency, Money, Rounding

METHODS = ("CARD", "UPI", "CRYPTO")
ANY_CURRENCY = "*"
ANY_METHOD = "*"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class LateSuccess(StrEnum):
    """What becomes of money that arrives after the merchant was told of failure or expiry."""

    CREDIT = "credit"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Wallet:
    """Where the merchant is settled. `active`: validated, so that invoices may be created."""

    address: str | None
    coin: str
    network: str
    active: bool


@dataclass(frozen=True, slots=True)
class FeePlan:
    """`percent` of the amount plus `fixed` units of the invoice's currency, at least `minimum` units."""

    percent: Decimal
    fixed: Decimal
    minimum: Decimal = Decimal(0)

    def fee(self, amount: Money) -> Money:
        """The fee on `amount`, rounded half up to the minor unit, never more than the amount."""
        share = amount.times(Fraction(self.percent) / 100, Rounding.HALF_UP)
        fee = share + _in_units(self.fixed, amount.currency)
        return min(max(fee, _in_units(self.minimum, amount.currency)), amount)


@dataclass(frozen=True, slots=True)
class FeeTier:
    """What a method costs from a monthly volume on: `above` units of the invoice's currency."""

    method: str
    above: Decimal
    plan: FeePlan


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the greatest amount of an invoice, in minor units; `None` is no bound."""

    minimum: int | None
    maximum: int | None


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant as every other capability sees him.

    Attributes:
        limits: by currency code (`*` for the rest): least and greatest amount in currency units.
        fees: what holds where no tier does.
        tiers: fees of single methods, or of all (`*`), the lowest volume first.
        volumes: by currency code: what was captured in the last month, in units.
        captures_by_hand: card money is reserved, and taken on his word.
        card_direct: he may send his payers' cards server to server.
        networks: from where his API keys may be used; empty means from nowhere.
    """

    id: int
    email: str
    name: str
    methods: frozenset[str]
    wallet: Wallet
    fees: FeePlan
    late_success: LateSuccess
    limits: dict[str, tuple[Decimal | None, Decimal | None]]
    networks: tuple[Network, ...]
    captures_by_hand: bool = False
    card_direct: bool = False
    tiers: tuple[FeeTier, ...] = ()
    volumes: dict[str, Decimal] = field(default_factory=dict)
    _bounds: dict[str, Bounds] = field(default_factory=dict, compare=False, repr=False)
    _judged: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    def plan(self, method: str, currency: Currency) -> FeePlan:
        """The fees of a payment: the highest tier of its method, or of all, that was reached."""
        volume = self.volumes.get(currency.code, Decimal(0))
        for wanted in (method, ANY_METHOD):
            reached = [
                one.plan for one in self.tiers if one.method == wanted and one.above <= volume
            ]
            if reached:
                return reached[-1]
        return self.fees

    def bounds(self, currency: Currency) -> Bounds:
        """The bounds for amounts in `currency`."""
        known = self._bounds.get(currency.code)
        if known is None:
            low, high = self.limits.get(currency.code, self.limits.get(ANY_CURRENCY, (None, None)))
            known = Bounds(
                _in_minor(low, currency, ROUND_CEILING), _in_minor(high, currency, ROUND_FLOOR)
            )
            self._bounds[currency.code] = known
        return known

    def allows_address(self, address: str) -> bool:
        """Whether a call from this peer address is in the allow list. Unreadable ones are not."""
        judged = self._judged.get(address)
        if judged is None:
            judged = is_in_networks(address, self.networks)
            if len(self._judged) < 4096:
                self._judged[address] = judged
        return judged


def is_in_networks(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an IP address lies in one of the networks; an IPv4-mapped IPv6 address counts as IPv4."""
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(peer, ipaddress.IPv6Address) and peer.ipv4_mapped is not None:
        peer = peer.ipv4_mapped
    return any(peer.version == network.version and peer in network for network in networks)


def _in_units(units: Decimal, currency: Currency) -> Money:
    """So many units of a currency, rounded half up to its minor unit."""
    return Money(1, currency).times(Fraction(units) * 10**currency.exponent, Rounding.HALF_UP)


def _in_minor(units: Decimal | None, currency: Currency, rounding: str) -> int | None:
    """A bound in whole minor units, rounded so that nothing beyond it gets in."""
    if units is None:
        return None
    return int(units.scaleb(currency.exponent).to_integral_value(rounding))
