"""What a measurement comes to: rounds, medians, percentiles, goals reached or missed."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SECONDS_MIN = 3


@dataclass(frozen=True, slots=True)
class Latency:
    """How long single requests or transactions took, in milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Latency":
        """Of one or more durations in seconds."""
        ranked = sorted(seconds)
        return cls(
            *(round(1000 * value, 3) for value in (at(ranked, 0.5), at(ranked, 0.99), ranked[-1]))
        )


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one side.

    Attributes:
        side: who ran, e.g. `nonstopay` or `pgbench`.
        done: requests, transactions or transfers that were finished and acknowledged.
        rate: of them a second.
    """

    side: str
    done: int
    rate: float
    latency: Latency


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to reach, and what came out."""

    wanted: str
    measured: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What one measurement has to say.

    Attributes:
        name: as on the command line.
        about: what was measured, in a sentence.
        rounds: in the order in which they ran.
        figures: what came of them, by name.
    """

    name: str
    about: str
    rounds: Sequence[Round]
    figures: Mapping[str, float | int | str]
    goals: Sequence[Goal]

    @property
    def reached(self) -> bool:
        return all(goal.reached for goal in self.goals)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the seconds of one side are shared out: `rounds` of `seconds` each."""

    rounds: int
    seconds: int

    @classmethod
    def of(cls, seconds: float) -> "Plan":
        """At least three rounds, of whole seconds, as pgbench counts them."""
        rounds = min(max(SECONDS_MIN, int(seconds // 2)), 9)
        return cls(rounds, max(1, round(seconds / rounds)))


def at(ranked: Sequence[float], share: float) -> float:
    """The value that `share` of the sorted values do not exceed (nearest rank)."""
    return ranked[max(0, -int(-share * len(ranked) // 1) - 1)]


def median_rate(rounds: Sequence[Round], side: str) -> float:
    return statistics.median(one.rate for one in rounds if one.side == side)


def spread_of_ratios(rounds: Sequence[Round], side: str) -> tuple[float, float]:
    """The least and the greatest ratio of `side` to the neighbour that ran just before or after it."""
    ratios = [
        a.rate / b.rate if a.side == side else b.rate / a.rate
        for a, b in pairwise(rounds)
        if (a.side == side) != (b.side == side)
    ]
    return min(ratios), max(ratios)
