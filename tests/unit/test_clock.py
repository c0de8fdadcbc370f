"""Time comes in by one door, and the sandbox may push it ahead."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from nonstopay import clock


@pytest.fixture(autouse=True)
def _clock_put_right() -> Iterator[None]:
    before = clock.offset()
    yield
    clock.move_to_offset(before)


def test_now_is_an_aware_instant_in_utc() -> None:
    clock.move_to_offset(timedelta(0))
    before, now, after = datetime.now(UTC), clock.now(), datetime.now(UTC)

    assert now.tzinfo is UTC
    assert before <= now <= after


def test_the_sandbox_moves_now_and_nothing_else() -> None:
    started = clock.stopwatch()
    clock.move_to_offset(timedelta(days=14))

    assert clock.offset() == timedelta(days=14)
    assert timedelta(days=14) <= clock.now() - datetime.now(UTC) + timedelta(seconds=1)
    assert clock.now() - datetime.now(UTC) < timedelta(days=14, seconds=1)
    assert 0 <= clock.stopwatch() - started < 60


def test_an_instant_is_written_in_utc_to_the_second() -> None:
    in_kolkata = timezone(timedelta(hours=5, minutes=30))

    assert clock.text(datetime(2023, 4, 12, 19, 9, 48, 999_999, UTC)) == "2023-04-12 19:09:48"
    assert clock.text(datetime(2023, 4, 13, 0, 39, 48, tzinfo=in_kolkata)) == "2023-04-12 19:09:48"
