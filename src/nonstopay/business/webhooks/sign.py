"""Signatures of webhooks, by which a merchant knows that they are ours.

Three forms, so that a merchant may use any:

* `X-Signature`: lower-case hex of HMAC-SHA256 over the raw body; the key is the bytes of the secret
  as it is written, `whsec_` included.
* Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`, the last being
  `v1,<base64>` of HMAC-SHA256 over `id.timestamp.body`; the key is what the base64 after `whsec_`
  decodes to. This form also protects against replays, hence is the better one.
* The same with a key pair, for endpoints that want it: `v1a,<base64>` of ed25519 (RFC 8032) over the
  same text, beside the `v1` in `webhook-signature`. The receiver holds no secret.

While two secrets are valid after a rotation, `webhook-signature` holds one signature for each, so a
receiver with either secret accepts. `X-Signature` can hold one only: it is the newest secret's, and
the old one's stands beside it as `X-Signature-Previous` until the overlap ends.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX = "whsec_"
PRIVATE_PREFIX, PUBLIC_PREFIX = "whsk_", "whpk_"
KEY_BYTES = 32


def webhook_id(event_id: int) -> str:
    """The same for every attempt and endpoint of an event: what a receiver knows a repeat by."""
    return f"evt_{event_id}"


def headers(secrets: Sequence[str], id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The signature headers of one attempt; each attempt is signed anew, with its own time.

    Args:
        secrets: the valid ones as they are written, the newest first; at least one `whsec_`.
        id: what `webhook_id` made.
        at: the instant of the attempt.
    """
    timestamp = str(int(at.timestamp()))
    shared = [secret for secret in secrets if secret.startswith(PREFIX)]
    keys = [secret for secret in secrets if secret.startswith(PRIVATE_PREFIX)]
    signatures = [standard(secret, id, timestamp, body) for secret in shared]
    signatures += [asymmetric(key, id, timestamp, body) for key in keys]
    signed = {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
        "X-Signature": plain(shared[0], body),
    }
    if len(shared) > 1:
        signed["X-Signature-Previous"] = plain(shared[1], body)
    return signed


def plain(secret: str, body: bytes) -> str:
    """The value of `X-Signature`."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def standard(secret: str, id: str, timestamp: str, body: bytes) -> str:
    """One signature of `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, _signed(id, timestamp, body), "sha256")
    return "v1," + base64.b64encode(digest).decode()


def asymmetric(key: str, id: str, timestamp: str, body: bytes) -> str:
    """One signature of `webhook-signature` by an ed25519 key, `whsk_…`."""
    signature = _private(key).sign(_signed(id, timestamp, body))
    return "v1a," + base64.b64encode(signature).decode()


def private_key(seed: bytes) -> str:
    """An ed25519 key from 32 random bytes, as we keep it."""
    return PRIVATE_PREFIX + base64.b64encode(seed).decode()


def public_key(key: str) -> str:
    """The public half of a `whsk_…`, as a receiver writes it: `whpk_` and base64 of 32 bytes."""
    return PUBLIC_PREFIX + base64.b64encode(public_bytes(key)).decode()


def public_bytes(key: str) -> bytes:
    return _private(key).public_key().public_bytes_raw()


def key_id(key: str) -> str:
    """What names a `whsk_…` in public: its JWK thumbprint (RFC 7638, RFC 8037 appendix A.3)."""
    x = base64.urlsafe_b64encode(public_bytes(key)).rstrip(b"=").decode()
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    return base64.urlsafe_b64encode(hashlib.sha256(jwk.encode()).digest()).rstrip(b"=").decode()


def _private(key: str) -> Ed25519PrivateKey:
    seed = base64.b64decode(key.removeprefix(PRIVATE_PREFIX))
    return Ed25519PrivateKey.from_private_bytes(seed)


def _signed(id: str, timestamp: str, body: bytes) -> bytes:
    return f"{id}.{timestamp}.".encode() + body
