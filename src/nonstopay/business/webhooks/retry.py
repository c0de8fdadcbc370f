"""When to try again: the plan of Standard Webhooks, ten tries over more than three days."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from nonstopay import ids

# After the first try, which is at once (standard-webhooks.md, "Deliverability and reliability").
PLAN = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
TRIES = len(PLAN) + 1
RETRY_AFTER_MAX = timedelta(hours=24)
_JITTER_DIVISOR = 10


def next_try(tries: int, now: datetime, retry_after: str | None) -> datetime | None:
    """When to try again after `tries` tries, or None when the plan is at its end.

    Up to a tenth is added by chance, so that what failed together does not come back together;
    never taken away, so that the plan is never shorter than 75 h 35 min.

    Args:
        retry_after: the answer's header of that name, seconds or an HTTP date (RFC 9110, 10.2.3).
            It may make the pause longer, up to a day, never shorter.
    """
    if tries >= TRIES:
        return None
    pause = PLAN[tries - 1]
    pause += pause / _JITTER_DIVISOR * ids.random_fraction()
    return now + max(pause, _asked_for(retry_after, now))


def _asked_for(retry_after: str | None, now: datetime) -> timedelta:
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), RETRY_AFTER_MAX)
    try:
        until = parsedate_to_datetime(text)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(until - now, RETRY_AFTER_MAX)
    except (ValueError, OverflowError):
        return timedelta(0)
