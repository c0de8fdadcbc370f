"""Sealing of small secrets at rest: AES-256-GCM under a key that lives outside the database.

A blob is `version (1) · key id (4) · nonce (12) · ciphertext and tag`. The context (what the
secret is and whose) and the head are authenticated with it, so a blob moved to another row does
not open there. Keys rotate: the first key of a `Sealer` seals, all of them open.

Nonces are random, 96 bits: NIST SP 800-38D, 8.3 allows 2^32 seals under one key.
"""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nonstopay.errors import Misconfigured, NonstopayError

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEAD_BYTES = len(_VERSION) + _KEY_ID_BYTES
_KEY_BYTES = 32


class SealBroken(NonstopayError):
    """The blob was changed, belongs elsewhere, or was sealed with a key that we do not have."""

    code = "seal_broken"


def derive(secret: bytes, purpose: str) -> bytes:
    """A 32-byte subkey of the installation's secret (HKDF-SHA256, RFC 5869).

    Args:
        secret: at least 32 bytes.
        purpose: what the key is for; two purposes never share a key.

    Raises:
        Misconfigured: a secret that is too short.
    """
    if len(secret) < _KEY_BYTES:
        raise Misconfigured(f"a secret key has at least {_KEY_BYTES} bytes")
    info = f"nonstopay/{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(secret)


class Sealer:
    """Seals with the first of `keys` and opens with any of them.

    Args:
        keys: secrets of at least 32 bytes, the newest first.

    Raises:
        Misconfigured: no key, or one that is too short.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise Misconfigured("sealing needs a key")
        ciphers = {
            derive(key, "seal/key-id")[:_KEY_ID_BYTES]: AESGCM(derive(key, "seal/key"))
            for key in keys
        }
        self._ciphers = ciphers
        self._newest = next(iter(ciphers))

    def seal(self, plain: bytes, context: str) -> bytes:
        """`plain` sealed for `context`, e.g. `webhook_secret:7`; 33 bytes longer than it was."""
        head = _VERSION + self._newest
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[self._newest]
        return head + nonce + cipher.encrypt(nonce, plain, head + context.encode())

    def open(self, blob: bytes, context: str) -> bytes:
        """What was sealed for `context`.

        Raises:
            SealBroken: changed, another context, or an unknown key.
        """
        head, rest = blob[:_HEAD_BYTES], blob[_HEAD_BYTES:]
        cipher = self._ciphers.get(head[len(_VERSION) :])
        if not blob.startswith(_VERSION) or len(rest) < _NONCE_BYTES + _TAG_BYTES:
            raise SealBroken(f"this is no sealed {context}")
        if cipher is None:
            raise SealBroken(f"{context} was sealed with a key that is not ours")
        nonce, sealed = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, sealed, head + context.encode())
        except InvalidTag:
            raise SealBroken(f"the seal of {context} is broken") from None
