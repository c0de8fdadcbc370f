"""The rules, as one table. Each is a pure function of the facts and the limits.

The hardest rule that applies decides, and every one that applies is named. Of the lists the hardest wins;
who stands on the allow list alone is not counted and not compared.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nonstopay.business.risk.limits import BLOCK_FROM, Limits
from nonstopay.business.risk.verdict import Decision, Facts, Verdict

VERSION = 1
"""Kept with every decision. It rises with every change of the table."""

_Applies = Callable[[Facts, Limits], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """If it applies, this is decided for this reason."""

    reason: str
    decision: Decision
    applies: _Applies


def _above(count: str, limit: str) -> _Applies:
    """Whether a count is above its limit."""
    return lambda facts, limits: 0 < getattr(limits, limit) < getattr(facts, count)


def _far_above(count: str, limit: str) -> _Applies:
    """Whether a count is so far above its limit that nobody need look."""
    return lambda facts, limits: 0 < getattr(limits, limit) * BLOCK_FROM < getattr(facts, count)


def _mismatch(setting: str) -> _Applies:
    """Whether card and payer are known to be of two countries, and the merchant's setting is this."""
    return lambda facts, limits: (
        limits.country_mismatch == setting
        and None not in (facts.card_country, facts.payer_country)
        and facts.card_country != facts.payer_country
    )


# fmt: off
RULES = (
    #    reason                   decision          applies
    Rule("card_overused",         Decision.BLOCK,   _far_above("invoices_of_card", "card_per_hour")),
    Rule("card_often",            Decision.REVIEW,  _above("invoices_of_card", "card_per_hour")),
    Rule("email_overused",        Decision.BLOCK,   _far_above("invoices_of_email", "email_per_hour")),
    Rule("email_often",           Decision.REVIEW,  _above("invoices_of_email", "email_per_hour")),
    Rule("address_overused",      Decision.BLOCK,   _far_above("invoices_of_address", "address_per_hour")),
    Rule("address_often",         Decision.REVIEW,  _above("invoices_of_address", "address_per_hour")),
    Rule("email_of_a_tester",     Decision.BLOCK,   _far_above("cards_of_email", "cards_per_email")),
    Rule("email_many_cards",      Decision.REVIEW,  _above("cards_of_email", "cards_per_email")),
    Rule("address_of_a_tester",   Decision.BLOCK,   _far_above("cards_of_address", "cards_per_address")),
    Rule("address_many_cards",    Decision.REVIEW,  _above("cards_of_address", "cards_per_address")),
    Rule("card_from_elsewhere",   Decision.BLOCK,   _mismatch("block")),
    Rule("card_from_elsewhere",   Decision.REVIEW,  _mismatch("review")),
)
# fmt: on


def decide(facts: Facts, limits: Limits) -> Verdict:
    """What becomes of an attempt of which this is known."""
    if facts.blocked:
        return Verdict(Decision.BLOCK, tuple(f"blocked_{about}" for about in facts.blocked))
    if facts.allowed and not facts.watched:
        return Verdict(Decision.ALLOW, tuple(f"allowed_{about}" for about in facts.allowed))
    watched = [(f"watched_{about}", Decision.REVIEW) for about in facts.watched]
    counted = [(rule.reason, rule.decision) for rule in RULES if rule.applies(facts, limits)]
    found = [*watched, *counted]
    hardest = max((decision for _, decision in found), key=_HARDNESS.index, default=Decision.ALLOW)
    return Verdict(hardest, tuple(reason for reason, _ in found))


_HARDNESS = tuple(Decision)
