"""The lists: values in one form, and an attempt that finds itself on them."""

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nonstopay.business.risk.entry import About, in_form, traits
from nonstopay.business.risk.issuers import Issuers
from nonstopay.business.risk.verdict import Subject
from nonstopay.errors import InvalidInput

NOWHERE = Issuers()


def subject(**more: object) -> Subject:
    told: dict[str, object] = {
        "merchant_id": 3,
        "invoice_id": 7,
        "fingerprint": bytes(32),
        "first6": "424242",
        "email": "asha@mail.example.co.uk",
        "payer_ip": None,
        "payer_country": None,
    }
    return Subject(**told | more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("about", "written", "kept"),
    [
        (About.BIN, " 4242 ".replace(" ", ""), "4242"),
        (About.NETWORK, "198.51.100.7", "198.51.100.7/32"),
        (About.NETWORK, "198.51.100.7/24", "198.51.100.0/24"),
        (About.NETWORK, "2001:DB8::/32", "2001:db8::/32"),
        (About.EMAIL, " Asha@Example.COM ", "asha@example.com"),
        (About.DOMAIN, "Example.com", "example.com"),
        (About.COUNTRY, "gb", "GB"),
        (About.CARD, "AB" * 32, "ab" * 32),
    ],
)
def test_a_value_is_kept_in_one_form(about: About, written: str, kept: str) -> None:
    assert in_form(about, written) == kept


@pytest.mark.parametrize(
    ("about", "wrong"),
    [
        (About.BIN, "4242424"),
        (About.BIN, "４２４２"),
        (About.BIN, ""),
        (About.NETWORK, "everywhere"),
        (About.EMAIL, "asha"),
        (About.DOMAIN, "example"),
        (About.COUNTRY, "GBR"),
        (About.CARD, "4242424242424242"),
    ],
)
def test_another_form_is_refused_and_not_kept_for_nothing(about: About, wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        in_form(about, wrong)

    assert "4242424242" not in str(refused.value), "somebody may have typed a card number"


@given(st.ip_addresses(), st.data())
def test_an_address_is_in_every_network_around_it_and_in_no_other(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject
) -> None:
    bits = address.max_prefixlen
    length = data.draw(st.integers(0, bits))
    other = type(address)(int(address) ^ (1 << data.draw(st.integers(0, bits - 1))))
    assume(not any(getattr(one, "ipv4_mapped", None) for one in (address, other)))
    found = {value for about, value in traits(subject(payer_ip=str(address)), NOWHERE)}

    def around(one: object) -> str:
        return in_form(About.NETWORK, f"{one}/{length}")

    assert around(address) in found
    assert (around(other) in found) == (around(other) == around(address))


def test_an_address_of_ipv4_written_as_ipv6_is_that_of_ipv4() -> None:
    found = traits(subject(payer_ip="::ffff:198.51.100.7"), NOWHERE)

    assert (About.NETWORK, "198.51.100.0/24") in found


def test_an_email_stands_under_every_domain_above_it() -> None:
    found = traits(subject(), NOWHERE)

    assert [value for about, value in found if about is About.DOMAIN] == [
        "mail.example.co.uk",
        "example.co.uk",
        "co.uk",
    ]


def test_both_countries_count_the_payers_and_the_cards() -> None:
    found = traits(subject(payer_country="IN"), Issuers({"4242": "US", "42": "FR"}))

    assert {value for about, value in found if about is About.COUNTRY} == {"IN", "US"}


@pytest.mark.parametrize("address", [None, "", "unknown"])
def test_an_address_that_is_none_stands_nowhere(address: str | None) -> None:
    found = traits(subject(payer_ip=address), NOWHERE)

    assert not [value for about, value in found if about is About.NETWORK]
