"""The arithmetic behind the figures."""

import pytest

from nonstopay.bench.figures import Latency, Plan, Round, at, median_rate, spread_of_ratios


def test_a_percentile_is_a_value_that_was_measured() -> None:
    """Nearest rank: of a hundred values p99 is the ninety-ninth, and no share is beyond the last."""
    hundred = [float(value) for value in range(1, 101)]

    assert (at(hundred, 0.5), at(hundred, 0.99), at(hundred, 1.0)) == (50, 99, 100)
    assert at([7.0], 0.01) == at([7.0], 0.99) == 7


def test_latency_is_told_in_milliseconds() -> None:
    assert Latency.of([0.002, 0.001, 0.010]) == Latency(p50_ms=2.0, p99_ms=10.0, max_ms=10.0)


@pytest.mark.parametrize(
    ("seconds", "rounds", "length"),
    [(0.5, 3, 1), (3, 3, 1), (6, 3, 2), (10, 5, 2), (18, 9, 2), (90, 9, 10)],
)
def test_seconds_become_at_least_three_rounds(seconds: float, rounds: int, length: int) -> None:
    assert Plan.of(seconds) == Plan(rounds, length)


def test_ratios_are_taken_between_neighbours() -> None:
    """A machine that slows down slows both sides: neighbours compare, the first and the last do not."""
    rounds = [_round("a", 40), _round("b", 20), _round("a", 20), _round("b", 5)]

    assert median_rate(rounds, "a") == 30
    assert spread_of_ratios(rounds, "a") == (1, 4)


def _round(side: str, rate: float) -> Round:
    return Round(side, round(rate), rate, Latency(1, 1, 1))
