"""The card form as it comes back: typed by people, filled in by browsers, aimed by attackers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.requests import Request

from nonstopay.connectors.charge import Browser
from nonstopay.web.checkout.card_form import (
    Filled,
    browser_of,
    read_form,
    returned_fields,
    understand,
)
from nonstopay.web.checkout.card_page import Problem
from nonstopay.web.checkout.pace import Pace

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
GOOD = {"number": "4242 4242 4242 4242", "expiry": "12 / 30", "code": "123", "holder": "Asha Rao"}


def filled(**more: str) -> Filled:
    return understand({**GOOD, **more}, Browser(), AT)


def test_a_good_form_is_a_card() -> None:
    form = filled(after="16")
    assert form.card is not None
    assert form.card.number.reveal() == "4242424242424242"
    assert (form.card.expiry_month, form.card.expiry_year) == (12, 2030)
    assert form.card.code is not None
    assert form.card.code.reveal() == "123"
    assert (form.card.holder, form.after, form.problems) == ("Asha Rao", 16, {})


@pytest.mark.parametrize(
    "number", ["4242424242424242", "4242-4242-4242-4242", " 4242  42424242\t4242"]
)
def test_a_number_may_be_written_as_people_do(number: str) -> None:
    assert filled(number=number).card is not None


@pytest.mark.parametrize(
    ("expiry", "read"),
    [
        ("12/30", (12, 2030)),
        ("1/27", (1, 2027)),
        ("01 / 2027", (1, 2027)),
        ("0127", (1, 2027)),
        ("012027", (1, 2027)),
        ("11-26", (11, 2026)),
        ("12.99", (12, 2099)),
    ],
)
def test_an_expiry_may_be_written_as_people_do(expiry: str, read: tuple[int, int]) -> None:
    card = filled(expiry=expiry).card
    assert card is not None
    assert (card.expiry_month, card.expiry_year) == read


@pytest.mark.parametrize(
    ("field", "text", "problem"),
    [
        ("number", "", Problem.MISSING),
        ("number", "4242 4242 4242 4243", Problem.INVALID),
        ("number", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", Problem.INVALID),
        ("expiry", "  ", Problem.MISSING),
        ("expiry", "13 / 30", Problem.INVALID),
        ("expiry", "12 / 1930", Problem.INVALID),
        ("expiry", "127", Problem.INVALID),
        ("expiry", "10 / 26", Problem.PAST),
        ("code", "", Problem.MISSING),
        ("code", "12", Problem.INVALID),
        ("code", "1234", Problem.INVALID),
        ("holder", "", Problem.MISSING),
        ("holder", "x" * 101, Problem.INVALID),
        ("holder", "Asha\x1b[31m", Problem.INVALID),
    ],
)
def test_what_is_wrong_is_told_of_its_field_alone(field: str, text: str, problem: Problem) -> None:
    form = filled(**{field: text})
    assert form.card is None
    assert form.problems == {field: problem}


def test_american_express_has_four_digits_on_its_front() -> None:
    assert filled(number="378282246310005", code="1234").card is not None
    assert filled(number="378282246310005", code="123").problems == {"code": Problem.INVALID}


def test_a_card_is_good_to_the_end_of_its_month_wherever_that_ends_last() -> None:
    ends = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(hours=12)
    form = {**GOOD, "expiry": "11/26"}
    assert understand(form, Browser(), ends - timedelta(seconds=1)).card is not None
    assert understand(form, Browser(), ends).problems == {"expiry": Problem.PAST}


@pytest.mark.parametrize("field", ["expiry", "holder", "code", "after"])
def test_a_number_typed_into_the_wrong_field_is_not_shown_again(field: str) -> None:
    form = filled(**{field: "5555 5555 5555 4444"})
    assert "5555" not in f"{form.expiry} {form.holder} {form.after} {form!r}"
    assert form.card is None or field == "after"


def test_no_part_of_a_form_prints_what_is_secret() -> None:
    shown = repr(filled())
    assert "4242424242424242" not in shown.replace(" ", "")
    assert "123" not in shown
    assert "Asha" not in repr(filled().card)


async def request_with(body: bytes, **headers: str) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {"type": "http", "method": "POST", "headers": raw, "query_string": b"token=t&cres=a"},
        receive,
    )


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"number=1&number=2", b"a" * 70_000, b"{}"])
async def test_a_body_that_is_no_form_is_an_empty_form(body: bytes) -> None:
    form = await read_form(await request_with(body), "203.0.113.9", AT)
    assert set(form.problems.values()) == {Problem.MISSING}
    assert len(form.problems) == 4


async def test_the_browser_is_known_by_its_headers_and_better_by_our_script() -> None:
    request = await request_with(b"", accept_language="en-IN,en;q=0.9", user_agent="Firefox")
    plain = browser_of(request, "", "203.0.113.9")
    assert (plain.language, plain.java_script, plain.user_agent) == ("en-IN", False, "Firefox")
    anybody = await request_with(b"", accept_language="*")
    assert browser_of(anybody, "", "203.0.113.9").language == "en"
    told = browser_of(request, "fr-CA|390x844|30|-330", "203.0.113.9")
    assert (told.language, told.java_script, told.ip) == ("fr-CA", True, "203.0.113.9")
    assert (told.screen_width, told.screen_height, told.colour_depth) == (390, 844, 30)
    assert told.time_zone_minutes == -330
    assert browser_of(request, "fr|9x9|9|9|<script>", "") == browser_of(request, "", "")


async def test_what_the_bank_sends_back_comes_by_address_or_by_form_without_our_token() -> None:
    request = await request_with(b"PaRes=xyz&token=other")
    assert await returned_fields(request) == {"cres": "a", "PaRes": "xyz"}


def test_an_address_may_send_so_many_forms_in_a_while() -> None:
    pace = Pace(2, timedelta(minutes=1))
    seconds = [0, 10, 20, 59, 60, 61, 70]
    admitted = [pace.admits("203.0.113.9", AT + timedelta(seconds=at)) for at in seconds]
    assert admitted == [True, True, False, False, True, False, True]
    assert pace.admits("203.0.113.10", AT)
