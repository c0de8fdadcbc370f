"""The signatures, held against Standard Webhooks' own library and against the demo's receiver."""

import hashlib
import hmac
from datetime import timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from nonstopay import clock, ids
from nonstopay.business.webhooks.sign import headers, plain
from nonstopay.sandbox.receiver import verify

BODY = b'{"id":7,"status":"invoice:paid"}'


def signed(secrets: list[str], age: timedelta = timedelta(0)) -> dict[str, str]:
    made = headers(secrets, "evt_7", clock.now() - age, BODY)
    return {name.lower(): value for name, value in made.items()}


def test_the_plain_signature_is_hex_of_hmac_sha256_under_the_secret_as_written() -> None:
    assert plain("whsec_AAAA", b"body") == (
        hmac.new(b"whsec_AAAA", b"body", hashlib.sha256).hexdigest()
    )


def test_the_reference_library_accepts_what_we_sign() -> None:
    secret = ids.signing_secret()

    assert Webhook(secret).verify(BODY, signed([secret])) == {"id": 7, "status": "invoice:paid"}


def test_while_two_secrets_are_valid_each_of_them_is_accepted() -> None:
    new, old, stranger = (ids.signing_secret() for _ in range(3))
    sent = signed([new, old])

    for secret in (new, old):
        Webhook(secret).verify(BODY, sent)
        assert verify(secret, sent, BODY)
    assert not verify(stranger, sent, BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(stranger).verify(BODY, sent)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", "evt_8"),
        ("webhook-timestamp", "1700000000"),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", ""),
        ("webhook-signature", ""),
        ("webhook-signature", "v1,AAAA"),
        ("x-signature", "00"),
        ("x-signature", "é"),
    ],
)
def test_a_changed_header_is_refused(name: str, value: str) -> None:
    secret = ids.signing_secret()

    assert not verify(secret, signed([secret]) | {name: value}, BODY)


def test_a_changed_body_and_a_stale_message_are_refused() -> None:
    secret = ids.signing_secret()

    assert verify(secret, signed([secret]), BODY)
    assert not verify(secret, signed([secret]), BODY + b" ")
    assert verify(secret, signed([secret], age=timedelta(seconds=299)), BODY)
    assert not verify(secret, signed([secret], age=timedelta(seconds=302)), BODY)
    assert not verify(secret, signed([secret], age=timedelta(seconds=-302)), BODY)
