"""Try rules on past payments: who would have been asked, and how many would likely have been approved.

Nothing is written. A prediction is what each connector's own rate in a segment makes of the payments that
the rules give it; where a connector has seen too few of a kind, nothing is predicted. It knows of first
attempts alone: neither failover nor health is in it, and connectors that got the harder payments look
worse than they are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from nonstopay.business.payments.routing.past import Attempt, Rate, Segment, Tally, rate_of
from nonstopay.business.payments.routing.rule import Rule, route
from nonstopay.money import Money, fiat


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What the rules do to a segment.

    Attributes:
        payments, volume: that began in it.
        moved, moved_volume: of these, what would begin at another connector.
        before, after: how many payments each connector got, and would get.
        seen: what each of them did with the attempts of this segment.
        was, would_be: the approval rate of either; `None`: too few attempts to say.
    """

    segment: Segment
    payments: int
    volume: Money
    moved: int
    moved_volume: Money
    before: Mapping[str, int]
    after: Mapping[str, int]
    seen: Mapping[str, Tally]
    was: Rate | None
    would_be: Rate | None


@dataclass(slots=True)
class _Pile:
    """What is counted of a segment while attempts go by; amounts in minor units."""

    seen: dict[str, Tally] = field(default_factory=dict)
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    volume: int = 0
    moved: int = 0
    moved_volume: int = 0

    def see(self, attempt: Attempt) -> None:
        if attempt.approved is not None:
            tally = self.seen.get(attempt.connector, Tally())
            self.seen[attempt.connector] = tally.and_one(attempt.approved)

    def move(self, attempt: Attempt, connector: str) -> None:
        minor = attempt.facts.amount.minor
        self.before[attempt.connector] += 1
        self.after[connector] += 1
        self.volume += minor
        if connector != attempt.connector:
            self.moved += 1
            self.moved_volume += minor


class Replay:
    """Counts attempts one by one, however many there are.

    Args:
        connectors: as configured: the way where no rule fits.
    """

    def __init__(self, rules: Sequence[Rule], connectors: Sequence[str]) -> None:
        self._rules = rules
        self._connectors = connectors
        self._piles: dict[Segment, _Pile] = {}

    def take(self, attempt: Attempt) -> None:
        """Count an attempt."""
        pile = self._piles.setdefault(attempt.segment, _Pile())
        pile.see(attempt)
        if attempt.first:
            chosen = route(self._rules, attempt.facts, self._connectors)
            pile.move(attempt, chosen.connectors[0])

    def forecasts(self) -> list[Forecast]:
        """Every segment in which payments began, the largest first."""
        found = [_forecast(*item) for item in self._piles.items() if item[1].before]
        return sorted(found, key=lambda one: (-one.payments, one.segment))


def replay(
    rules: Sequence[Rule], connectors: Sequence[str], attempts: Iterable[Attempt]
) -> list[Forecast]:
    """What the rules would have done to these attempts."""
    counted = Replay(rules, connectors)
    for attempt in attempts:
        counted.take(attempt)
    return counted.forecasts()


def _forecast(segment: Segment, pile: _Pile) -> Forecast:
    currency = fiat(segment.currency)
    return Forecast(
        segment=segment,
        payments=pile.before.total(),
        volume=Money(pile.volume, currency),
        moved=pile.moved,
        moved_volume=Money(pile.moved_volume, currency),
        before=pile.before,
        after=pile.after,
        seen=pile.seen,
        was=mixed(pile.before, pile.seen),
        would_be=mixed(pile.after, pile.seen),
    )


def mixed(payments: Mapping[str, int], seen: Mapping[str, Tally]) -> Rate | None:
    """The rate of payments shared out so, if every connector among them has been seen enough.

    The bounds are mixed like the rates, as if all connectors were at their bound at once: wider than
    they need be, never narrower.
    """
    tallies = {name: seen.get(name, Tally()) for name in payments}
    if not all(tally.enough for tally in tallies.values()):
        return None
    total = Decimal(sum(payments.values()))
    rates = [(count, rate_of(tallies[name])) for name, count in payments.items()]
    return Rate(
        *(sum((count * rate[i] for count, rate in rates), Decimal(0)) / total for i in range(3))
    )
