"""The checkout token: the only thing a payer needs, and the only thing that opens his page.

It carries the merchant and the invoice, so that one row of one merchant is read, and a 128-bit tag
under the installation's key (keyed BLAKE2b, RFC 7693), so that nobody can guess or alter one (OWASP
ASVS 5.0, 11.5.1). Nothing of it is stored: a copy of the database opens no page.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from nonstopay.errors import NotFound

_TAG_BYTES = 16
_TEXT_MAX = 120
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Tokens:
    """Makes and reads tokens. `keys`: the first makes, all read (so a key can be rotated)."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def make(self, merchant_id: int, invoice_id: int) -> str:
        """The token of an invoice, url-safe."""
        subject = b"%x.%x." % (merchant_id, invoice_id)
        raw = subject + _tag(self._keys[0], subject)
        return binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode()

    def read(self, token: str) -> tuple[int, int]:
        """The merchant's and the invoice's id.

        Raises:
            NotFound: not a token of ours; it does not say what is wrong with it.
        """
        subject, tag = _split(token)
        ours = False
        for key in self._keys:
            ours |= hmac.compare_digest(tag, _tag(key, subject))
        if not ours:
            raise _unknown()
        merchant_text, invoice_text, _ = subject.split(b".")
        return int(merchant_text, 16), int(invoice_text, 16)


def _tag(key: bytes, subject: bytes) -> bytes:
    return hashlib.blake2b(subject, digest_size=_TAG_BYTES, key=key).digest()


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
