"""The one door by which chance comes in: every token, key and random name is made here.

Secrets have at least 128 bits from the operating system (OWASP ASVS 5.0, 11.5.1). A simulation may
own the source with `draw_from`; nothing else does.
"""

import base64
import hashlib
import secrets
import zlib
from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_source: Callable[[int], bytes] = secrets.token_bytes


def draw_from(source: Callable[[int], bytes]) -> None:
    """Let a simulation supply the randomness: `source(n)` returns n bytes."""
    global _source
    _source = source


def random_bytes(count: int) -> bytes:
    return _source(count)


def random_fraction() -> float:
    """A number in [0, 1) for jitter; never for secrets."""
    return int.from_bytes(_source(6), "big") / (1 << 48)


def token(bits: int = 160) -> str:
    """A url-safe secret of at least `bits` bits."""
    return base64.urlsafe_b64encode(_source((bits + 7) // 8)).rstrip(b"=").decode()


def number_text(digits: int) -> str:
    """A random decimal number with exactly `digits` digits, leading zeros kept."""
    return str(int.from_bytes(_source(16), "big") % 10**digits).zfill(digits)


def api_key(mode: str) -> str:
    """A merchant's API key, `nsp_<mode>_<32 base-62 characters><6 of checksum>` (190 bits).

    The prefix lets secret scanners find a leaked key, the checksum lets us refuse a mistyped one
    without asking the database.
    """
    value = int.from_bytes(_source(24), "big")
    body = _base62(value, 33)[:32]
    return f"nsp_{mode}_{body}{_checksum(body)}"


def is_well_formed_api_key(key: str) -> bool:
    """Whether the key is one that `api_key` can have made."""
    parts = key.split("_")
    if len(parts) != 3 or parts[0] != "nsp" or len(parts[2]) != 38 or not key.isascii():
        return False
    return secrets.compare_digest(_checksum(parts[2][:32]), parts[2][32:])


def api_key_hash(key: str) -> bytes:
    """What is stored of a key. Plain SHA-256 suffices for a secret of 112 bits and more (ASVS 6.5.2)."""
    return hashlib.sha256(key.encode()).digest()


def signing_secret() -> str:
    """A webhook secret in the form of Standard Webhooks: `whsec_` and base64 of 32 bytes."""
    return "whsec_" + base64.b64encode(_source(32)).decode()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), 6)


def _base62(value: int, width: int) -> str:
    digits = []
    for _ in range(width):
        value, rest = divmod(value, 62)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))
