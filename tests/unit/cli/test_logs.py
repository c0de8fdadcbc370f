"""Logs tell no secret, whatever is thrown at them: the last line of defence."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.card_number import hide_numbers
from nonstopay.cli import logs
from nonstopay.config import Settings

NUMBER = "4111111111111111"
WRITTEN = [NUMBER, "4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005"]


@contextmanager
def own_logging() -> Iterator[None]:
    """The gateway's logging, onto the standard error that a test reads."""
    root, noisy = logging.getLogger(), ("uvicorn", "uvicorn.error", "aiohttp", "asyncio")
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in noisy}
    logs.configure(Settings(log_level="debug"))
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
        structlog.reset_defaults()


@dataclass
class Careless:
    """An object that would show what it holds."""

    number: str


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize(
    "value",
    [
        "{}",
        "paid with {} today",
        ["a", {"b": ("{}",)}],
        {"{}": 1},
        b"{}",
        Careless("{}"),
        ValueError("{}"),
        {"{}"},
    ],
    ids=["text", "in a text", "list", "dict", "bytes", "object", "exception", "set"],
)
def test_a_card_number_is_hidden_wherever_it_stands(
    capsys: pytest.CaptureFixture[str], value: Any, written: str
) -> None:
    with own_logging():
        structlog.get_logger().warning("an order", what=_filled(value, written))

    text = capsys.readouterr().err
    assert "an order" in text
    assert logs.HIDDEN in text
    assert written not in text


def test_a_number_in_a_number_in_an_exception_and_in_others_logs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with own_logging():
        structlog.get_logger().warning("a number", what=int(NUMBER), deep=[{"a": int(NUMBER)}])
        try:
            raise ValueError(f"what is {NUMBER}")
        except ValueError:
            structlog.get_logger().error("it stumbled", exc_info=True)
            logging.getLogger("other").exception("their words for %s", NUMBER)

    mine, stumbled, theirs = lines(capsys)
    assert mine["what"] == logs.HIDDEN
    assert mine["deep"] == [{"a": logs.HIDDEN}]
    assert stumbled["exception"].endswith(f"ValueError: what is {logs.HIDDEN}")
    assert theirs["event"] == f"their words for {logs.HIDDEN}"
    assert NUMBER not in theirs["exception"]


def test_secrets_are_hidden_by_their_names_too(capsys: pytest.CaptureFixture[str]) -> None:
    body = {"card_ccv": "737", "cvv": 737, "name": "A. Payer"}
    with own_logging():
        structlog.get_logger().info("a body", body=body, card="x", key="job-7")

    (line,) = lines(capsys)
    assert line["body"] == {"card_ccv": logs.HIDDEN, "cvv": logs.HIDDEN, "name": "A. Payer"}
    assert (line["card"], line["key"]) == (logs.HIDDEN, "job-7")


def test_what_is_no_secret_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    said = {
        "merchant": 7,
        "ratio": 0.25,
        "fine": True,
        "nothing": None,
        "upi": "012345678901",
        "at": "2026-03-01 12:00:00.123456",
        "amounts": [100, 2_000_000],
    }
    with own_logging():
        structlog.get_logger().info("as it is", **said)

    (line,) = lines(capsys)
    assert {name: line[name] for name in said} == said


@given(st.text(), st.sampled_from(WRITTEN), st.text())
def test_no_text_around_a_number_saves_it(before: str, written: str, after: str) -> None:
    assert written not in hide_numbers(f"{before}{written}{after}")


@given(st.text("0123456789"), st.text("0123456789"))
def test_nor_do_digits_around_it(before: str, after: str) -> None:
    assert NUMBER not in hide_numbers(before + NUMBER + after)


def test_an_endless_number_takes_no_endless_time() -> None:
    assert hide_numbers("4" * 1_000_000) == "[card number]"


@pytest.mark.parametrize("text", ["", "4111", "411111111111111", "1234567890123", "a" * 5000])
def test_a_text_without_a_number_is_left_alone(text: str) -> None:
    assert hide_numbers(text) == text


def _filled(value: Any, written: str) -> Any:
    match value:
        case str():
            return value.format(written)
        case bytes():
            return written.encode()
        case list() | tuple() | set():
            return type(value)(_filled(one, written) for one in value)
        case dict():
            return {_filled(name, written): _filled(one, written) for name, one in value.items()}
        case Careless():
            return Careless(written)
        case ValueError():
            return ValueError(written)
    return value
