"""A card that comes server to server: every field is asked for, and read with care."""

from datetime import timedelta
from typing import Any

import pytest
from babel import Locale

from nonstopay import clock
from nonstopay.web.api.card_fields import has_card, read_card
from nonstopay.web.api.countries import COUNTRIES
from nonstopay.web.api.errors import ContractError
from nonstopay.web.api.parameters import NumberText

IN_ORDER = (
    *("name", "address1", "address2", "city", "country", "postcode", "date_of_birth"),
    *("card_number", "card_expiry_date", "card_ccv", "customer_ip", "phone"),
)
MAY_BE_EMPTY = {"address2"}
GOOD: dict[str, Any] = {
    "name": "Asha Rao",
    "address1": "1 MG Road",
    "address2": "",
    "city": "Pune",
    "country": "IN",
    "postcode": NumberText("411001"),
    "date_of_birth": "1990-02-28",
    "card_number": "4242424242424242",
    "card_expiry_date": "12/2039",
    "card_ccv": "123",
    "customer_ip": "203.0.113.9",
    "phone": "+91 98200 12345",
    "state": "MH",
}


def refusal(parameters: dict[str, Any]) -> tuple[int, str]:
    with pytest.raises(ContractError) as refused:
        read_card(parameters, "asha@example.com")
    return refused.value.number, refused.value.message


def test_the_card_and_its_holder_are_read() -> None:
    attempt = read_card(GOOD, "asha@example.com")
    assert attempt.direct
    assert attempt.card.number.reveal() == "4242424242424242"
    assert (attempt.card.expiry_month, attempt.card.expiry_year) == (12, 2039)
    assert attempt.card.holder == attempt.payer.name == "Asha Rao"
    assert (attempt.payer.postcode, attempt.payer.date_of_birth) == ("411001", "1990-02-28")
    assert (attempt.payer.state, attempt.browser.ip) == ("MH", "203.0.113.9")


@pytest.mark.parametrize("absent", ["", None])
def test_what_is_missing_is_named_in_the_documents_order(absent: str | None) -> None:
    expected = [name for name in IN_ORDER if absent is None or name not in MAY_BE_EMPTY]
    sent: dict[str, Any] = {} if absent is None else dict.fromkeys(IN_ORDER, absent)
    for name in expected:
        assert refusal(sent) == (50015, f"{name} required")
        sent[name] = "of no form"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", ["x" * 201, "Asha\x00", ["Asha"], True]),
        ("country", ["India", "in", "ZZ", "UK", "XK", "EU", NumberText("91")]),
        (
            "date_of_birth",
            ["28.02.1990", "1990-02-30", "1990-2-3", "19900228", "1850-01-01", "2999-01-01"],
        ),
        ("card_number", ["4242424242424243", "4242", "x", "4242 4242  4242 4242", True, {}]),
        ("card_expiry_date", ["12/30", "13/2039", "00/2039", "1/2039", "2039-12", "12/2020"]),
        ("card_ccv", ["12", "1234", "abc", "١٢٣", NumberText("1.0")]),
        ("customer_ip", ["localhost", "fe80::1%eth0", "203.0.113.256"]),
        ("phone", ["call me", "1", "+", "9" * 16, "+91 98200 12345 ext 9"]),
    ],
)
def test_what_has_a_wrong_form_is_named_and_not_repeated(field: str, values: list[Any]) -> None:
    for value in values:
        assert refusal({**GOOD, field: value}) == (50014, f"invalid {field}"), value


@pytest.mark.parametrize(
    "change",
    [
        {"card_number": NumberText("4242424242424242"), "card_ccv": NumberText("123")},
        {"card_number": "4242 4242 4242 4242"},
        {"card_number": "378282246310005", "card_ccv": "1234"},
        {"phone": NumberText("919820012345")},
        {"phone": "(022) 2345-6789"},
        {"address2": "Flat 7", "state": None},
        {"customer_ip": "2001:db8::7"},
    ],
)
def test_these_forms_are_fine(change: dict[str, Any]) -> None:
    read_card({**GOOD, **change}, "asha@example.com")


def test_a_card_ends_with_its_month_and_a_life_with_its_day() -> None:
    now = clock.now()
    read_card({**GOOD, "card_expiry_date": f"{now:%m/%Y}"}, "a@example.com")
    tomorrow = (now + timedelta(days=1)).date().isoformat()
    assert refusal({**GOOD, "date_of_birth": tomorrow})[0] == 50014
    read_card({**GOOD, "date_of_birth": f"{now.year - 100}-01-01"}, "a@example.com")


def test_anything_of_a_card_means_server_to_server() -> None:
    for field in ("card_number", "card_expiry_date", "card_ccv"):
        assert has_card({field: "x"})
        assert not has_card({field: ""})
    assert not has_card({"name": "Asha Rao", "customer_ip": "203.0.113.9"})


def test_the_countries_are_those_that_other_people_know() -> None:
    """CLDR lists them too, among others that are reserved, for private use or groups."""
    groups_and_the_like = {"CQ", "EU", "EZ", "QO", "UN", "XA", "XB", "XK", "ZZ"}
    others = groups_and_the_like | {"AC", "CP", "DG", "EA", "IC", "TA"}
    known = {str(code) for code in Locale("en").territories}
    letters = {code for code in known if len(code) == 2 and code.isalpha()}
    assert letters - others == COUNTRIES
