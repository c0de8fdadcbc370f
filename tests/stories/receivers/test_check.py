"""The endpoint check: it praises the samples, and tells each bad habit of a receiver by its name."""

import asyncio
import hmac
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nonstopay import ids
from nonstopay.business.webhooks import check as endpoint_check
from nonstopay.business.webhooks.check import Report, check
from nonstopay.connectors.public_http import PublicHttp
from nonstopay.errors import InvalidInput
from nonstopay.sandbox.receiver import verify
from tests.stories.gateway import nonstopay
from tests.stories.receivers.sample import LANGUAGES, command, running
from tests.unit.webhooks.hook import Hook, Request, listening, status

SECRET = ids.signing_secret()
Habit = Callable[[Request], int]


async def _graded(habit: Habit) -> Report:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await status(habit(request))(request, writer)

    async with listening(Hook(answer)) as hook, PublicHttp(allow_loopback=True) as http:
        return await check(http, hook.url, SECRET)


def _mended(report: Report) -> list[str]:
    return [one.trial for one in report.findings if one.lost]


def _good(request: Request) -> int:
    return 204 if verify(SECRET, request.headers, request.body) else 401


def _trusts_everybody(request: Request) -> int:
    return 200


def _wants_any_signature(request: Request) -> int:
    return 200 if request.headers.get("webhook-signature") else 401


def _checks_the_body_only(request: Request) -> int:
    expected = hmac.digest(SECRET.encode(), request.body, "sha256").hex()
    offered = [request.headers.get(name) for name in ("x-signature", "x-signature-previous")]
    return 200 if expected in offered else 401


def _knows_no_rotation(request: Request) -> int:
    return 401 if " " in request.headers.get("webhook-signature", "") else _good(request)


def _falls_over_forgeries(request: Request) -> int:
    return 204 if _good(request) == 204 else 500


def _gone_for_forgeries(request: Request) -> int:
    return 204 if _good(request) == 204 else 410


def _refuses_repeats() -> Habit:
    seen: set[str] = set()

    def habit(request: Request) -> int:
        message_id = request.headers["webhook-id"]
        if _good(request) == 204 and message_id in seen:
            return 409
        seen.add(message_id)
        return _good(request)

    return habit


def _refuses_what_is_late() -> Habit:
    newest = 0

    def habit(request: Request) -> int:
        nonlocal newest
        number = int(request.headers["webhook-id"].removeprefix("evt_"))
        if _good(request) == 204 and number < newest:
            return 409
        newest = max(newest, number) if _good(request) == 204 else newest
        return _good(request)

    return habit


@pytest.mark.parametrize(
    ("habit", "grade", "mended"),
    [
        (_good, "A", []),
        (_knows_no_rotation, "B", ["accepts what two secrets signed, of which it knows one"]),
        (_falls_over_forgeries, "B", ["refuses with 4xx"]),
        (_gone_for_forgeries, "B", ["refuses with 4xx"]),
        (_refuses_what_is_late(), "B", ["accepts an older message after a newer one"]),
        (
            _refuses_repeats(),
            "C",
            ["accepts the same message again", "accepts 5 copies at the same moment"],
        ),
        (
            _checks_the_body_only,
            "C",
            ["refuses an altered webhook-id", "refuses what was signed ten minutes ago"],
        ),
        (
            _wants_any_signature,
            "F",
            [
                "refuses a forged signature",
                "refuses an altered body",
                "refuses an altered webhook-id",
                "refuses what was signed ten minutes ago",
            ],
        ),
    ],
)
async def test_each_habit_is_found(habit: Habit, grade: str, mended: list[str]) -> None:
    report = await _graded(habit)

    assert (report.grade, _mended(report)) == (grade, mended)
    assert all(one.advice for one in report.findings if one.lost)


async def test_who_believes_strangers_fails_whatever_else_he_does() -> None:
    report = await _graded(_trusts_everybody)

    assert (report.grade, report.points) == ("F", 0)
    assert "refuses a message without a signature" in _mended(report)


async def test_who_refuses_everything_is_not_praised_for_refusing_forgeries() -> None:
    report = await _graded(lambda request: 404)

    assert report.grade == "F"
    assert [(one.trial, one.found) for one in report.findings] == [(endpoint_check.GENUINE, "404")]


async def test_nobody_there_is_said_in_words() -> None:
    async with listening(Hook()) as hook:
        url = hook.url
    async with PublicHttp(allow_loopback=True) as http:
        report = await check(http, url, SECRET)

    assert report.grade == "F"
    assert "refused" in report.findings[0].found


async def test_a_slow_answer_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One slow answer among quick ones, with the limit lowered so that nobody waits."""
    monkeypatch.setattr(endpoint_check, "SLOW_MS", 200)
    once = [0.3]

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(once.pop() if once else 0)
        await status(_good(request))(request, writer)

    async with listening(Hook(answer)) as hook, PublicHttp(allow_loopback=True) as http:
        report = await check(http, hook.url, SECRET)

    assert (report.grade, _mended(report)) == ("B", ["answers within two seconds"])
    assert report.slowest_ms >= 300


async def test_a_secret_that_is_none_is_refused() -> None:
    async with PublicHttp(allow_loopback=True) as http:
        for wrong in ("", "whsec_", "whsec_%%%", "c2VjcmV0"):
            with pytest.raises(InvalidInput, match="secret"):
                await check(http, "http://127.0.0.1:9/", wrong)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_samples_get_an_a(language: str, tmp_path: Path) -> None:
    """By the command, as a merchant's developer would ask."""
    if command(language, 1) is None:
        pytest.skip(f"no {language} here, so its sample receiver is not graded")
    with running(language, [SECRET], tmp_path / "inbox") as sample:
        process = await asyncio.create_subprocess_exec(
            *nonstopay("webhook", "check", sample.url, "--secret", SECRET, "--json"),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()

    report = json.loads(output)
    assert (process.returncode, report["grade"], report["points"]) == (0, "A", 100), report


async def test_a_bad_grade_is_an_exit_status() -> None:
    """So that a merchant's own CI can ask."""

    async def accept(request: Request, writer: asyncio.StreamWriter) -> None:
        await status(200)(request, writer)

    async with listening(Hook(accept)) as hook:
        process = await asyncio.create_subprocess_exec(
            *nonstopay("webhook", "check", hook.url, "--secret", SECRET),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()

    assert process.returncode == 1
    assert b"grade F, 0 of 100 points" in output
    assert SECRET.encode() not in output
