"""Exact money: whole numbers of minor units with a currency. No float comes near.

A currency knows its exponent, the number of decimals of its minor unit: ISO 4217 for fiat (JPY 0,
USD 2, KWD 3), the token's own for coins (USDC 6, ether 18). Multiplying names its rounding; sharing
out is by largest remainder, so that the parts always add up to the whole.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cache

from iso4217 import Currency as Iso4217

from nonstopay.errors import InvalidAmount, LawBroken

INTEGER_DIGITS_MAX = 12


@dataclass(frozen=True, slots=True)
class Currency:
    """What money is counted in: a code and the decimals of its smallest unit."""

    code: str
    exponent: int

    def __str__(self) -> str:
        return self.code


@cache
def fiat(code: str) -> Currency:
    """The ISO 4217 currency with this code, in capitals.

    Raises:
        KeyError: no such currency, or one without a minor unit (gold, SDR).
    """
    try:
        entry = Iso4217(code)
    except ValueError:
        raise KeyError(code) from None
    if entry.exponent is None or entry.code != code:
        raise KeyError(code)
    return Currency(code, entry.exponent)


@cache
def coin(code: str, exponent: int) -> Currency:
    """A crypto currency: its ticker and the decimals of its smallest unit (0 to 18)."""
    if not 0 <= exponent <= 18:
        raise LawBroken(f"{code} with {exponent} decimals")
    return Currency(code, exponent)


def currency_of(code: str, exponent: int | None = None) -> Currency:
    """The currency that a row names: with decimals of its own a coin, else one of ISO 4217."""
    return fiat(code) if exponent is None else coin(code, exponent)


def own_exponent(currency: Currency) -> int | None:
    """What a row must keep beside the code to name the currency again; nothing for one of ISO 4217."""
    try:
        return None if fiat(currency.code) == currency else currency.exponent
    except KeyError:
        return currency.exponent


class Rounding(Enum):
    """How a division ends when it does not come out even."""

    HALF_UP = "half up"
    HALF_EVEN = "half even"
    DOWN = "toward zero"
    UP = "away from zero"


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units of `currency`; may be negative. Arithmetic refuses to mix currencies."""

    minor: int
    currency: Currency

    def __add__(self, other: "Money") -> "Money":
        self._require_same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._require_same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._require_same_currency(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._require_same_currency(other)
        return self.minor <= other.minor

    def __str__(self) -> str:
        return f"{self.text()} {self.currency}"

    def text(self) -> str:
        """The plain decimal number with all decimals of the currency: `15.04`, `42.00`, `500`."""
        return plain(self.minor, self.currency.exponent)

    def short_text(self) -> str:
        """As `text`, trailing zeros of the fraction cut: `15.04`, `42`, `0.5`."""
        return shorten(self.text())

    def decimal(self) -> Decimal:
        """The number in whole units, exactly."""
        return Decimal(self.text())

    def times(self, factor: Fraction, rounding: Rounding) -> "Money":
        """This money multiplied by an exact factor, rounded to the minor unit as named."""
        return Money(
            divide(self.minor * factor.numerator, factor.denominator, rounding), self.currency
        )

    def convert(self, rate: Fraction, into: Currency, rounding: Rounding) -> "Money":
        """This money in another currency; `rate` is units of `into` for one unit of ours."""
        scaled = rate * Fraction(10**into.exponent, 10**self.currency.exponent)
        return Money(divide(self.minor * scaled.numerator, scaled.denominator, rounding), into)

    def allocate(self, weights: Sequence[int]) -> list["Money"]:
        """Share this money out in proportion to `weights`, by largest remainder.

        The parts add up to the whole, always; ties go to the earlier part.
        """
        return [Money(part, self.currency) for part in allocate(self.minor, weights)]

    def _require_same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise LawBroken(f"{self.currency} and {other.currency} do not mix")


def parse(text: str, currency: Currency) -> Money:
    """Read a caller's amount: ASCII digits, at most one point, no sign, space or leading zero, > 0.

    Raises:
        InvalidAmount: any other form, more decimals than the currency has, zero, over 12 digits.
    """
    if not _pattern(currency.exponent).fullmatch(text):
        raise InvalidAmount
    whole, _, fraction = text.partition(".")
    minor = int(whole + fraction.ljust(currency.exponent, "0"))
    if minor == 0:
        raise InvalidAmount
    return Money(minor, currency)


def plain(minor: int, exponent: int) -> str:
    """A number of minor units as a plain decimal: `plain(1504, 2)` is `15.04`."""
    sign = "-" if minor < 0 else ""
    digits = str(abs(minor)).zfill(exponent + 1)
    return sign + (f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits)


def shorten(text: str) -> str:
    """Cut the trailing zeros of a plain decimal's fraction: `15.00` → `15`."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Share `total` out in proportion to `weights` by largest remainder (Hamilton's method)."""
    if not weights or any(weight < 0 for weight in weights) or sum(weights) == 0:
        raise LawBroken("allocation needs weights that are not negative and not all zero")
    sign, amount, whole = (-1 if total < 0 else 1), abs(total), sum(weights)
    parts = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % whole), i))
    for index in by_remainder[: amount - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]


def divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Integer division of exact numbers with a named rounding; `denominator` > 0."""
    sign, size = (-1 if numerator < 0 else 1), abs(numerator)
    quotient, rest = divmod(size, denominator)
    match rounding:
        case Rounding.DOWN:
            up = False
        case Rounding.UP:
            up = rest > 0
        case Rounding.HALF_UP:
            up = 2 * rest >= denominator
        case Rounding.HALF_EVEN:
            up = 2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1)
    return sign * (quotient + up)


@cache
def _pattern(exponent: int) -> re.Pattern[str]:
    fraction = rf"(\.[0-9]{{1,{exponent}}})?" if exponent else ""
    return re.compile(rf"(0|[1-9][0-9]{{0,{INTEGER_DIGITS_MAX - 1}}}){fraction}", re.ASCII)
