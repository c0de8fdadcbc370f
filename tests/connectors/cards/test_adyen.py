"""What is peculiar to Adyen."""

import msgspec
import pytest

from nonstopay.connectors import card
from nonstopay.connectors.base import UnverifiedNotice, find
from nonstopay.connectors.card.adyen import Adyen
from nonstopay.connectors.charge import Paid
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Authentication, Kind
from nonstopay.errors import Misconfigured
from tests.connectors.cards.acquirer import changed
from tests.connectors.cards.adyen_laboratory import (
    ACCOUNT,
    HMAC_KEY,
    AdyenDialect,
    adyen_laboratory,
)
from tests.connectors.cards.laboratory import WHOLE
from tests.connectors.pretend_provider import encoded, recording
from tests.connectors.serving import answering, serving

NAMED = Paid(reference="payment7", provider_reference="their7")


@pytest.mark.parametrize(
    ("said", "flow"),
    [
        ("Y", Authentication.FRICTIONLESS),
        ("A", Authentication.ATTEMPTED),
        ("N", Authentication.FAILED),
        ("", None),
    ],
)
async def test_adyen_says_how_3d_secure_went(
    http: ProviderHttp, said: str, flow: Authentication | None
) -> None:
    more = {"threeDAuthenticatedResponse": said}
    result = changed(recording("adyen", "result"), additionalData=more)
    async with adyen_laboratory(http) as lab, serving([answering(encoded(result))]) as address:
        outcome = await lab.make(http, address).authorise(lab.charge())

    assert (outcome.kind, outcome.authentication) == (Kind.CAPTURED, flow)


async def test_adyen_tells_that_an_act_failed_after_all(http: ProviderHttp) -> None:
    async with adyen_laboratory(http) as lab:
        await lab.taken()
        assert isinstance(lab.dialect, AdyenDialect)
        for event in ("REFUND", "REFUND_FAILED", "REFUNDED_REVERSED"):
            (notice,) = lab.read(lab.dialect.refusal(lab.pay, event, "refund1"))

            assert notice.outcome
            assert (notice.outcome.kind, notice.key) == (Kind.REFUND_REFUSED, "refund1")
        (notice,) = lab.read(lab.dialect.refusal(lab.pay, "CAPTURE_FAILED", "capture-7-1"))
        assert notice.outcome
        assert notice.outcome.kind is Kind.CAPTURE_REFUSED


async def test_adyen_signs_each_item_and_all_must_hold(http: ProviderHttp) -> None:
    async with adyen_laboratory(http) as lab:
        await lab.taken()
        said = lab.dialect.letter("authorised", lab.pay)
        _, body = lab.notice(said)
        whole = recording("adyen", "notification")
        good = msgspec.json.decode(body)["notificationItems"][0]
        bad = msgspec.json.decode(body)["notificationItems"][0]
        bad["NotificationRequestItem"]["success"] = "false"
        for items, holds in (([good, good], True), ([good, bad], False)):
            sent = encoded(whole | {"notificationItems": items})
            if holds:
                assert len(lab.connector.read_notice({}, sent)) == 2
            else:
                with pytest.raises(UnverifiedNotice):
                    lab.connector.read_notice({}, sent)


async def test_adyens_published_signature_is_ours(http: ProviderHttp) -> None:
    """The example of its libraries' tests: key, fields and signature as published."""
    key = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
    connector = Adyen(http, "http://localhost", "key", "TestMerchant", bytes.fromhex(key))
    item = {
        "pspReference": "7914073381342284",
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704",
        "amount": {"value": 1130, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "eventDate": "2026-11-22T10:00:00+01:00",
        "success": "true",
        "additionalData": {"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
    }
    body = encoded({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]})

    (notice,) = connector.read_notice({}, body)

    assert (notice.reference, notice.provider_reference) == (
        "TestPayment-1407325143704",
        "7914073381342284",
    )


async def test_adyen_news_for_another_account_is_refused(http: ProviderHttp) -> None:
    async with adyen_laboratory(http) as lab:
        await lab.taken()
        _, body = lab.notice(lab.dialect.letter("authorised", lab.pay))
        assert ACCOUNT == "AcmeToys"
        other = Adyen(http, "http://localhost", "key", "AcmeToysTwo", HMAC_KEY)

        with pytest.raises(UnverifiedNotice):
            other.read_notice({}, body)


async def test_adyen_in_progress_is_unknown(http: ProviderHttp) -> None:
    problem = {"errorCode": "704", "errorType": "validation"}
    async with (
        adyen_laboratory(http) as lab,
        serving([answering(encoded(problem), 422)]) as address,
    ):
        connector = lab.make(http, address)
        charged = await connector.authorise(lab.charge())
        refunded = await connector.refund(NAMED, "refund1", WHOLE)

    assert charged.kind is refunded.kind is Kind.UNKNOWN


def test_adyens_key_must_be_hexadecimal(http: ProviderHttp) -> None:
    options = {"url": "http://x", "api_key": "k", "merchant_account": "m", "hmac_key": "no hex"}
    with pytest.raises(Misconfigured, match="hexadecimal"):
        find(card)["adyen"](http, options)
