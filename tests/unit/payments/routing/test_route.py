"""The way of a payment: the first rule that fits, then who works; and rules that are not understood."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.business.invoices.invoice import CARD
from nonstopay.business.payments.health.health import Standing
from nonstopay.business.payments.health.states import State
from nonstopay.business.payments.routing.choose import by_health, choose
from nonstopay.business.payments.routing.read import read_rules, rules_of
from nonstopay.business.payments.routing.rule import DEFAULT, NAMED, Facts, Rule, route, turns
from nonstopay.card_number import Brand
from nonstopay.config import RoutingRule, RoutingWhen
from nonstopay.errors import Misconfigured
from nonstopay.money import Money, fiat

HERE = ("adyen", "stripe", "checkout")


def facts(amount: str = "10.00 EUR", **more: Any) -> Facts:
    number, code = amount.split()
    money = Money(int(number.replace(".", "")), fiat(code))
    told: dict[str, Any] = {"merchant_id": 3, "amount": money, "country": "FR", "brand": Brand.VISA}
    return Facts(**told | more)


def rules(*written: tuple[dict[str, Any], list[str]]) -> tuple[Rule, ...]:
    return rules_of([RoutingRule(when=RoutingWhen(**when), to=to) for when, to in written], HERE)


def test_without_rules_the_configured_order_holds() -> None:
    found = route((), facts(), HERE)

    assert (found.rule, found.connectors) == (DEFAULT, HERE)


def test_the_first_rule_that_fits_wins_and_nobody_else_is_asked() -> None:
    some = rules(
        ({"currency": "USD"}, ["stripe"]),
        ({"currency": ["EUR", "GBP"], "brand": "visa"}, ["checkout", "adyen"]),
        ({}, ["adyen"]),
    )

    assert route(some, facts(), HERE).connectors == ("checkout", "adyen")
    assert route(some, facts(), HERE).rule == "rule 2"
    assert route(some, facts(brand=Brand.AMEX), HERE).connectors == ("adyen",)


def test_whom_the_merchant_named_is_asked_and_nobody_else() -> None:
    some = rules(({}, ["stripe"]))
    down = Standing({(CARD.name, "adyen"): State.DOWN})

    named = choose(some, facts(), HERE, down, 1, named="adyen")
    gone = choose(some, facts(), HERE, down, 1, named="upi_sandbox")

    assert (named.rule, named.connectors) == (NAMED, ("adyen",))
    assert (gone.rule, gone.connectors) == ("rule 1", ("stripe",))


@pytest.mark.parametrize(
    ("when", "other"),
    [
        ({"currency": "EUR"}, facts("10.00 USD")),
        ({"country": ["FR", "DE"]}, facts(country="IN")),
        ({"country": "FR"}, facts(country=None)),
        ({"brand": "visa"}, facts(brand=Brand.MASTERCARD)),
        ({"merchant": [1, 3]}, facts(merchant_id=2)),
        ({"currency": "EUR", "amount_min": "10.00"}, facts("9.99 EUR")),
        ({"currency": "EUR", "amount_max": "10.00"}, facts("10.01 EUR")),
        ({"currency": "EUR", "amount_min": "10.00"}, facts("99.00 USD")),
    ],
)
def test_every_condition_lets_its_own_pass_and_stops_others(
    when: dict[str, Any], other: Facts
) -> None:
    [rule] = rules((when, ["stripe"]))

    assert rule.fits(facts())
    assert not rule.fits(other)


conditions = st.fixed_dictionaries(
    {},
    optional={
        "currency": st.sampled_from(["EUR", "USD", ["EUR", "GBP"]]),
        "country": st.sampled_from(["FR", ["IN", "GB"]]),
        "brand": st.sampled_from(["visa", ["amex", "visa"]]),
        "merchant": st.sampled_from([3, [1, 2]]),
    },
)
written = st.lists(
    st.tuples(conditions, st.lists(st.sampled_from(HERE), min_size=1, unique=True)), max_size=6
)
payments = st.builds(
    facts,
    st.sampled_from(["10.00 EUR", "10.00 USD", "5.00 GBP"]),
    country=st.sampled_from(["FR", "IN", None]),
    brand=st.sampled_from(Brand),
    merchant_id=st.integers(1, 4),
)


@given(written, payments)
def test_rules_before_the_one_that_fits_did_not(
    some: list[tuple[dict[str, Any], list[str]]], payment: Facts
) -> None:
    table = rules(*some)
    found = route(table, payment, HERE)
    passed_over = [rule for rule in table if rule.name != found.rule]
    if found.rule != DEFAULT:
        passed_over = passed_over[: [rule.name for rule in table].index(found.rule)]
        assert next(rule for rule in table if rule.name == found.rule).fits(payment)

    assert not any(rule.fits(payment) for rule in passed_over)


@given(
    st.lists(st.sampled_from(HERE), unique=True),
    st.lists(st.sampled_from(State), min_size=3, max_size=3),
    st.integers(1, 99),
)
def test_who_is_down_is_asked_only_if_all_are(
    names: list[str], states: list[State], number: int
) -> None:
    known = dict(zip(HERE, states, strict=True))
    standing = Standing({(CARD.name, name): state for name, state in known.items()})

    order = by_health(names, standing, number)

    down = {name for name in names if known[name] is State.DOWN}
    assert len(set(order)) == len(order)
    assert set(order) == (set(names) if down == set(names) else set(names) - down)


def test_a_connector_that_ails_goes_behind_and_one_in_four_probes() -> None:
    standing = Standing(
        {(CARD.name, "adyen"): State.PROBING, (CARD.name, "stripe"): State.DEGRADED}
    )

    ways = [choose((), facts(), HERE, standing, number).connectors for number in range(4)]

    assert ways == [("adyen", "checkout", "stripe")] + 3 * [("checkout", "stripe", "adyen")]
    assert [turn.connector for turn in turns(choose((), facts(), HERE, standing, 1))] == list(
        ways[1]
    )


@pytest.mark.parametrize(
    ("when", "to", "problem"),
    [
        ({}, ["strype"], "there is no card provider strype"),
        ({}, ["stripe", "stripe"], "named twice"),
        ({"currency": "JPY"}, ["stripe"], "cards do not pay in JPY"),
        ({"country": "France"}, ["stripe"], "France is no country"),
        ({"brand": "Visa"}, ["stripe"], "there is no brand Visa"),
        ({"amount_min": "10.00"}, ["stripe"], "the one currency"),
        ({"currency": ["EUR", "USD"], "amount_max": "10.00"}, ["stripe"], "the one currency"),
        ({"currency": "EUR", "amount_min": "10.001"}, ["stripe"], "no amount in EUR"),
    ],
)
def test_a_rule_that_is_not_understood_refuses_to_start(
    when: dict[str, Any], to: list[str], problem: str
) -> None:
    with pytest.raises(Misconfigured, match=problem):
        rules((when, to))


def test_two_rules_of_one_name_are_refused() -> None:
    twice = [RoutingRule(name="rands", to=["stripe"])] * 2

    with pytest.raises(Misconfigured, match="rands is taken"):
        rules_of(twice, HERE)


def test_rules_are_read_from_a_file_strictly(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(
        '[[routing]]\nname = "small"\nto = ["stripe"]\n[routing.when]\nbrand = ["visa"]\n'
    )
    [rule] = read_rules(file, HERE)
    assert rule == Rule(name="small", to=("stripe",), brands=frozenset({Brand.VISA}))

    for wrong in ("[[routing]]\nto = []\n", "[[routing]]\n", "routes = 1\n", "[[", "\xff"):
        file.write_text(wrong, encoding="latin-1")
        with pytest.raises(Misconfigured):
            read_rules(file, HERE)
