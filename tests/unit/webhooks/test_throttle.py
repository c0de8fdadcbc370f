"""Who may begin how many attempts: fast endpoints much, hanging ones little, nobody everything."""

from nonstopay.business.webhooks.throttle import Throttle

FAST, SLOW, NEW = (1, 1), (2, 2), (3, 3)


def begin(throttle: Throttle, shares: dict[tuple[int, int], int]) -> None:
    for endpoint, count in shares.items():
        for _ in range(count):
            throttle.begin(endpoint)


def test_a_new_endpoint_begins_small_and_grows_with_its_receipts() -> None:
    throttle = Throttle(total=64, per_endpoint=32)
    assert throttle.share_out([NEW]) == {NEW: 4}

    for _ in range(100):
        throttle.begin(NEW)
        throttle.end(NEW, received=True)

    assert throttle.share_out([NEW]) == {NEW: 32}


def test_failures_narrow_an_endpoint_to_one_attempt_at_a_time() -> None:
    throttle = Throttle(total=64, per_endpoint=32)
    for _ in range(6):
        throttle.begin(SLOW)
        throttle.end(SLOW, received=False)

    shares = throttle.share_out([SLOW])
    begin(throttle, shares)

    assert shares == {SLOW: 1}
    assert throttle.share_out([SLOW]) == {}


def test_those_that_fail_share_half_of_the_whole_however_many_they_are() -> None:
    throttle = Throttle(total=16, per_endpoint=8)
    failing = [(merchant, 1) for merchant in range(100, 200)]
    for endpoint in failing:
        throttle.begin(endpoint)
        throttle.end(endpoint, received=False)

    shares = throttle.share_out([*failing, FAST])
    begin(throttle, shares)

    assert sum(count for endpoint, count in shares.items() if endpoint != FAST) == 8
    assert throttle.share_out([*failing, NEW]) == {NEW: 4}


def test_the_whole_is_never_exceeded_and_is_shared_equally() -> None:
    throttle = Throttle(total=6, per_endpoint=6)

    shares = throttle.share_out([FAST, SLOW, NEW])
    begin(throttle, shares)

    assert shares == {FAST: 2, SLOW: 2, NEW: 2}
    assert throttle.share_out([FAST, SLOW, NEW]) == {}
