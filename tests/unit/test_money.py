"""Money stays exact: what is read is what is written, and the parts add up to the whole."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from iso4217 import Currency as Iso4217

from nonstopay.errors import InvalidAmount, LawBroken
from nonstopay.money import Currency, Money, Rounding, allocate, coin, divide, fiat, parse

FIATS = [fiat(entry.code) for entry in Iso4217 if entry.exponent is not None]
COINS = [coin("USDC", 6), coin("BTC", 8), coin("USDC", 18), coin("ETH", 18)]
USD, INR, JPY, KWD = fiat("USD"), fiat("INR"), fiat("JPY"), fiat("KWD")

currencies = st.sampled_from(FIATS + COINS)
amounts = st.integers(min_value=-(10**30), max_value=10**30)
roundings = st.sampled_from(Rounding)


@st.composite
def payable(draw: st.DrawFn) -> Money:
    """An amount a caller may name: above zero, at most 12 digits before the point."""
    currency = draw(currencies)
    return Money(draw(st.integers(1, 10 ** (12 + currency.exponent) - 1)), currency)


@given(payable())
def test_an_amount_survives_being_written_and_read(money: Money) -> None:
    assert parse(money.text(), money.currency) == money
    assert parse(money.short_text(), money.currency) == money


@given(amounts, currencies)
def test_the_text_is_the_decimal_number(minor: int, currency: Currency) -> None:
    money = Money(minor, currency)

    assert Fraction(money.text()) == Fraction(minor, 10**currency.exponent)
    assert Fraction(money.decimal()) == Fraction(minor, 10**currency.exponent)
    assert len(money.text().partition(".")[2]) == currency.exponent


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("15.04", USD, 1504),
        ("15.4", USD, 1540),
        ("15", USD, 1500),
        ("0.01", USD, 1),
        ("500", JPY, 500),
        ("1.005", KWD, 1005),
        ("999999999999.99", USD, 99_999_999_999_999),
        ("0.000000000000000001", coin("ETH", 18), 1),
    ],
)
def test_amounts_read_as_people_mean_them(text: str, currency: Currency, minor: int) -> None:
    assert parse(text, currency) == Money(minor, currency)


# What Decimal(), int() and float() would have let through, and other things people try.
NASTY = """
    NaN|sNaN|nan|Infinity|-Infinity|inf|1e3|1E+3|1e-2|1e309|1E+999999|0x10|0b1|1_000|1,000|1.000,00
    -1|+5|-0|.5|1.|1..2|1.2.3|00|01|007.5|0|0.0|0.00|1.005|1.999|1000000000000|9999999999999.99
    $5|5$|5 USD|1/2|True|None|null|½|²|１２|１.５|١٢٣|१२|५|1٫5|1٬000|−1|1﹒5|１|1\u200b|10%
