"""What past card attempts tell of connectors: how many were approved, in which segment."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from nonstopay.business.payments.routing.rule import Facts
from nonstopay.business.payments.states import State
from nonstopay.connectors.outcome import Reason

ENOUGH = 30
"""So many decided attempts of a connector in a segment make a rate; of fewer nothing is concluded."""
_Z = Decimal("1.96")
"""Of the normal distribution, for 95 %."""
_APPROVED = frozenset(
    {
        State.AUTHORISED,
        State.VOIDING,
        State.VOIDED,
        State.CAPTURED,
        State.RETURNING,
        State.RETURNED,
    }
)
_THE_PAYERS_DOING = frozenset({Reason.CANCELLED_BY_PAYER, Reason.TIMED_OUT})


class Segment(NamedTuple):
    """Payments that banks treat alike. `country` is the payer's, empty if nobody told."""

    brand: str
    country: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A past attempt. `first`: the rules began the payment with it; else another connector had refused
    it, or the merchant had named the connector."""

    facts: Facts
    connector: str
    first: bool
    state: State
    reason: Reason | None

    @property
    def segment(self) -> Segment:
        return Segment(self.facts.brand, self.facts.country or "", self.facts.amount.currency.code)

    @property
    def approved(self) -> bool | None:
        """Whether the bank said yes; `None` if it was never asked to the end."""
        if self.state in _APPROVED:
            return True
        is_refusal = self.state is State.DECLINED and self.reason not in _THE_PAYERS_DOING
        return False if is_refusal else None


class Tally(NamedTuple):
    """Decided attempts, and how many of them were approved."""

    approved: int = 0
    decided: int = 0

    def and_one(self, approved: bool) -> "Tally":
        return Tally(self.approved + approved, self.decided + 1)

    @property
    def enough(self) -> bool:
        return self.decided >= ENOUGH


class Rate(NamedTuple):
    """A share between 0 and 1, with the bounds between which it lies with 95 %."""

    low: Decimal
    rate: Decimal
    high: Decimal


def rate_of(tally: Tally) -> Rate:
    """The share of approved attempts, with Wilson's bounds, which hold for few attempts too."""
    count = Decimal(tally.decided)
    share = tally.approved / count
    width = 1 + _Z**2 / count
    centre = (share + _Z**2 / (2 * count)) / width
    half = _Z * (share * (1 - share) / count + _Z**2 / (4 * count**2)).sqrt() / width
    # At 0 and at 1 a bound is the share itself, but for the last digit.
    low, high = min(share, centre - half), max(share, centre + half)
    return Rate(max(Decimal(0), low), share, min(Decimal(1), high))
