"""Card numbers and card codes: what they look like, whose they are, and how little of them is shown.

A `CardNumber` shows its first six and last four digits and nothing else, whoever prints, formats or
logs it; a `CardCode` shows nothing. The digits come out by `reveal()` alone, a word that one can search
for. Neither can be pickled or encoded as JSON: what must not be stored does not slip into a store.

Ranges of issuer numbers: ISO/IEC 7812 and the networks' own tables. RuPay, UnionPay and Discover share
their acceptance, so some ranges are taken by two of them; a number belongs to the one that issued it.
"""

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NoReturn

from nonstopay.errors import InvalidCard

DIGITS_MIN, DIGITS_MAX = 12, 19
HIDDEN_MIN = 4
"""PCI SSC FAQ 1091: at most the first six and the last four digits, and at least four are taken out."""

_FORM = re.compile(r"[0-9](?:[ -]?[0-9])*", re.ASCII)
_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){12,}", re.ASCII)
_SPREAD = re.compile(r"[0-9](?:[^0-9A-Za-z]{0,3}[0-9]){12,}", re.ASCII)
_SCANNED_MIN, _SCANNED_MAX = 13, 64
_IN_PHONES_MIN = 14
_CODE_FORM = re.compile(r"[0-9]{3,4}", re.ASCII)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_PREFIX_DIGITS = 6


class Brand(StrEnum):
    """The network that a card belongs to."""

    VISA = "visa"
    MASTERCARD = "mastercard"
    AMEX = "amex"
    DISCOVER = "discover"
    DINERS = "diners"
    JCB = "jcb"
    UNIONPAY = "unionpay"
    RUPAY = "rupay"
    MAESTRO = "maestro"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a network's cards look.

    Attributes:
        lengths: digits that a number may have.
        code_lengths: digits of the code that is printed on the card.
        groups: how the digits are set apart; what is longer ends in a group of its own.
    """

    lengths: frozenset[int]
    code_lengths: frozenset[int] = frozenset({3})
    groups: tuple[int, ...] = (4, 4, 4, 4)


_LONG = frozenset(range(16, DIGITS_MAX + 1))
SCHEMES = {
    Brand.VISA: Scheme(frozenset({13, 16, 19})),
    Brand.MASTERCARD: Scheme(frozenset({16})),
    Brand.AMEX: Scheme(frozenset({15}), frozenset({4}), (4, 6, 5)),
    Brand.DISCOVER: Scheme(_LONG),
    Brand.DINERS: Scheme(frozenset(range(14, DIGITS_MAX + 1)), groups=(4, 6, 4)),
    Brand.JCB: Scheme(_LONG),
    Brand.UNIONPAY: Scheme(_LONG),
    Brand.RUPAY: Scheme(frozenset({16})),
    Brand.MAESTRO: Scheme(frozenset(range(DIGITS_MIN, DIGITS_MAX + 1))),
    Brand.UNKNOWN: Scheme(frozenset(range(DIGITS_MIN, DIGITS_MAX + 1)), frozenset({3, 4})),
}

# First and last prefix of each range. Of two that hold a number the narrower one counts.
_RANGES = {
    Brand.VISA: ("4",),
    Brand.MASTERCARD: ("51-55", "2221-2720"),
    Brand.AMEX: ("34", "37"),
    Brand.DISCOVER: ("6011", "644-649", "65"),
    Brand.DINERS: ("300-305", "3095", "36", "38-39"),
    Brand.JCB: ("3528-3589",),
    Brand.UNIONPAY: ("62", "810-816", "8170-8171"),
    Brand.RUPAY: (
        *("508500-508999", "606985-607984", "608001-608500", "652150-653149"),
        *("8172-8199", "8200-8201"),
    ),
    Brand.MAESTRO: ("50", "56-58", "6304", "67"),
}


class _Unwritable:
    """What stays in memory: no pickle of it, and no JSON, for it is no type that encoders know."""

    __slots__ = ("_digits",)

    def __init__(self, digits: str) -> None:
        object.__setattr__(self, "_digits", digits)

    def reveal(self) -> str:
        """The digits themselves. For connectors, and for the vault that seals them."""
        digits: str = object.__getattribute__(self, "_digits")
        return digits

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self.reveal(), other.reveal())

    def __hash__(self) -> int:
        return hash((type(self), self.reveal()))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def __format__(self, form: str) -> str:
        return format(str(self), form)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} does not change")

    def __copy__(self) -> "_Unwritable":
        return self

    def __deepcopy__(self, memo: object) -> "_Unwritable":
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not to be written down")


class CardNumber(_Unwritable):
    """The number of a card, well formed. Made by `parse_number`; printed, it is `411111…1111`."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.first6}…{self.last4}"

    def __len__(self) -> int:
        return len(self.reveal())

    @property
    def first6(self) -> str:
        """The first six digits; fewer of a number so short that under four would stay hidden."""
        digits = self.reveal()
        return digits[: min(6, len(digits) - 4 - HIDDEN_MIN)]

    @property
    def last4(self) -> str:
        return self.reveal()[-4:]

    @property
    def brand(self) -> Brand:
        return brand_of(self)


