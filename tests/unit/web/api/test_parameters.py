"""Parameters: one strict reading of what comes in JSON, a form or the query."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.web.api import parameters
from nonstopay.web.api.errors import ContractError
from nonstopay.web.api.parameters import (
    NumberText,
    callback_text,
    comparable,
    plain_text,
    read_json,
    read_multipart,
    read_query,
    read_value,
)

NAMES = st.text(st.characters(codec="utf-8"), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def test_numbers_keep_their_text() -> None:
    read = read_json(b'{"a":1.10,"b":[1e2,-0],"c":"1"}')
    assert read == {"a": "1.10", "b": ["1e2", "-0"], "c": "1"}
    assert isinstance(read["a"], NumberText)
    assert not isinstance(read["c"], NumberText)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_what_is_json_is_read_as_what_it_says(value: dict[str, Any]) -> None:
    written = json.dumps(value, ensure_ascii=False).encode()
    assert numbers_read(read_json(written)) == value


@given(
    st.binary(max_size=60) | NAMES.map(str.encode) | VALUES.map(lambda v: json.dumps(v).encode())
)
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    for read in (read_json, read_query, read_value):
        assert refusal_of(read, body) in (None, 400)


@given(st.text("0123456789eE+-.", min_size=1, max_size=30))
def test_whatever_number_comes_is_read_compared_or_refused(text: str) -> None:
    try:
        read = read_value(text.encode())
    except ContractError:
        return
    assert read == text
    assert comparable(read)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1", "1.0", True),
        ("100", "1e2", True),
        ("0.1", "1E-1", True),
        ("1", "1.0000000000000000000000000000000001", False),
        ("123456789012345678901234567890", "123456789012345678901234567891", False),
        ("[1,2]", "[2,1]", False),
        ('{"a":1,"b":2}', '{"b":2.0,"a":1}', True),
        ("1", '"1"', False),
        ("null", "false", False),
        ('"\\u0061"', '"a"', True),
    ],
)
def test_idempotency_compares_by_value(one: str, other: str, same: bool) -> None:
    first, second = (comparable(read_value(text.encode())) for text in (one, other))
    assert (json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)) is same


@pytest.mark.parametrize("text", ["1e-1000000", "1" * 300, "0." + "1" * 60_000, "-1.5e-308"])
def test_a_number_that_a_double_cannot_tell_apart_is_still_exact(text: str) -> None:
    compared = comparable(read_value(text.encode()))
    assert isinstance(compared, list)
    assert compared[0] == "number"
    assert Decimal(compared[1]) == Decimal(text)


def test_nothing_is_as_good_as_not_given_and_everything_else_is_given() -> None:
    values: list[Any] = ["x", False, 0, [], {}, NumberText("0")]
    for value in values:
        assert parameters.given({"a": value}, "a", "default") is value
    for nothing in ({}, {"a": None}, {"a": ""}):
        assert parameters.given(nothing, "a") is None
        assert parameters.given(nothing, "a", "default") == "default"


def test_plain_text_is_a_text_or_a_number_and_nothing_that_looks_like_one() -> None:
    assert plain_text(NumberText("1.10")) == "1.10"
    assert plain_text("x") == "x"
    others: list[object] = [None, True, 1, 1.5, [], {}, b"x"]
    assert [plain_text(other) for other in others] == [None] * 7


@pytest.mark.parametrize("name", ["callbackJson", "callback\\u004ason"])
def test_the_callback_is_cut_out_to_the_letter(name: str) -> None:
    body = f'{{"a":[1],"{name}" : {{"n": 1.10 }} ,"z":0}}'.encode()
    assert "callbackJson" in read_json(body)
    assert callback_text(body) == '{"n": 1.10 }'


@given(value=VALUES, indent=st.none() | st.integers(0, 3), ascii_only=st.booleans())
def test_whatever_the_callback_is_it_is_cut_out_whole(
    value: Any, indent: int | None, ascii_only: bool
) -> None:
    letter = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert callback_text(f'{{"x":{{}},"callbackJson":{letter}}}'.encode()) == letter


def test_brackets_in_texts_are_not_depth() -> None:
    assert read_json(json.dumps({"a": "[{" * 100 + '\\"[' * 50}).encode())


def test_a_query_keeps_blanks_and_reads_utf_8() -> None:
    assert read_query("a=&b=%C3%A9+1&c=é".encode()) == {"a": "", "b": "é 1", "c": "é"}


@given(st.binary(max_size=200))
def test_whatever_form_comes_is_read_or_refused(middle: bytes) -> None:
    head = {b"content-type": b"multipart/form-data; boundary=b"}
    body = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + middle
    assert refusal_of(lambda body: asyncio.run(read_multipart(head, body)), body) in (None, 400)


def refusal_of(read: Callable[[bytes], object], body: bytes) -> int | None:
    """The status under which a body is refused; `None` if it is read."""
    try:
        read(body)
    except ContractError as error:
        return error.status
    return None


def numbers_read(value: object) -> object:
    """Python's own numbers again."""
    if isinstance(value, NumberText):
        return int(value)
    if isinstance(value, dict):
        return {name: numbers_read(member) for name, member in value.items()}
    if isinstance(value, list):
        return [numbers_read(member) for member in value]
    return value
