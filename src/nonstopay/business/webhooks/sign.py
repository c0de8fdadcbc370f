"""Signatures of webhooks, by which a merchant knows that they are ours.

Two forms, so that a merchant may use either:

* `X-Signature`: lower-case hex of HMAC-SHA256 over the raw body; the key is the bytes of the secret
  as it is written, `whsec_` included.
* Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`, the last being
  `v1,<base64>` of HMAC-SHA256 over `id.timestamp.body`; the key is what the base64 after `whsec_`
  decodes to. This form also protects against replays, hence is the better one.

While two secrets are valid after a rotation, `webhook-signature` holds one signature for each, so a
receiver with either secret accepts. `X-Signature` can hold one only: it is the newest secret's, and
the old one's stands beside it as `X-Signature-Previous` until the overlap ends.
"""

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"


def webhook_id(event_id: int) -> str:
    """The same for every attempt and endpoint of an event: what a receiver knows a repeat by."""
    return f"evt_{event_id}"


def headers(secrets: Sequence[str], id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The signature headers of one attempt; each attempt is signed anew, with its own time.

    Args:
        secrets: the valid ones as they are written, the newest first; at least one.
        id: what `webhook_id` made.
        at: the instant of the attempt.
    """
    timestamp = str(int(at.timestamp()))
    signed = {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(standard(secret, id, timestamp, body) for secret in secrets),
        "X-Signature": plain(secrets[0], body),
    }
    if len(secrets) > 1:
        signed["X-Signature-Previous"] = plain(secrets[1], body)
    return signed


def plain(secret: str, body: bytes) -> str:
    """The value of `X-Signature`."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def standard(secret: str, id: str, timestamp: str, body: bytes) -> str:
    """One signature of `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()