class CardCode(_Unwritable):
    """The code printed on a card (CVC, CVV, CID): in memory alone, for one authorisation."""

    __slots__ = ()

    def __str__(self) -> str:
        return "…"


def parse_number(text: str) -> CardNumber:
    """Read a card number: ASCII digits, single spaces or dashes between them.

    Raises:
        InvalidCard: another form, a length that its network does not issue, a wrong check digit.
            What was read is not in the message.
    """
    digits = text.replace(" ", "").replace("-", "") if _FORM.fullmatch(text) else ""
    if not DIGITS_MIN <= len(digits) <= DIGITS_MAX or not is_luhn_valid(digits):
        raise InvalidCard("card_number")
    if len(digits) not in SCHEMES[brand_of(digits)].lengths:
        raise InvalidCard("card_number")
    return CardNumber(digits)


def parse_code(text: str, brand: Brand = Brand.UNKNOWN) -> CardCode:
    """Read a card code as long as the network's codes are.

    Raises:
        InvalidCard: another form or length. What was read is not in the message.
    """
    if not _CODE_FORM.fullmatch(text) or len(text) not in SCHEMES[brand].code_lengths:
        raise InvalidCard("card_code")
    return CardCode(text)


def brand_of(number: CardNumber | str) -> Brand:
    """The network of a card number, or of its first digits: six suffice, fewer may be `UNKNOWN`."""
    digits = number.reveal() if isinstance(number, CardNumber) else number
    prefix = digits[:_PREFIX_DIGITS]
    for first, last, brand in _ranges():
        if first <= prefix[: len(first)] <= last:
            return brand
    return Brand.UNKNOWN


def truncated(number: CardNumber) -> str:
    """All that may be shown or kept in clear of a number: `411111…1111`."""
    return str(number)


def grouped(number: CardNumber) -> str:
    """The number as it is printed on the card, what is hidden as dots: `4111 11•• •••• 1111`."""
    first, last = number.first6, number.last4
    shown = first + "•" * (len(number) - len(first) - len(last)) + last
    return " ".join(_parts(shown, SCHEMES[number.brand].groups))


def hide_numbers(text: str, instead: str = "[card number]") -> str:
    """The text with everything taken out that may hold a card number, spaced and dashed ones too.

    That is a run of at least 13 digits whose check digit is right, or some 13 to 19 of which are a
    number of a known network, or that is too long to look through. For the last line of defence,
    where a wrong alarm costs little: one in ten of other long numbers goes too, and more of those
    that begin like a card.
    """
    return _RUN.sub(lambda run: instead if _may_hold_a_number(run[0]) else run[0], text)


def holds_number(text: str) -> bool:
    """Whether the text may hold a card number, however its digits are set apart.

    For fields in which nobody has so long a number: what `hide_numbers` says of a run holds here too.
    """
    return any(_may_hold_a_number(_digits_of(run)) for run in _SPREAD.findall(text))


def is_phone_a_number(text: str) -> bool:
    """Whether a phone number is a card number: all of its digits, as many as its network's numbers have.

    One in ten phone numbers ends in the right check digit, so that alone is no reason, nor is a network
    whose numbers were as short as phone numbers are.
    """
    digits = _digits_of(text)
    if not _IN_PHONES_MIN <= len(digits) <= DIGITS_MAX or not is_luhn_valid(digits):
        return False
    brand = brand_of(digits)
    return brand is not Brand.UNKNOWN and len(digits) in SCHEMES[brand].lengths


def _digits_of(text: str) -> str:
    return "".join(one for one in text if "0" <= one <= "9")


def _may_hold_a_number(run: str) -> bool:
    digits = run.replace(" ", "").replace("-", "")
    if len(digits) > _SCANNED_MAX or (len(digits) <= DIGITS_MAX and is_luhn_valid(digits)):
        return True
    return any(
        len(part := digits[start : start + length]) == length
        and is_luhn_valid(part)
        and length in SCHEMES[brand].lengths
        for start in range(len(digits) - _SCANNED_MIN + 1)
        if (brand := brand_of(digits[start:])) is not Brand.UNKNOWN
        for length in range(_SCANNED_MIN, DIGITS_MAX + 1)
    )


def is_luhn_valid(digits: str) -> bool:
    """Whether the last of these ASCII digits is the check digit of the others (ISO/IEC 7812-1, B)."""
    numbers = [ord(digit) - 48 for digit in reversed(digits)]
    return sum(numbers[::2], sum(_DOUBLED[one] for one in numbers[1::2])) % 10 == 0


def _parts(text: str, sizes: tuple[int, ...]) -> Iterator[str]:
    start = 0
    for size in sizes:
        if start < len(text):
            yield text[start : start + size]
        start += size
    if start < len(text):
        yield text[start:]


@cache
def _ranges() -> tuple[tuple[str, str, Brand], ...]:
    """Every range as its first and last prefix, the longer prefixes first."""
    ranges = [
        (first, last or first, brand)
        for brand, texts in _RANGES.items()
        for first, _, last in (text.partition("-") for text in texts)
    ]
    return tuple(sorted(ranges, key=lambda one: -len(one[0])))
