"""Card numbers: read as people write them, known by their network, and shown to nobody."""

import copy
import pickle
from dataclasses import asdict, dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.card_number import (
    HIDDEN_MIN,
    SCHEMES,
    Brand,
    CardCode,
    CardNumber,
    brand_of,
    grouped,
    holds_number,
    is_luhn_valid,
    is_phone_a_number,
    parse_code,
    parse_number,
    truncated,
)
from nonstopay.errors import InvalidCard

# Numbers that networks and providers publish for tests; no bank issued them.
PUBLISHED = {
    "4111111111111111": Brand.VISA,
    "4222222222222": Brand.VISA,
    "4000000000000000006": Brand.VISA,
    "5555555555554444": Brand.MASTERCARD,
    "2223003122003222": Brand.MASTERCARD,
    "2720990000000007": Brand.MASTERCARD,
    "378282246310005": Brand.AMEX,
    "341111111111111": Brand.AMEX,
    "6011111111111117": Brand.DISCOVER,
    "6445644564456445": Brand.DISCOVER,
    "30569309025904": Brand.DINERS,
    "3056930009020004": Brand.DINERS,
    "36227206271667": Brand.DINERS,
    "3566002020360505": Brand.JCB,
    "6200000000000005": Brand.UNIONPAY,
    "6205500000000000004": Brand.UNIONPAY,
    "8171999927660000": Brand.UNIONPAY,
    "6527658900001005": Brand.RUPAY,
    "6759649826438453": Brand.MAESTRO,
    "6304000000000000": Brand.MAESTRO,
    "6799990100000000019": Brand.MAESTRO,
}


