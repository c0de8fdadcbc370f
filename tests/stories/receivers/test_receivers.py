"""The sample receivers of docs/receivers, each as a process, against our own signatures."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, islice
from pathlib import Path

import pytest

from nonstopay import clock, ids
from nonstopay.business.webhooks import sign
from tests.stories.receivers.sample import FOLDER, LANGUAGES, Sample, command, running

OLD, NEW, STRANGERS = (ids.signing_secret() for _ in range(3))
REFUSED = (401, "refused")
_numbers = count(1)


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    language = str(request.param)
    if command(language, 1) is None:
        pytest.skip(f"no {language} here, so its sample receiver is not run")
    return language


@pytest.fixture
def sample(language: str, tmp_path: Path) -> Iterator[Sample]:
    with running(language, [OLD], tmp_path / "inbox") as sample:
        yield sample


def _body(invoice: int, status: str = "invoice:paid") -> bytes:
    facts = {
        "status": status,
        "devise": "USD",
        "amount": 15.04,
        "id": invoice,
        "description": "₹ é",
    }
    return json.dumps(facts, ensure_ascii=False).encode()


def _signed(
    body: bytes, *secrets: str, number: int | None = None, at: datetime | None = None
) -> dict[str, str]:
    message_id = sign.webhook_id(number or next(_numbers))
    return sign.headers(secrets or (OLD,), message_id, at or clock.now(), body)


def test_what_is_ours_is_kept_once(sample: Sample) -> None:
    body = _body(1)
    number = next(_numbers)

    assert sample.hears(body, _signed(body, number=number)) == (200, "new")
    later = clock.now() + timedelta(seconds=20)
    assert sample.hears(body, _signed(body, number=number, at=later)) == (200, "repeat")


def test_an_older_event_of_the_same_object_is_stale(sample: Sample) -> None:
    """It is received, lest it come again, and not acted on. Other objects are other stories."""
    lowest, lower, older, newer = islice(_numbers, 4)
    paid, pending = _body(2), _body(2, "invoice:pending")

    assert sample.hears(paid, _signed(paid, number=newer)) == (200, "new")
    assert sample.hears(pending, _signed(pending, number=older)) == (200, "stale")
    other = _body(3, "invoice:pending")
    assert sample.hears(other, _signed(other, number=lower)) == (200, "new")
    payout = _body(2, "payment:pending")
    assert sample.hears(payout, _signed(payout, number=lowest)) == (200, "new")


def test_what_is_forged_or_altered_is_refused(sample: Sample) -> None:
    body = _body(4)
    good = _signed(body)
    timestamp = good["webhook-timestamp"]
    other_id = sign.webhook_id(next(_numbers))

    assert sample.hears(body, _signed(body, STRANGERS)) == REFUSED
    assert sample.hears(_body(5), good) == REFUSED
    assert sample.hears(body, good | {"webhook-id": other_id}) == REFUSED
    assert sample.hears(body, good | {"webhook-timestamp": str(int(timestamp) - 1)}) == REFUSED
    assert sample.hears(body, good | {"webhook-timestamp": f"{timestamp}.0"}) == REFUSED
    assert sample.hears(body, good | {"webhook-signature": "v1,"}) == REFUSED
    assert (
        sample.hears(body, good | {"webhook-signature": good["webhook-signature"][3:]}) == REFUSED
    )
    assert sample.hears(body, good | {"X-Signature": "0" * 64}) == REFUSED
    for missing in good:
        kept = {name: value for name, value in good.items() if name != missing}
        assert sample.hears(body, kept) == REFUSED, f"without {missing}"
    assert sample.hears(body, {}) == REFUSED
    assert sample.hears(b"", {}) == REFUSED

    assert sample.hears(body, good) == (200, "new")


@pytest.mark.parametrize("seconds", [-302, 302])
def test_a_recording_cannot_be_played_later(sample: Sample, seconds: int) -> None:
    """Five minutes either way. Two seconds of slack on both sides of the edge for a slow machine."""
    body = _body(6)
    then = clock.now() + timedelta(seconds=seconds)
    within = clock.now() + timedelta(seconds=seconds * 290 // 302)

    assert sample.hears(body, _signed(body, at=then)) == REFUSED
    assert sample.hears(body, _signed(body, at=within)) == (200, "new")


def test_secrets_change_without_a_gap(language: str, tmp_path: Path) -> None:
    """Both sign while both are valid: who has the old one, the new one or both accepts."""
    for held in ([OLD], [NEW], [OLD, NEW]):
        with running(language, held, tmp_path / f"inbox-{len(held)}-{held[0] == OLD}") as sample:
            body = _body(7)
            assert sample.hears(body, _signed(body, NEW, OLD)) == (200, "new")
            assert sample.hears(body, _signed(body, STRANGERS)) == REFUSED
            after = sample.hears(body, _signed(body, NEW))
            assert after == ((200, "new") if NEW in held else REFUSED)


def test_what_was_kept_is_known_after_a_crash(language: str, tmp_path: Path) -> None:
    body = _body(8)
    number = next(_numbers)
    with running(language, [OLD], tmp_path / "inbox") as sample:
        assert sample.hears(body, _signed(body, number=number)) == (200, "new")

    with running(language, [OLD], tmp_path / "inbox") as sample:
        assert sample.hears(body, _signed(body, number=number)) == (200, "repeat")
        older = _body(8, "invoice:pending")
        assert sample.hears(older, _signed(older, number=number - 1)) == (200, "stale")


def test_it_answers_fast_and_refuses_a_flood(sample: Sample) -> None:
    body = _body(9)
    started = time.monotonic()
    for _ in range(20):
        assert sample.hears(body, _signed(body))[0] == 200
    assert (time.monotonic() - started) / 20 < 0.5
    assert sample.post(b"x" * 300_000, _signed(body)).status == 413


def test_the_samples_lean_on_nothing() -> None:
    """No package of others: each folder holds one file, to copy."""
    files = sorted(
        file.name for file in FOLDER.rglob("*") if file.is_file() and "cache" not in str(file)
    )

    assert files == ["receiver.mjs", "receiver.php", "receiver.py"]
