"""Signatures of the form `t=<seconds>,v1=<hex>`: an HMAC-SHA256 of the time, a point and the body."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from nonstopay import clock
from nonstopay.connectors.base import UnverifiedNotice


def require(secret: bytes, header: str, body: bytes, tolerance: timedelta) -> None:
    """Believe a body if one of the header's `v1` is ours; there are several while secrets change.

    Raises:
        UnverifiedNotice: none is, or it was signed longer ago, or further ahead, than `tolerance`.
    """
    parts = [part.partition("=")[::2] for part in header.split(",")]
    stamp = next((text for name, text in parts if name == "t" and text.isascii()), "")
    ours = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    claims = (text.encode() for name, text in parts if name == "v1")
    if not stamp.isdecimal() or not any(hmac.compare_digest(ours, claim) for claim in claims):
        raise UnverifiedNotice("the notification's signature does not hold")
    if abs(clock.now() - datetime.fromtimestamp(int(stamp), UTC)) > tolerance:
        raise UnverifiedNotice("the notification is of another time")
