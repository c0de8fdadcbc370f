"""The one door by which time comes in.

Nobody else asks the operating system for the time of day: a test, a simulation or the sandbox's
movable clock can then own it. All instants are aware datetimes in UTC.
"""

import time
from datetime import UTC, datetime, timedelta

Seconds = float
"""Durations on the stopwatch."""

_offset = timedelta(0)


def now() -> datetime:
    """The present instant in UTC, moved by the sandbox's offset."""
    return datetime.now(UTC) + _offset


def offset() -> timedelta:
    """How far this process's clock stands ahead of the machine's."""
    return _offset


def move_to_offset(ahead: timedelta) -> None:
    """Set this process's clock `ahead` of the machine's. The sandbox alone calls it, forward only."""
    global _offset
    _offset = ahead


def stopwatch() -> float:
    """Seconds on a monotonic scale, for measuring durations; never moved."""
    return time.perf_counter()


def text(instant: datetime) -> str:
    """`2023-04-12 19:09:48`, UTC, as the contract writes instants."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
