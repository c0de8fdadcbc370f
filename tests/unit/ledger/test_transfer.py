"""A line's seal covers all it says."""

import hashlib
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from nonstopay.errors import LawBroken
from nonstopay.ledger.transfer import GENESIS, Transfer, seal
from nonstopay.money import Currency
from tests.unit.ledger.payments import NOON, captured, dollars

LINE = captured(7, 12, 1500)[1]


def test_the_seal_is_what_anybody_can_compute() -> None:
    said = [
        "7", "3", "payment:12/capture", "2", "capture", "exchange", "merchant", "USD", "2", "1500",
        "payment:12", "2026-03-01T12:00:00.123456+00:00",
    ]  # fmt: skip

    assert seal(GENESIS, 3, LINE) == hashlib.sha256(bytes(32) + "\0".join(said).encode()).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"merchant_id": 8},
        {"key": "payment:13/capture"},
        {"line": 3},
        {"movement": "capture_to_return"},
        {"debit": "payer"},
        {"credit": "payer"},
        {"amount": dollars(1501)},
        {"amount": replace(LINE.amount, currency=Currency("USD", 3))},
        {"amount": replace(LINE.amount, currency=Currency("EUR", 2))},
        {"about": "payment:13"},
        {"at": NOON + timedelta(microseconds=1)},
    ],
    ids=str,
)
def test_no_word_of_a_line_can_change_unnoticed(change: dict[str, Any]) -> None:
    assert seal(GENESIS, 1, replace(LINE, **change)) != seal(GENESIS, 1, LINE)


def test_the_seal_covers_the_number_and_the_line_before() -> None:
    assert seal(GENESIS, 2, LINE) != seal(GENESIS, 1, LINE)
    assert seal(b"\x01" * 32, 1, LINE) != seal(GENESIS, 1, LINE)


def test_words_cannot_slip_from_one_field_into_the_next() -> None:
    one = replace(LINE, debit="exchange", credit="merchant")
    other = replace(LINE, debit="exchangem", credit="erchant")

    assert seal(GENESIS, 1, one) != seal(GENESIS, 1, other)


def test_an_instant_is_the_same_in_every_zone() -> None:
    in_kolkata = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert seal(GENESIS, 1, replace(LINE, at=in_kolkata)) == seal(GENESIS, 1, LINE)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": dollars(0)},
        {"amount": dollars(-1)},
        {"credit": "exchange"},
        {"at": NOON.replace(tzinfo=None)},
    ],
    ids=str,
)
def test_a_senseless_line_cannot_be_made(change: dict[str, Any]) -> None:
    with pytest.raises(LawBroken):
        replace(LINE, **change)


def test_a_line_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        setattr(LINE, "amount", dollars(1))  # noqa: B010
    assert isinstance(LINE, Transfer)
