"""`upi://pay` links: what we write is what apps take, and what they would refuse has a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.connectors.upi import link
from nonstopay.connectors.upi.link import InvalidLink, UpiLink
from nonstopay.money import Money, fiat

INR = fiat("INR")
GOOD = UpiLink(
    payee_address="acmetoys.pay@nonstopay",
    payee_name="Acme Toys & Games",
    merchant_code="5399",
    transaction_id="TNSP1A2B",
    reference="NSP1A2B",
    note="Invoice 7: 100% wood",
    amount=Money(40971, INR),
)
WRITTEN = (
    "upi://pay?pa=acmetoys.pay@nonstopay&pn=Acme%20Toys%20%26%20Games&mc=5399&tid=TNSP1A2B"
    "&tr=NSP1A2B&tn=Invoice%207%3A%20100%25%20wood&am=409.71&cu=INR"
)
words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=50)
alphanumeric = st.from_regex(r"[A-Za-z0-9]{1,35}", fullmatch=True)


def test_a_link_is_written_as_the_specification_says() -> None:
    assert link.write(GOOD) == WRITTEN


@given(
    st.builds(
        UpiLink,
        payee_address=st.just("shop@bank"),
        payee_name=words,
        merchant_code=st.just("5399"),
        transaction_id=alphanumeric,
        reference=alphanumeric,
        note=words,
        amount=st.builds(Money, st.integers(1, 10**14 - 1), st.just(INR)),
    )
)
def test_what_was_written_can_be_read(any_link: UpiLink) -> None:
    """Names and notes in every script, and with the signs that mean something in a URL."""
    uri = link.write(any_link)

    assert link.read(uri) == any_link
    assert uri.isascii()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("upi://pay?", "https://pay?"), "it does not begin with upi://pay?"),
        (("pa=acmetoys.pay@nonstopay", "pa=acmetoys"), "pa must be a UPI address, shop@bank"),
        (("mc=5399", "mc=0000"), "mc must be a merchant category of four digits; 0000 is a person"),
        (("&tr=NSP1A2B", ""), "tr is missing: it must be 1 to 35 letters and digits"),
        (("tr=NSP1A2B", "tr=NSP-1A2B"), "tr must be 1 to 35 letters and digits"),
        (("tr=NSP1A2B", "tr=" + "N" * 36), "tr must be 1 to 35 letters and digits"),
        (("tn=Invoice", "tn=" + "x" * 50), "tn must be a note of 1 to 50 characters"),
        (("am=409.71", "am=409.7"), "am must be rupees with two decimals, 409.71"),
        (("am=409.71", "am=0.00"), "am must be rupees with two decimals, 409.71"),
        (("am=409.71", "am=-1.00"), "am must be rupees with two decimals, 409.71"),
        (("am=409.71", "am=٤٠٩.٧١"), "am must be rupees with two decimals, 409.71"),
        (("cu=INR", "cu=USD"), "cu must be INR"),
        (("cu=INR", "cu=INR&am=1.00"), "am is given twice"),
        (("cu=INR", "cu=INR&mam=1.00"), "mam lets the payer change the amount"),
        (("pn=Acme%20", "pn=Acme+"), "it holds a +, which apps show as it is"),
        (("pn=Acme%20", "pn=Acme%0A"), "pn must be the payee's name, 1 to 99 characters"),
        (("pn=Acme%20", "pn=%ff"), "its percent-encoding is not UTF-8"),
        (("pn=Acme", "pn=" + "A" * 2048), "it is longer than 2048 characters"),
    ],
)
def test_what_apps_refuse_is_named(change: tuple[str, str], problem: str) -> None:
    changed = WRITTEN.replace(*change)

    assert changed != WRITTEN
    assert [found for found in link.problems(changed) if found.startswith(problem)]
    with pytest.raises(InvalidLink):
        link.read(changed)


def test_everything_wrong_is_said_at_once() -> None:
    assert len(link.problems("upi://pay?pa=me&am=5")) == 8


def test_parameters_of_later_editions_do_no_harm() -> None:
    assert link.read(WRITTEN + "&mode=04&orgid=000000&mam=409.71") == GOOD


def test_a_link_that_would_be_refused_is_not_written() -> None:
    with pytest.raises(InvalidLink, match="cu must be INR"):
        link.write(
            UpiLink(
                payee_address=GOOD.payee_address,
                payee_name=GOOD.payee_name,
                merchant_code=GOOD.merchant_code,
                transaction_id=GOOD.transaction_id,
                reference=GOOD.reference,
                note=GOOD.note,
                amount=Money(500, fiat("USD")),
            )
        )
