"""A rule of routing, the facts that it looks at, and the way that was chosen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nonstopay.card_number import Brand
from nonstopay.money import Money

DEFAULT = "default"
"""In place of a rule's name: none fitted, and the connectors are asked as they are configured."""
NAMED = "named by the merchant"
"""In place of a rule's name: the invoice says which connector is asked, and no other is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a card payment is routed by. `country` is the payer's, as told."""

    merchant_id: int
    amount: Money
    country: str | None
    brand: Brand


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """For which payments it is, and who is asked for them. What is empty fits all.

    Attributes:
        to: connectors in the order of preference; nobody else is asked.
        amount_min, amount_max: both included; of the one currency that the rule is for.
    """

    name: str
    to: tuple[str, ...]
    currencies: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    brands: frozenset[Brand] = frozenset()
    merchants: frozenset[int] = frozenset()
    amount_min: Money | None = None
    amount_max: Money | None = None

    def fits(self, facts: Facts) -> bool:
        return (
            _is_among(facts.amount.currency.code, self.currencies)
            and _is_among(facts.country, self.countries)
            and _is_among(facts.brand, self.brands)
            and _is_among(facts.merchant_id, self.merchants)
            and (self.amount_min is None or facts.amount >= self.amount_min)
            and (self.amount_max is None or facts.amount <= self.amount_max)
        )


@dataclass(frozen=True, slots=True)
class Route:
    """The rule that fitted, and its connectors in their order."""

    rule: str
    connectors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A connector's turn. `place` counts from 1."""

    route: Route
    place: int

    @property
    def connector(self) -> str:
        return self.route.connectors[self.place - 1]


def turns(route: Route) -> Iterator[Turn]:
    """Every connector of a route in its turn."""
    return (Turn(route, place) for place in range(1, len(route.connectors) + 1))


def route(rules: Sequence[Rule], facts: Facts, connectors: Sequence[str]) -> Route:
    """The way of a payment by the first rule that fits.

    Args:
        connectors: as configured: the way if no rule fits.
    """
    for rule in rules:
        if rule.fits(facts):
            return Route(rule.name, rule.to)
    return Route(DEFAULT, tuple(connectors))


def _is_among(value: object, values: frozenset[object]) -> bool:
    return not values or value in values
