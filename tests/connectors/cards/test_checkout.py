"""What is peculiar to Checkout.com."""

from datetime import timedelta
from typing import Any

import pytest

from nonstopay import clock
from nonstopay.connectors.charge import Paid
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Authentication, Kind
from nonstopay.money import Money
from tests.connectors.cards.acquirer import CHALLENGE, GOOD, Part, changed
from tests.connectors.cards.checkout_laboratory import checkout_laboratory
from tests.connectors.cards.laboratory import EUR
from tests.connectors.pretend_provider import encoded, recording
from tests.connectors.serving import scripted, serving

NAMELESS = Paid(reference="payment7", provider_reference=None)
NAMED = Paid(reference="payment7", provider_reference="their7")


async def test_checkout_keys_that_were_used_for_something_else_are_in_doubt(
    http: ProviderHttp,
) -> None:
    async with checkout_laboratory(http) as lab:
        await lab.taken()
        await lab.settled(lambda: lab.connector.refund(lab.paid, "refund1", Money(100, EUR)))

        other = await lab.connector.refund(lab.paid, "refund1", Money(200, EUR))

        assert other.kind is Kind.UNKNOWN


async def test_checkout_finds_a_lost_payment_by_the_payers_return(http: ProviderHttp) -> None:
    async with checkout_laboratory(http) as lab:
        await lab.connector.authorise(lab.charge(CHALLENGE, capture=False))
        returned = await lab.answer()

        done = await lab.connector.complete(NAMELESS, returned)

        assert (done.kind, done.provider_reference) == (Kind.AUTHORISED, lab.pay.id)


async def test_checkout_says_processing_until_an_automatic_capture_is_done(
    http: ProviderHttp,
) -> None:
    async with checkout_laboratory(http) as lab:
        charged = await lab.connector.authorise(lab.charge(GOOD))
        before = await lab.connector.look_up(lab.paid)
        await lab.dialect.settle()
        after = await lab.connector.look_up(lab.paid)

        assert charged.kind is before.kind is Kind.PROCESSING
        assert after.kind is Kind.CAPTURED
        assert lab.told[0].outcome
        assert lab.told[0].outcome.kind is Kind.PROCESSING


@pytest.mark.parametrize(
    ("secure", "flow"),
    [
        ({}, None),
        ({"authentication_response": "Y", "challenged": False}, Authentication.FRICTIONLESS),
        ({"authentication_response": "Y", "challenged": True}, Authentication.CHALLENGED),
        ({"authentication_response": "A"}, Authentication.ATTEMPTED),
        ({"authentication_response": "N"}, Authentication.FAILED),
        ({"authentication_response": "Z"}, None),
    ],
)
async def test_checkout_says_how_3d_secure_went(
    http: ProviderHttp, secure: dict[str, Any], flow: Authentication | None
) -> None:
    payment = changed(recording("checkout", "payment"), **{"3ds": secure})
    provider = serving([scripted({"GET /payments": encoded(payment)})])
    async with checkout_laboratory(http) as lab, provider as address:
        outcome = await lab.make(http, address).look_up(NAMED)

    assert (outcome.kind, outcome.authentication) == (Kind.CAPTURED, flow)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("Pending", Kind.PROCESSING),
        ("Partially Captured", Kind.CAPTURED),
        ("Partially Refunded", Kind.CAPTURED),
        ("Refunded", Kind.CAPTURED),
        ("Expired", Kind.VOIDED),
        ("Canceled", Kind.VOIDED),
        ("Card Verified", Kind.UNKNOWN),
        ("Paid", Kind.UNKNOWN),
    ],
)
async def test_checkout_words_have_their_meaning(
    http: ProviderHttp, status: str, kind: Kind
) -> None:
    payment = changed(recording("checkout", "payment"), status=status)
    provider = serving([scripted({"GET /payments": encoded(payment)})])
    async with checkout_laboratory(http) as lab, provider as address:
        outcome = await lab.make(http, address).look_up(NAMED)

    assert outcome.kind is kind


@pytest.mark.parametrize("event", ["payment_capture_declined", "payment_refund_declined"])
async def test_checkout_tells_that_an_act_failed_after_all(http: ProviderHttp, event: str) -> None:
    async with checkout_laboratory(http) as lab:
        await lab.taken()
        part = Part("9", "payment7.refund1", 100)
        said = changed(lab.dialect.letter("refunded", lab.pay, part), type=event)

        (notice,) = lab.read(said)

        assert notice.outcome
        assert notice.outcome.kind in (Kind.CAPTURE_REFUSED, Kind.REFUND_REFUSED)
        assert notice.key == "refund1"


async def test_an_old_notification_of_checkout_changes_nothing(http: ProviderHttp) -> None:
    """It signs no time, so an old one still holds: the core has recorded it, and does so once."""
    async with checkout_laboratory(http) as lab:
        await lab.taken()
        headers, body = lab.heard[-1]
        clock.move_to_offset(clock.offset() + timedelta(days=1))

        assert lab.connector.read_notice(headers, body) == [lab.told[-1]]
