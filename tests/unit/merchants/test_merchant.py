"""What a merchant may: from which addresses, for which amounts, for which fee."""

import ipaddress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.business.merchants.change import read_network
from nonstopay.business.merchants.merchant import (
    Bounds,
    FeePlan,
    LateSuccess,
    Merchant,
    Wallet,
    is_in_networks,
)
from nonstopay.errors import InvalidInput
from nonstopay.money import Money, fiat

USD, JPY, KWD = fiat("USD"), fiat("JPY"), fiat("KWD")


def merchant(*networks: str, **limits: tuple[str | None, str | None]) -> Merchant:
    return Merchant(
        id=1,
        email="shop@example.com",
        name="A shop",
        methods=frozenset({"UPI"}),
        wallet=Wallet(None, "USDC", "polygon", True),
        fees=FeePlan(Decimal(0), Decimal(0)),
        late_success=LateSuccess.CREDIT,
        limits={
            code: (Decimal(low) if low else None, Decimal(high) if high else None)
            for code, (low, high) in limits.items()
        },
        networks=tuple(ipaddress.ip_network(network) for network in networks),
    )


@pytest.mark.parametrize(
    ("address", "is_let_in"),
    [
        ("203.0.113.7", True), ("203.0.113.8", False), ("10.255.0.1", True), ("11.0.0.0", False),
        ("::ffff:203.0.113.7", True), ("::ffff:203.0.113.8", False), ("2001:db8::1", True),
        ("2001:DB8:0:0::1", True), ("2001:db9::1", False), ("::203.0.113.7", False), ("", False),
        ("unknown", False), ("203.0.113.7:443", False), ("203.0.113.007", False),
        ("3405803783", False), ("203.0.113.7 ", False), ("2001:db8::1%eth0", True),
    ],
)  # fmt: skip
def test_an_address_is_in_the_list_or_not(address: str, is_let_in: bool) -> None:
    one = merchant("203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32")
    for _ in range(2):
        assert one.allows_address(address) is is_let_in


def test_an_empty_list_lets_nobody_in() -> None:
    assert not merchant().allows_address("127.0.0.1")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7/24 ", "203.0.113.99"),
        ("2001:db8::/32", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.0/120", "::ffff:203.0.113.9"),
        ("::/0", "2001:db8::1"),
        ("0.0.0.0/0", "::ffff:203.0.113.7"),
    ],
)
def test_a_network_holds_the_addresses_it_names_however_written(text: str, address: str) -> None:
    assert is_in_networks(address, (read_network(text),))


@pytest.mark.parametrize(
    "text", ["", "shop.example.com", "10.0.0.0/33", "10.0.0", "*", "1.2.3.4-9"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_network(text)


def test_bounds_let_nothing_beyond_them_in() -> None:
    one = merchant(USD=("1.005", "9.999"), **{"*": ("1.5", None)})
    assert one.bounds(USD) == Bounds(101, 999)
    assert one.bounds(JPY) == Bounds(2, None)
    assert one.bounds(KWD) == Bounds(1500, None)
    assert merchant().bounds(USD) == Bounds(None, None)


@given(
    amount=st.integers(1, 10**12),
    percent=st.decimals(0, 100, places=3),
    fixed=st.decimals(0, 10, places=2),
)
def test_a_fee_is_never_more_than_the_amount(amount: int, percent: Decimal, fixed: Decimal) -> None:
    fee = FeePlan(percent, fixed).fee(Money(amount, USD))
    assert 0 <= fee.minor <= amount


def test_a_fee_is_rounded_half_up_to_the_cent() -> None:
    assert FeePlan(Decimal("2.5"), Decimal("0.30")).fee(Money(500, USD)) == Money(43, USD)
    assert FeePlan(Decimal("2.49"), Decimal("0.30")).fee(Money(500, USD)) == Money(42, USD)
    assert FeePlan(Decimal(100), Decimal("0.30")).fee(Money(500, USD)) == Money(500, USD)
