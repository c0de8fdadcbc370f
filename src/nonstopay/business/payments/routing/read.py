"""Read the rules of routing, strictly: what is not understood moves no money."""

import re
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from nonstopay import money
from nonstopay.business.invoices.invoice import CARD
from nonstopay.business.payments.routing.rule import DEFAULT, NAMED, Rule
from nonstopay.card_number import Brand
from nonstopay.config import RoutingRule, RoutingWhen
from nonstopay.errors import InvalidAmount, Misconfigured
from nonstopay.money import Money, fiat

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_One = TypeVar("_One", str, int)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    routing: list[RoutingRule] = []


def rules_of(written: Sequence[RoutingRule], connectors: Collection[str]) -> tuple[Rule, ...]:
    """The rules in their order.

    Args:
        connectors: the card connectors that there are.

    Raises:
        Misconfigured: an unknown connector, currency, country or brand; a bound of an amount of no
            single currency; two rules of one name.
    """
    rules = tuple(
        _rule(one, one.name or f"rule {number}", connectors)
        for number, one in enumerate(written, start=1)
    )
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1 or name in (DEFAULT, NAMED):
            raise Misconfigured(f"routing: the name {name} is taken")
    return rules


def read_rules(path: Path, connectors: Collection[str]) -> tuple[Rule, ...]:
    """The rules of a TOML file of their own.

    Raises:
        Misconfigured: as `rules_of`; or the file cannot be read, or holds something else.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        written = msgspec.convert(values, _File)
    except (OSError, ValueError) as error:  # of TOML, of the encoding and of the form
        raise Misconfigured(f"cannot read {path}: {error}") from None
    return rules_of(written.routing, connectors)


def _rule(written: RoutingRule, name: str, connectors: Collection[str]) -> Rule:
    when = written.when
    for one in written.to:
        if one not in connectors:
            raise Misconfigured(f"routing, {name}: there is no card provider {one}")
    if len(set(written.to)) < len(written.to):
        raise Misconfigured(f"routing, {name}: a provider is named twice")
    currencies = _all(when.currency)
    for code in currencies - CARD.currencies:
        raise Misconfigured(f"routing, {name}: cards do not pay in {code}")
    countries = _all(when.country)
    for code in countries:
        if not _COUNTRY.fullmatch(code):
            raise Misconfigured(f"routing, {name}: {code} is no country, write it like GB")
    return Rule(
        name=name,
        to=tuple(written.to),
        currencies=currencies,
        countries=countries,
        brands=frozenset(_brand(text, name) for text in _all(when.brand)),
        merchants=_all(when.merchant),
        amount_min=_bound(when, when.amount_min, name),
        amount_max=_bound(when, when.amount_max, name),
    )


def _all(given: _One | list[_One]) -> frozenset[_One]:
    return frozenset(given if isinstance(given, list) else [given])


def _brand(text: str, name: str) -> Brand:
    try:
        return Brand(text)
    except ValueError:
        known = ", ".join(Brand)
        raise Misconfigured(
            f"routing, {name}: there is no brand {text}; there are {known}"
        ) from None


def _bound(when: RoutingWhen, text: str, name: str) -> Money | None:
    if not text:
        return None
    currencies = _all(when.currency)
    if len(currencies) != 1:
        raise Misconfigured(f"routing, {name}: an amount needs the one currency that it is in")
    [code] = currencies
    try:
        return money.parse(text, fiat(code))
    except InvalidAmount:
        raise Misconfigured(f"routing, {name}: {text} is no amount in {code}") from None
