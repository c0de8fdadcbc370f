"""The retry plan: ten tries over more than three days, longer if the receiver asks."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from nonstopay import clock, ids
from nonstopay.business.webhooks.retry import PLAN, TRIES, next_try


def pause(tries: int, retry_after: str | None = None) -> timedelta:
    now = clock.now()
    at = next_try(tries, now, retry_after)
    assert at is not None
    return at - now


@pytest.mark.parametrize("fraction", [b"\x00" * 6, b"\xff" * 6])
def test_ten_tries_over_three_days_whatever_chance_says(
    fraction: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "_source", lambda count: fraction[:count])

    pauses = [pause(tries) for tries in range(1, TRIES)]

    assert TRIES == 10
    assert next_try(TRIES, clock.now(), None) is None
    assert timedelta(hours=72) < sum(pauses, timedelta(0)) < timedelta(hours=84)
    for actual, planned in zip(pauses, PLAN, strict=True):
        assert planned <= actual <= planned * 1.1


def test_what_failed_together_does_not_come_back_together() -> None:
    assert len({pause(3) for _ in range(50)}) == 50


def test_a_receiver_may_ask_for_a_longer_pause_but_not_for_a_shorter_one() -> None:
    assert pause(1, "3600") == timedelta(hours=1)
    assert pause(9, "1") >= timedelta(hours=24)
    assert pause(1, "999999999999") == timedelta(hours=24)


def test_a_pause_may_be_asked_for_as_a_date() -> None:
    until = clock.now() + timedelta(hours=2)

    asked = pause(1, format_datetime(until, usegmt=True))

    assert timedelta(minutes=119) < asked <= timedelta(hours=2)


@pytest.mark.parametrize(
    "nonsense", ["", "soon", "-5", "1e3", "٣", "Mon, 99 Foo 9999 99:99:99 GMT"]
)
def test_nonsense_changes_nothing(nonsense: str) -> None:
    assert timedelta(seconds=5) <= pause(1, nonsense) <= timedelta(seconds=5.5)
