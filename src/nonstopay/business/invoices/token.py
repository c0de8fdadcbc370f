"""The checkout token: the only thing a payer needs, and the only thing that opens his page.

It carries the merchant and the invoice, so that one row of one merchant is read, and a 128-bit
HMAC-SHA256 under the installation's key, so that nobody can guess or alter one (OWASP ASVS 5.0,
11.5.1). Nothing of it is stored: a copy of the database opens no page.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence

from nonstopay.errors import NotFound

_TAG_BYTES = 16
_TEXT_MAX = 120


class Tokens:
    """Makes and reads tokens. `keys`: the first makes, all read (so a key can be rotated)."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def make(self, merchant_id: int, invoice_id: int) -> str:
        """The token of an invoice, url-safe."""
        subject = b"%x.%x." % (merchant_id, invoice_id)
        tag = hmac.digest(self._keys[0], subject, "sha256")[:_TAG_BYTES]
        return base64.urlsafe_b64encode(subject + tag).rstrip(b"=").decode()

    def read(self, token: str) -> tuple[int, int]:
        """The merchant's and the invoice's id.

        Raises:
            NotFound: not a token of ours; it does not say what is wrong with it.
        """
        subject, tag = _split(token)
        ours = False
        for key in self._keys:
            made = hmac.digest(key, subject, "sha256")[:_TAG_BYTES]
            ours |= hmac.compare_digest(tag, made)
        if not ours:
            raise _unknown()
        merchant_text, invoice_text, _ = subject.split(b".")
        return int(merchant_text, 16), int(invoice_text, 16)


def _split(token: str) -> tuple[bytes, bytes]:
    if len(token) > _TEXT_MAX or not token.isascii():
        raise _unknown()
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise _unknown() from None
    if len(raw) <= _TAG_BYTES:
        raise _unknown()
    return raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]


def _unknown() -> NotFound:
    return NotFound("this payment link is not known")