def check_digit(body: str) -> str:
    return next(digit for digit in "0123456789" if is_luhn_valid(body + digit))


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Digits of a card that some network could have issued."""
    length = draw(st.integers(12, 19))
    start = draw(st.sampled_from(["", *(published[:6] for published in PUBLISHED)]))
    rest = draw(st.text("0123456789", min_size=length, max_size=length))
    body = (start + rest)[: length - 1]
    digits = body + check_digit(body)
    lengths = SCHEMES[brand_of(digits)].lengths
    if length not in lengths:
        body = (digits * 2)[: draw(st.sampled_from(sorted(lengths))) - 1]
        digits = body + check_digit(body)
    return digits


@pytest.mark.parametrize(("digits", "brand"), PUBLISHED.items())
def test_published_numbers_are_known_by_their_network(digits: str, brand: Brand) -> None:
    number = parse_number(digits)

    assert number.brand is brand
    assert brand_of(digits[:6]) is brand


@pytest.mark.parametrize(
    ("first", "last", "brand"),
    [
        ("222100", "272099", Brand.MASTERCARD),
        ("510000", "559999", Brand.MASTERCARD),
        ("300000", "305999", Brand.DINERS),
        ("309500", "309599", Brand.DINERS),
        ("352800", "358999", Brand.JCB),
        ("601100", "601199", Brand.DISCOVER),
        ("508500", "508999", Brand.RUPAY),
        ("652150", "653149", Brand.RUPAY),
        ("817200", "820199", Brand.RUPAY),
        ("810000", "817199", Brand.UNIONPAY),
    ],
)
def test_a_range_ends_where_it_ends(first: str, last: str, brand: Brand) -> None:
    before, after = str(int(first) - 1), str(int(last) + 1)

    assert brand_of(first) is brand
    assert brand_of(last) is brand
    assert brand_of(before) is not brand
    assert brand_of(after) is not brand


@given(numbers(), st.sampled_from(["", " ", "-"]), st.integers(1, 6))
def test_a_number_is_read_however_it_is_grouped(digits: str, between: str, size: int) -> None:
    parts = [digits[start : start + size] for start in range(0, len(digits), size)]

    assert parse_number(between.join(parts)).reveal() == digits


@given(numbers(), st.data())
def test_one_wrong_digit_is_noticed(digits: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(digits) - 1))
    other = data.draw(st.sampled_from([one for one in "0123456789" if one != digits[place]]))

    with pytest.raises(InvalidCard):
        parse_number(digits[:place] + other + digits[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111",
        "4111111111111112",  # the check digit
        "411111111111116",  # Visa has no 15 digits
        "55555555555544449",  # nor Mastercard 17
        "4111  1111 1111 1111",
        " 4111111111111111",
        "4111111111111111\n",
        "4111_1111_1111_1111",
        "+4111111111111111",
        "٤١١١١١١١١١١١١١١١",
        "４１１１１１１１１１１１１１１１",
        "0" * 20,
    ],
)
def test_what_is_no_number_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InvalidCard) as refused:
        parse_number(text)

    assert refused.value.parameter == "card_number"
    assert str(refused.value) == "invalid card_number"


@given(numbers())
def test_a_number_shows_its_ends_and_hides_the_rest(digits: str) -> None:
    number = parse_number(digits)

    for shown in (str(number), repr(number), f"{number}", f"{number!r:>40}", f"{[number]}"):
        assert digits not in shown
        assert digits[:-4] not in shown
        assert sum(map(str.isdigit, shown)) <= min(10, len(digits) - HIDDEN_MIN)
    assert truncated(number) == f"{number.first6}…{number.last4}"
    assert digits.startswith(number.first6)
    assert digits.endswith(number.last4)


@pytest.mark.parametrize(
    ("digits", "shown"),
    [
        ("4111111111111111", "4111 11•• •••• 1111"),
        ("378282246310005", "3782 82•••• •0005"),
        ("30569309025904", "3056 93•••• 5904"),
        ("4000000000000000006", "4000 00•• •••• •••0 006"),
        ("4222222222222", "4222 2••• •222 2"),
    ],
)
def test_a_number_is_grouped_as_on_the_card(digits: str, shown: str) -> None:
    assert grouped(parse_number(digits)) == shown


SECRETS = [parse_number("4111111111111111"), parse_code("739")]


@pytest.mark.parametrize("secret", SECRETS, ids=repr)
def test_secrets_cannot_be_written_down(secret: CardNumber | CardCode) -> None:
    with pytest.raises(TypeError):
        msgspec.json.encode({"card": secret})
    with pytest.raises(TypeError):
        msgspec.msgpack.encode(secret)
    with pytest.raises(TypeError):
        msgspec.to_builtins(secret)
    with pytest.raises(TypeError) as refused:
        pickle.dumps(secret)
    assert secret.reveal() not in str(refused.value)


@pytest.mark.parametrize("secret", SECRETS, ids=repr)
def test_a_structure_that_holds_a_secret_does_not_show_it(secret: CardNumber | CardCode) -> None:
    @dataclass(frozen=True)
    class Holder:
        secret: object
        more: list[object] = field(default_factory=list)

    holder = Holder(secret, [secret])

    assert secret.reveal() not in repr(holder)
    assert secret.reveal() not in str(asdict(holder))
    assert copy.deepcopy(holder) == holder
    assert not hasattr(secret, "__dict__")


def test_secrets_do_not_change_and_compare_by_value() -> None:
    number, same = parse_number("4111111111111111"), parse_number("4111 1111 1111 1111")
    code: object = CardCode("4111111111111111")

    assert number == same
    assert hash(number) == hash(same)
    assert number != parse_number("5555555555554444")
    assert number != code
    with pytest.raises(AttributeError):
        setattr(number, "_digits", "4242424242424242")  # noqa: B010 the type checker knows better
    with pytest.raises(AttributeError):
        delattr(number, "_digits")


def test_a_code_is_as_long_as_its_network_prints_it() -> None:
    assert parse_code("007", Brand.VISA).reveal() == "007"
    assert parse_code("1234", Brand.AMEX).reveal() == "1234"
    assert parse_code("1234").reveal() == "1234"
    assert str(parse_code("739")) == "…"
    for text, brand in [
        ("1234", Brand.VISA),
        ("123", Brand.AMEX),
        ("12", Brand.UNKNOWN),
        ("12a", Brand.UNKNOWN),
        ("12345", Brand.UNKNOWN),
        ("١٢٣", Brand.UNKNOWN),
        ("123\n", Brand.VISA),
    ]:
        with pytest.raises(InvalidCard) as refused:
            parse_code(text, brand)
        assert str(refused.value) == "invalid card_code"


@pytest.mark.parametrize("between", ["", " ", "-", ".", " / ", "  ", "\u00a0"])
@pytest.mark.parametrize("around", ["{}", "Asha Rao {}", "no. {}, Pune", "2{}"])
def test_a_number_in_the_wrong_field_is_found_however_it_is_set_apart(
    between: str, around: str
) -> None:
    for digits in ("4242424242424242", "378282246310005", "5555555555554444", "30569309025904"):
        written = between.join(digits[at : at + 4] for at in range(0, len(digits), 4))
        assert holds_number(around.format(written))


@pytest.mark.parametrize(
    "text", ["Asha Rao", "Flat 12, 4th Main, 560034", "4242 4242 4242", "4242424242424241", ""]
)
def test_what_people_are_called_and_where_they_live_is_no_number(text: str) -> None:
    assert not holds_number(text)


@pytest.mark.parametrize(
    ("text", "is_number"),
    [
        ("378282246310005", True),
        ("4242 4242 4242 4242", True),
        ("(3782) 822463-10005", True),
        ("+91 98200 12345", False),
        ("4917612345676", False),
        ("0049 176 1234567", False),
        ("378282246310006", False),
    ],
)
def test_a_phone_number_may_look_like_a_card_number(text: str, is_number: bool) -> None:
    assert is_phone_a_number(text) is is_number
