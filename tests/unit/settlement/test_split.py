"""Splitting: whatever the fees, reserves, shares and rates, the parts are the whole."""

import os
import random
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from nonstopay.business.merchants.merchant import FeePlan
from nonstopay.business.settlement.batch import Part, Rate
from nonstopay.business.settlement.due import Due
from nonstopay.business.settlement.split import split
from nonstopay.business.settlement.terms import Terms
from nonstopay.money import Currency, Money, Rounding, coin, fiat

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
USD = fiat("USD")
USDC = coin("USDC", 6)
PAR = Rate(mid=Decimal(1), source="par", at=NOON, fx_percent=Decimal(0))
SPLITS = int(os.environ.get("NSP_SPLITS", "2000"))


def dollars(text: str) -> Money:
    return Money(int(Decimal(text) * 100), USD)


def due(gross: str, fee: str, refunded: str = "0", invoice: int = 1) -> Due:
    return Due(
        invoice_id=invoice,
        payment_id=invoice,
        gross=dollars(gross),
        fee=dollars(fee),
        refunded=dollars(refunded),
    )


def test_the_contracts_example() -> None:
    """Paid 1.00, fee 10 %: the merchant gets 0.900 and we keep 0.100."""
    fee = FeePlan(Decimal(10), Decimal(0)).fee(dollars("1.00"))
    part = split([due("1.00", fee.text())], dollars("0.90"), Terms(), PAR, USDC)

    assert part is not None
    assert (part.gross.text(), part.fee.text(), part.total.text()) == ("1.00", "0.10", "0.900000")


def test_every_deduction_is_a_sum_of_its_own() -> None:
    terms = Terms(
        reserve_percent=Decimal(10), partner="7", partner_percent=Decimal("33.3"),
    )  # fmt: skip
    rate = Rate(mid=Decimal("1.1"), source="ECB", at=NOON, fx_percent=Decimal("0.5"))

    part = split([due("10.00", "0.30"), due("5.00", "0.15", "1.00", 2)], dollars("12.00"), terms, rate, USDC)  # fmt: skip  # noqa: E501

    assert part is not None
    assert part.adjustment.text() == "-1.55"  # 12.00 is there, the invoices leave 13.55
    assert part.reserve.text() == "1.40"  # of 14.00 that was kept
    assert [line.reserve.text() for line in part.lines] == ["1.00", "0.40"]
    assert [line.share.text() for line in part.lines] == ["0.09", "0.04"]
    assert part.payable.text() == "10.60"
    assert part.converted.text() == "11.660000"
    assert (part.markup.text(), part.total.text()) == ("0.058300", "11.601700")


def test_what_is_not_there_is_not_paid() -> None:
    assert split([due("5.00", "0.15")], dollars("0.00"), Terms(), PAR, USDC) is None
    half = Terms(reserve_percent=Decimal(50))
    assert split([due("5.00", "0.15")], dollars("0.01"), half, PAR, USDC) is None


def test_without_an_invoice_what_is_left_over_is_paid() -> None:
    part = split([], dollars("2.00"), Terms(reserve_percent=Decimal(10)), PAR, USDC)

    assert part is not None
    assert (part.adjustment.text(), part.reserve.text()) == ("2.00", "0.00")
    assert part.total.text() == "2.000000"


def test_the_parts_are_the_whole() -> None:
    """NSP_SPLITS=100000 for the full count (`make splits`)."""
    chance = random.Random(20260504)
    split_up = sum(_holds(chance) for _ in range(SPLITS))

    assert split_up > SPLITS // 2


def _holds(chance: random.Random) -> bool:
    currency = fiat(chance.choice(["USD", "EUR", "JPY", "KWD", "INR"]))
    into = coin("COIN", chance.choice([2, 6, 18]))
    terms = Terms(
        reserve_percent=_percent(chance, 9999),
        partner="7",
        partner_percent=_percent(chance, 10000),
    )
    rate = Rate(
        mid=Decimal(chance.randrange(1, 10**15)).scaleb(-12),
        source="ECB",
        at=NOON,
        fx_percent=_percent(chance, 1000),
    )
    invoices = [_random_due(chance, currency, number) for number in range(chance.randrange(6))]
    available = Money(chance.randrange(-(10**6), 10**9), currency)
    part = split(invoices, available, terms, rate, into)
    if part is None:
        return False
    _must_add_up(part, available, into)
    return True


def _must_add_up(part: Part, available: Money, into: Currency) -> None:
    nothing = Money(0, available.currency)
    for column in ("gross", "fee", "refunded", "reserve", "share"):
        assert sum((getattr(line, column) for line in part.lines), nothing) == getattr(part, column)
    assert part.payable + part.reserve == available
    net = sum((line.net for line in part.lines), nothing)
    assert net + part.adjustment == part.payable
    assert part.markup + part.total == part.converted
    exact = Fraction(part.rate.mid) * part.payable.decimal().as_integer_ratio()[0]
    exact /= part.payable.decimal().as_integer_ratio()[1]
    left = exact - Fraction(part.converted.decimal())
    assert 0 <= left < Fraction(1, 10**into.exponent)
    assert all(nothing <= line.share <= line.fee for line in part.lines)
    assert nothing <= part.reserve <= available
    assert part.total.minor > 0 <= part.markup.minor


def _random_due(chance: random.Random, currency: Currency, number: int) -> Due:
    gross = Money(chance.randrange(1, 10**8), currency)
    plan = FeePlan(
        _percent(chance, 10000),
        Decimal(chance.randrange(200)).scaleb(-2),
        Decimal(chance.randrange(200)).scaleb(-2),
    )
    refunded = gross.times(Fraction(chance.choice([0, 0, 0, 1, 50, 100]), 100), Rounding.DOWN)
    return Due(
        invoice_id=number, payment_id=number, gross=gross, fee=plan.fee(gross), refunded=refunded
    )


def _percent(chance: random.Random, most: int) -> Decimal:
    return Decimal(chance.randrange(most + 1)).scaleb(-2)


@pytest.mark.parametrize(
    ("plan", "amount", "fee"),
    [
        (FeePlan(Decimal("2.9"), Decimal("0.30")), "10.00", "0.59"),
        (FeePlan(Decimal("2.9"), Decimal("0.30"), Decimal("0.75")), "10.00", "0.75"),
        (FeePlan(Decimal("2.9"), Decimal("0.30"), Decimal("0.75")), "0.50", "0.50"),
        (FeePlan(Decimal("2.9"), Decimal("0.30"), Decimal("0.75")), "100.00", "3.20"),
    ],
)
def test_a_fee_has_a_percentage_a_fixed_part_and_a_minimum(
    plan: FeePlan, amount: str, fee: str
) -> None:
    assert plan.fee(dollars(amount)).text() == fee
