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
    CHARGEBACK,
    CHARGEBACK_UNDONE,
    MOVEMENTS,
    REFUND_ASKED,
    REFUND_TO_PAYER,
    REFUND_UNDONE,
    REPAY,
    RESERVE_RELEASED,
    SETTLE,
    SETTLED,
    Facts,
    lines,
)
from nonstopay.money import Money, coin
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


def usdc(minor: int) -> Money:
    return Money(minor, coin("USDC", 6))


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


def test_what_a_balance_does_not_cover_of_a_chargeback_is_owed_and_paid_back_by_earnings() -> None:
    taken = replace(PAID, covered=dollars(400), owed=dollars(1100))

    assert as_text(CHARGEBACK, taken) == [
        "1 merchant < provider:upi 4.00 USD",
        "2 merchant:owes < provider:upi 11.00 USD",
    ]
    assert as_text(REPAY, taken) == ["1 merchant < merchant:owes 11.00 USD"]
    assert as_text(CHARGEBACK_UNDONE, taken) == [
        "1 provider:upi < merchant 4.00 USD",
        "2 provider:upi < merchant:owes 11.00 USD",
    ]


def test_a_refund_is_set_aside_and_then_given_or_undone() -> None:
    assert as_text(REFUND_ASKED, PAID) == [
        "1 merchant < exchange 15.00 USD",
        "2 exchange < payer 1200.00 INR",
    ]
    assert as_text(REFUND_UNDONE, PAID) == [
        "1 payer < exchange 1200.00 INR",
        "2 exchange < merchant 15.00 USD",
    ]


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


def test_a_batch_is_converted_at_the_mid_rate_and_our_markup_is_a_line_of_its_own() -> None:
    closed = replace(
        PAID,
        reserved=dollars(100),
        share=dollars(9),
        payable=dollars(900),
        converted=usdc(9_000_000),
        markup=usdc(45_000),
        paid_out=usdc(8_955_000),
        partner="4",
        network="polygon",
    )

    assert as_text(SETTLE, closed) == [
        "1 merchant < merchant:reserve 1.00 USD",
        "2 platform:fees < partner:4 0.09 USD",
        "3 merchant < exchange 9.00 USD",
        "4 exchange < merchant:settling 9.000000 USDC",
        "5 merchant:settling < platform:fx 0.045000 USDC",
    ]
    assert as_text(SETTLED, closed) == ["1 merchant:settling < liquidity:polygon 8.955000 USDC"]
    assert as_text(RESERVE_RELEASED, closed) == ["1 merchant:reserve < merchant 1.00 USD"]


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
        movement,
        replace(
            PAID,
            charged=charge,
            credited=dollars(credited),
            fee=dollars(fee),
            covered=dollars(fee),
            owed=dollars(credited),
            reserved=dollars(fee),
            share=dollars(fee),
            payable=dollars(credited),
            converted=usdc(charged),
            markup=usdc(fee),
            paid_out=usdc(charged),
            partner="7",
            network="polygon",
        ),
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
