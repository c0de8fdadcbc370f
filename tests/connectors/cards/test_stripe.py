"""What is peculiar to Stripe."""

from typing import Any

import pytest

from nonstopay.connectors.base import UnverifiedNotice
from nonstopay.connectors.charge import Paid
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Authentication, Kind, Reason
from nonstopay.money import Money
from tests.connectors.cards.acquirer import changed
from tests.connectors.cards.laboratory import EUR
from tests.connectors.cards.stripe_laboratory import StripeDialect, stripe_laboratory
from tests.connectors.pretend_provider import encoded, recording
from tests.connectors.serving import answering, scripted, serving

NAMELESS = Paid(reference="payment7", provider_reference=None)
NAMED = Paid(reference="payment7", provider_reference="their7")


async def test_stripe_does_not_call_a_payment_lost_that_it_has_not_indexed(
    http: ProviderHttp,
) -> None:
    """The search lags behind; the idempotency key does not."""
    async with stripe_laboratory(http) as lab:
        await lab.taken()
        assert isinstance(lab.dialect, StripeDialect)
        lab.dialect.indexed = False
        not_yet = await lab.connector.look_up(NAMELESS)
        lab.dialect.indexed = True

        assert not_yet.kind is Kind.UNKNOWN
        assert (await lab.connector.look_up(NAMELESS)).kind is Kind.CAPTURED


async def test_stripe_never_carries_out_what_was_called_lost(http: ProviderHttp) -> None:
    """A charge that comes late, after we were told that it never came, finds its key used up."""
    async with stripe_laboratory(http) as lab:
        lost = await lab.connector.look_up(NAMELESS)
        asked_again = await lab.connector.look_up(NAMELESS)
        late = await lab.connector.authorise(lab.charge())

        assert lost.reason is asked_again.reason is Reason.NOT_RECEIVED
        assert late.kind is Kind.UNKNOWN
        assert lab.dialect.pays == {}


async def test_stripe_knows_a_capture_by_its_key_when_it_forgot_the_idempotency_key(
    http: ProviderHttp,
) -> None:
    async with stripe_laboratory(http) as lab:
        await lab.taken(capture=False)
        part = Money(10000, EUR)
        await lab.connector.capture(lab.paid, "capture-7-1", part, final=True)
        lab.dialect._replies.clear()

        again = await lab.connector.capture(lab.paid, "capture-7-1", part, final=True)
        other = await lab.connector.capture(lab.paid, "capture-7-2", part, final=True)
        await lab.connector.refund(lab.paid, "refund1", part)
        lab.dialect._replies.clear()
        refunded = await lab.connector.refund(lab.paid, "refund1", part)

        assert (again.kind, again.amount) == (Kind.CAPTURED, part)
        assert other.kind is Kind.CAPTURE_REFUSED
        assert refunded.kind is Kind.REFUNDED
        assert len(lab.pay.refunds) == 1


async def test_stripe_takes_any_of_several_signatures_and_refuses_none_of_ours(
    http: ProviderHttp,
) -> None:
    async with stripe_laboratory(http) as lab:
        await lab.taken()
        headers, body = lab.heard[-1]
        header = headers["stripe-signature"]
        stamp, ours = header.split(",")[0], header.split(",")[-1]

        for good in (f"{stamp},{ours}", f"{ours},{stamp}", f"{stamp},v1=x,{ours},v1=y"):
            assert lab.connector.read_notice({"stripe-signature": good}, body)
        for bad in (ours, stamp, f"{stamp},v0={ours[3:]}", f"t=x,{ours}", f"t=٣,{ours}", "", ","):
            with pytest.raises(UnverifiedNotice):
                lab.connector.read_notice({"stripe-signature": bad}, body)


@pytest.mark.parametrize(
    ("secure", "flow"),
    [
        (None, Authentication.NONE),
        ({"result": "authenticated", "authentication_flow": "frictionless"}, "frictionless"),
        ({"result": "authenticated", "authentication_flow": "challenge"}, "challenged"),
        ({"result": "attempt_acknowledged", "authentication_flow": None}, "attempted"),
        ({"result": "failed", "authentication_flow": "challenge"}, "failed"),
        ({"result": "exempted", "authentication_flow": None}, None),
    ],
)
async def test_stripe_says_how_3d_secure_went(
    http: ProviderHttp, secure: Any, flow: str | None
) -> None:
    charge = recording("stripe", "charge")
    charge["payment_method_details"]["card"]["three_d_secure"] = secure
    intent = changed(recording("stripe", "intent"), latest_charge=charge)
    provider = serving([scripted({"GET /payment_intents": encoded(intent)})])
    async with stripe_laboratory(http) as lab, provider as address:
        outcome = await lab.make(http, address).look_up(NAMED)

    assert (outcome.kind, outcome.authentication) == (Kind.CAPTURED, flow)


async def test_stripe_news_of_a_cancelled_intent_is_a_reason_to_ask(http: ProviderHttp) -> None:
    async with stripe_laboratory(http) as lab:
        await lab.taken(capture=False)
        await lab.connector.void(lab.paid, "void-7")
        await lab.dialect.settle()

        assert lab.told[-1].outcome is None
        assert (await lab.connector.look_up(lab.paid)).kind is Kind.VOIDED


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"decline_code": "generic_decline", "network_decline_code": "51"}, "insufficient_funds"),
        ({"decline_code": "generic_decline", "network_decline_code": "R1"}, "do_not_try_again"),
        ({"decline_code": "insufficient_funds", "network_advice_code": "03"}, "do_not_try_again"),
        ({"decline_code": "do_not_honor", "advice_code": "do_not_try_again"}, "do_not_try_again"),
        ({"decline_code": "expired_card", "network_decline_code": "05"}, "expired_card"),
        ({"decline_code": None, "code": "incorrect_number"}, "wrong_card_details"),
    ],
)
async def test_the_sharpest_word_of_a_refusal_counts(
    http: ProviderHttp, more: dict[str, Any], reason: str
) -> None:
    blank = {"network_decline_code": None, "advice_code": None, "network_advice_code": None}
    error = {"error": recording("stripe", "error")["error"] | blank | more}
    async with stripe_laboratory(http) as lab, serving([answering(encoded(error), 402)]) as address:
        outcome = await lab.make(http, address).authorise(lab.charge())

    assert (outcome.kind, outcome.reason) == (Kind.DECLINED, Reason(reason))