"""


@pytest.mark.parametrize(
    "text",
    [
        *(word.strip() for row in NASTY.split("\n") for word in row.split("|") if word.strip()),
        *(
            "",
            " ",
            " 1",
            "1 ",
            "1\n",
            "\n1",
            "\t1",
            "1\x00",
            "\x001",
            "1 0",
            "\xa01",
            "\u20281",
            "1\r\n",
        ),
    ],
    ids=ascii,
)
def test_what_is_not_a_plain_positive_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse(text, USD)


@given(st.text(max_size=20), currencies)
@example("1\n", USD)
def test_whatever_text_is_read_is_ascii_digits_and_one_point(text: str, currency: Currency) -> None:
    try:
        money = parse(text, currency)
    except InvalidAmount:
        return

    assert text.isascii()
    assert text.replace(".", "", 1).isdecimal()
    assert Decimal(text) == money.decimal()
    assert money.minor > 0


@given(payable(), st.integers(1, 6))
def test_more_decimals_than_the_currency_has_are_refused(money: Money, extra: int) -> None:
    point = "" if money.currency.exponent else "."

    with pytest.raises(InvalidAmount):
        parse(money.text() + point + "0" * extra, money.currency)


@pytest.mark.parametrize("code", ["XAU", "XDR", "usd", "US", "", "ABC", "USDT", "€"])
def test_what_is_no_spendable_iso_currency_is_unknown(code: str) -> None:
    with pytest.raises(KeyError):
        fiat(code)


def test_currencies_know_their_minor_units() -> None:
    exponents = {code: fiat(code).exponent for code in ("JPY", "USD", "INR", "KWD", "CLF")}

    assert exponents == {"JPY": 0, "USD": 2, "INR": 2, "KWD": 3, "CLF": 4}


@pytest.mark.parametrize("exponent", [-1, 19])
def test_a_coin_has_no_absurd_decimals(exponent: int) -> None:
    with pytest.raises(LawBroken):
        coin("ODD", exponent)


@given(amounts, amounts, currencies)
def test_sums_and_differences_undo_each_other(one: int, other: int, currency: Currency) -> None:
    a, b = Money(one, currency), Money(other, currency)

    assert (a + b) - b == a
    assert a - b == a + -b
    assert (a < b) == (one < other)
    assert (a <= b) == (one <= other)


def test_currencies_never_mix() -> None:
    dollars, rupees = Money(100, USD), Money(100, INR)

    for mix in (
        lambda: dollars + rupees,
        lambda: dollars - rupees,
        lambda: dollars < rupees,
        lambda: dollars <= rupees,
        lambda: Money(1, coin("USDC", 6)) + Money(1, coin("USDC", 18)),
    ):
        with pytest.raises(LawBroken):
            mix()
    assert dollars != rupees


@given(amounts, st.lists(st.integers(0, 10**20), min_size=1, max_size=12).filter(any))
def test_shares_add_up_and_each_is_within_one_unit_of_fair(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)

    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
        assert part == 0 or (part < 0) == (total < 0)


@given(amounts, st.lists(st.integers(0, 99), min_size=2, max_size=8).filter(any))
def test_the_larger_remainder_gets_the_odd_unit(total: int, weights: list[int]) -> None:
    size, whole = abs(total), sum(weights)
    parts = [abs(part) for part in allocate(total, weights)]
    rounded_up = [part - size * w // whole for part, w in zip(parts, weights, strict=True)]
    remainders = [size * weight % whole for weight in weights]

    given_to = [r for r, up in zip(remainders, rounded_up, strict=True) if up]
    kept_from = [r for r, up in zip(remainders, rounded_up, strict=True) if not up]
    assert min(given_to, default=whole) >= max(kept_from, default=0)


def test_ties_go_to_the_earlier_part() -> None:
    assert [part.text() for part in Money(100, USD).allocate([1, 1, 1])] == ["0.34", "0.33", "0.33"]
    assert allocate(-1, [1, 1]) == [-1, 0]
    assert allocate(5, [0, 1, 0]) == [0, 5, 0]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [-1]])
def test_senseless_weights_are_refused(weights: list[int]) -> None:
    with pytest.raises(LawBroken):
        allocate(100, weights)


@given(amounts, st.integers(1, 10**20), roundings)
def test_rounding_is_off_by_less_than_one_and_as_named(
    numerator: int, denominator: int, rounding: Rounding
) -> None:
    exact, rounded = Fraction(numerator, denominator), divide(numerator, denominator, rounding)

    match rounding:
        case Rounding.DOWN:
            assert abs(rounded) <= abs(exact) < abs(rounded) + 1
        case Rounding.UP:
            assert abs(rounded) - 1 < abs(exact) <= abs(rounded)
        case Rounding.HALF_UP | Rounding.HALF_EVEN:
            assert abs(rounded - exact) <= Fraction(1, 2)
    assert divide(-numerator, denominator, rounding) == -rounded


@pytest.mark.parametrize(
    ("rounding", "of_halves"),
    [
        # of:                 -1.5  -0.5  0.5  1.5  2.5
        (Rounding.HALF_UP,   [-2,   -1,   1,   2,   3]),
        (Rounding.HALF_EVEN, [-2,    0,   0,   2,   2]),
        (Rounding.DOWN,      [-1,    0,   0,   1,   2]),
        (Rounding.UP,        [-2,   -1,   1,   2,   3]),
    ],
)  # fmt: skip
def test_halves_round_as_named(rounding: Rounding, of_halves: list[int]) -> None:
    assert [divide(half, 2, rounding) for half in (-3, -1, 1, 3, 5)] == of_halves


rates = st.fractions(min_value=Fraction(1, 10**12), max_value=10**12)


@given(payable(), currencies, rates, roundings)
def test_conversion_is_the_exact_product_rounded_once(
    money: Money, into: Currency, rate: Fraction, rounding: Rounding
) -> None:
    exact = Fraction(money.minor, 10**money.currency.exponent) * rate * 10**into.exponent
    converted = money.convert(rate, into, rounding)

    assert converted.currency == into
    assert converted.minor == divide(exact.numerator, exact.denominator, rounding)


def test_conversion_between_different_minor_units() -> None:
    rate = Fraction("83.4567")

    assert Money(1504, USD).convert(rate, INR, Rounding.HALF_UP).text() == "1255.19"
    assert Money(1504, USD).convert(rate, JPY, Rounding.DOWN).text() == "1255"
    assert (
        Money(1504, USD).convert(Fraction(1), coin("USDC", 18), Rounding.UP).minor == 1504 * 10**16
    )
    assert Money(1, JPY).convert(Fraction(1, 150), USD, Rounding.UP).text() == "0.01"


def test_a_percentage_names_its_rounding() -> None:
    rate = Fraction("2.9") / 100

    assert Money(1005, USD).times(rate, Rounding.DOWN).text() == "0.29"
    assert Money(1005, USD).times(rate, Rounding.UP).text() == "0.30"


def test_a_short_text_cuts_the_fraction_only() -> None:
    texts = [Money(minor, USD).short_text() for minor in (4200, 50, 1504, 1_000_000, -150)]

    assert texts == ["42", "0.5", "15.04", "10000", "-1.5"]
    assert Money(500, JPY).short_text() == "500"
    assert str(Money(1504, USD)) == "15.04 USD"
