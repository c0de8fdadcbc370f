"""The movements: facts in, lines out, and every currency balanced by itself."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.errors import LawBroken
from nonstopay.ledger import chart
from nonstopay.ledger.movements import (
    CAPTURE,
    CAPTURE_TO_RETURN,
    MOVEMENTS,
    REFUND_TO_PAYER,
    Facts,
    lines,
)
from nonstopay.money import Money
from tests.unit.ledger.payments import NOON, USD, dollars, rupees

PAID = Facts(
    merchant_id=7,
    key="payment:12/capture",
    about="payment:12",
    at=NOON,
    connector="upi",
    charged=rupees(120_000),
    credited=dollars(1500),
    fee=dollars(45),
)


def as_text(movement: str, facts: Facts) -> list[str]:
    return [f"{t.line} {t.debit} < {t.credit} {t.amount}" for t in lines(movement, facts)]


def test_a_payment_in_rupees_of_an_invoice_in_dollars() -> None:
    assert as_text(CAPTURE, PAID) == [
        "1 provider:upi < exchange 1200.00 INR",
        "2 exchange < merchant 15.00 USD",
        "3 merchant < platform:fees 0.45 USD",
    ]


def test_in_one_currency_the_exchange_is_passed_by() -> None:
    assert as_text(CAPTURE, replace(PAID, charged=dollars(1500))) == [
        "1 provider:upi < merchant 15.00 USD",
        "2 merchant < platform:fees 0.45 USD",
    ]


def test_a_fee_of_nothing_makes_no_line() -> None:
    assert as_text(CAPTURE, replace(PAID, fee=dollars(0))) == [
        "1 provider:upi < exchange 1200.00 INR",
        "2 exchange < merchant 15.00 USD",
    ]


def test_money_that_must_go_back_is_held_for_the_payer() -> None:
    late = replace(PAID, credited=None, fee=None)

    assert as_text(CAPTURE_TO_RETURN, late) == ["1 provider:upi < payer 1200.00 INR"]
    assert as_text(REFUND_TO_PAYER, late) == ["1 payer < provider:upi 1200.00 INR"]


def test_a_line_carries_the_facts() -> None:
    line = lines(CAPTURE, PAID)[1]

    assert (line.merchant_id, line.key, line.line) == (7, "payment:12/capture", 2)
    assert (line.movement, line.about, line.at) == (CAPTURE, "payment:12", NOON)


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        (replace(PAID, credited=None), "the sum credited is missing"),
        (replace(PAID, fee=None), "the sum fee is missing"),
        (replace(PAID, fee=rupees(45)), "a fee in INR of 15.00 USD"),
        (replace(PAID, charged=dollars(1501)), "debits 15.01 USD but credits 15.00 USD"),
        (replace(PAID, charged=rupees(-1)), "a transfer of -0.01 INR"),
        (replace(PAID, fee=dollars(-1)), "a transfer of -0.01 USD"),
        (replace(PAID, at=NOON.replace(tzinfo=None)), "without a time zone"),
    ],
)
def test_facts_that_make_no_sense_are_refused(facts: Facts, complaint: str) -> None:
    with pytest.raises(LawBroken, match=complaint):
        lines(CAPTURE, facts)


def test_there_are_no_other_movements() -> None:
    with pytest.raises(LawBroken, match="there is no movement steal"):
        lines("steal", PAID)


@given(
    st.sampled_from([movement.name for movement in MOVEMENTS]),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.integers(0, 10**6),
    st.booleans(),
)
def test_whatever_moves_is_positive_within_the_chart_and_numbered(
    movement: str, charged: int, credited: int, fee: int, one_currency: bool
) -> None:
    charge = dollars(credited) if one_currency else rupees(charged)
    made = lines(
        movement, replace(PAID, charged=charge, credited=dollars(credited), fee=dollars(fee))
    )

    assert [line.line for line in made] == list(range(1, len(made) + 1))
    for line in made:
        assert line.amount.minor > 0
        assert chart.find(line.debit) != chart.find(line.credit)


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.integers(0, 10**6))
def test_a_capture_gives_the_merchant_the_credit_less_the_fee(
    charged: int, credited: int, fee: int
) -> None:
    facts = replace(PAID, charged=rupees(charged), credited=dollars(credited), fee=dollars(fee))
    held: dict[tuple[str, str], int] = {}
    for line in lines(CAPTURE, facts):
        code = line.amount.currency.code
        held[line.debit, code] = held.get((line.debit, code), 0) + line.amount.minor
        held[line.credit, code] = held.get((line.credit, code), 0) - line.amount.minor

    assert held["provider:upi", "INR"] == charged
    assert Money(-held["merchant", "USD"], USD) == dollars(credited - fee)
    assert held["exchange", "INR"] == -charged
    assert held["exchange", "USD"] == credited
