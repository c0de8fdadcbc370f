"""The rules: what is known of an attempt in, a decision with its reasons out."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.business.risk.limits import BLOCK_FROM, Limits
from nonstopay.business.risk.rules import decide
from nonstopay.business.risk.verdict import Decision, Facts

LIMITS = Limits()
COUNTED = {
    "invoices_of_card": "card_per_hour",
    "invoices_of_email": "email_per_hour",
    "invoices_of_address": "address_per_hour",
    "cards_of_email": "cards_per_email",
    "cards_of_address": "cards_per_address",
}
HARDNESS = list(Decision)
counts = st.fixed_dictionaries({name: st.integers(1, 500) for name in COUNTED})


def test_an_ordinary_payer_is_let_through_without_a_word() -> None:
    verdict = decide(Facts(payer_country="IN", card_country="IN"), LIMITS)

    assert (verdict.decision, verdict.reasons) == (Decision.ALLOW, ())


@pytest.mark.parametrize(("count", "limit"), COUNTED.items())
def test_above_a_limit_somebody_looks_and_far_above_it_nobody_need(count: str, limit: str) -> None:
    most: int = getattr(LIMITS, limit)

    def decided(number: int) -> Decision:
        return decide(replace(Facts(), **{count: number}), LIMITS).decision  # type: ignore[arg-type]

    assert decided(most) is Decision.ALLOW
    assert decided(most + 1) is Decision.REVIEW
    assert decided(BLOCK_FROM * most) is Decision.REVIEW
    assert decided(BLOCK_FROM * most + 1) is Decision.BLOCK


def test_every_count_has_its_limit_and_a_limit_of_nothing_is_none() -> None:
    assert {field.name for field in fields(Facts) if field.default == 1} == set(COUNTED)
    endless = replace(LIMITS, **dict.fromkeys(COUNTED.values(), 0))  # type: ignore[arg-type]

    verdict = decide(replace(Facts(), **dict.fromkeys(COUNTED, 10**9)), endless)  # type: ignore[arg-type]

    assert verdict.decision is Decision.ALLOW


@given(counts, st.sampled_from(sorted(COUNTED)), st.integers(0, 500))
def test_more_tries_never_make_it_better(told: dict[str, Any], which: str, more: int) -> None:
    before = decide(Facts(**told), LIMITS)
    after = decide(Facts(**told | {which: told[which] + more}), LIMITS)

    assert HARDNESS.index(after.decision) >= HARDNESS.index(before.decision)
    assert set(before.reasons) <= set(after.reasons)


@given(counts)
def test_whoever_is_blocked_is_blocked_and_whoever_is_allowed_passes(told: dict[str, Any]) -> None:
    allowed = decide(Facts(allowed=("email",), **told), LIMITS)
    both = decide(Facts(allowed=("email",), blocked=("bin", "network"), **told), LIMITS)

    assert (allowed.decision, allowed.reasons) == (Decision.ALLOW, ("allowed_email",))
    assert (both.decision, both.reasons) == (Decision.BLOCK, ("blocked_bin", "blocked_network"))


@given(counts)
def test_who_is_watched_is_looked_at_at_least_even_if_he_is_allowed(told: dict[str, Any]) -> None:
    watched = decide(Facts(watched=("domain",), allowed=("email",), **told), LIMITS)
    counted = decide(Facts(**told), LIMITS)

    assert watched.reasons == ("watched_domain", *counted.reasons)
    assert watched.decision is max(Decision.REVIEW, counted.decision, key=HARDNESS.index)


@pytest.mark.parametrize(
    ("setting", "decision"),
    [("off", Decision.ALLOW), ("review", Decision.REVIEW), ("block", Decision.BLOCK)],
)
def test_a_card_from_elsewhere_is_what_the_setting_makes_of_it(
    setting: str, decision: Decision
) -> None:
    limits = replace(LIMITS, country_mismatch=setting)  # type: ignore[arg-type]

    assert decide(Facts(payer_country="IN", card_country="US"), limits).decision is decision


@pytest.mark.parametrize(("payer", "card"), [("IN", None), (None, "US"), (None, None)])
def test_what_nobody_knows_is_no_mismatch(payer: str | None, card: str | None) -> None:
    facts = Facts(payer_country=payer, card_country=card)

    assert decide(facts, replace(LIMITS, country_mismatch="block")).decision is Decision.ALLOW
