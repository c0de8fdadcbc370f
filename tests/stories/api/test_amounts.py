"""An amount is a plain decimal number: nothing is guessed, rounded or let through."""

import urllib.parse

import pytest

from tests.stories.api.wire import CREATE, GOOD, HISTORY, code
from tests.stories.gateway import Gateway, Merchant

TRAPS = [
    "NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "inf", "1e3", "1E3", "1e309", "1E+999999",
    "１２", "٣", "¹", "01.00", "00", ".5", "1.", ".", "+5", "-5", "-0", "5,00", "1,000.00",
    "1_000", " 5", "5 ", "5\n", "5\x00", "0x10", "1/2", "5 USD", "$5", "1.001", "1.0000",
    "1234567890123", "9" * 400, "0", "0.0", "0.00", "true", "None",
]  # fmt: skip


@pytest.mark.parametrize("amount", TRAPS)
def test_an_amount_of_another_form_is_refused_as_text(regular: Merchant, amount: str) -> None:
    assert code(regular.create(amount=amount)) == 50013
    form = urllib.parse.urlencode({**GOOD, "amount": amount}).encode()
    answer = regular.post(CREATE, form, Content_Type="application/x-www-form-urlencoded")
    assert code(answer) == 50013


@pytest.mark.parametrize(
    "written",
    ["true", "false", "[]", "{}", "[5]", '{"value":5}', "1e3", "1E0", "5e-1", "-5", "-0", "0", "0.0",
     "1.001", "1234567890123", "1e308", "1e-400", "2.675"],
)  # fmt: skip
def test_an_amount_of_another_form_is_refused_as_json(regular: Merchant, written: str) -> None:
    body = f'{{"email":"payer@example.com","amount":{written},"devise":"USD"}}'
    assert code(regular.post(CREATE, body.encode())) == 50013


@pytest.mark.parametrize("written", ["null", '""'])
def test_no_amount_is_asked_for(regular: Merchant, written: str) -> None:
    body = f'{{"email":"payer@example.com","amount":{written},"devise":"USD"}}'
    assert code(regular.post(CREATE, body.encode())) == 50003


@pytest.mark.parametrize(
    ("written", "kept"),
    [("42", "42.00"), ("15.04", "15.04"), ('"15.04"', "15.04"), ("0.50", "0.50"), ("0.01", "0.01"),
     ("4.0", "4.00"), ("999999999999.99", "999999999999.99"), ("1.1", "1.10")],
)  # fmt: skip
def test_an_amount_is_kept_to_the_cent(regular: Merchant, written: str, kept: str) -> None:
    body = f'{{"email":"payer@example.com","amount":{written},"devise":"USD"}}'
    assert code(regular.post(CREATE, body.encode())) == 0
    record = regular.get(HISTORY, order="DESC").json()["list"][0]
    assert record["amount"] == kept


def test_the_limits_are_exact_at_their_border(gateway: Gateway) -> None:
    merchant = gateway.merchant(name="Bounded")
    gateway.command(
        "merchant", "set", str(merchant.id), "--min-amount", "5", "--max-amount", "99.99"
    )
    expected = {"4.99": 50012, "5": 0, "5.00": 0, "99.99": 0, "100": 50011, "100.00": 50011}
    assert {amount: code(merchant.create(amount=amount)) for amount in expected} == expected
