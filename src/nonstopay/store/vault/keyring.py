"""The vault's keys: named, several at a time, outside the database.

The first key seals, all of them open. What seals and fingerprints is derived from a key, never the key
itself, so one that is used elsewhere by mistake shares nothing with the vault.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nonstopay.config import Settings
from nonstopay.errors import Misconfigured
from nonstopay.store.seal import SealBroken, Sealer, derive

KEY_BYTES = 32
ADVICE = (
    "set NONSTOPAY_VAULT_KEYS_FILE to a file made by: "
    'echo "k1:$(openssl rand -base64 32 | tr +/ -_)"'
)
NO_KEY = f"the card vault has no key; {ADVICE}"
_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")
_DISTINCT_MIN = 12


@dataclass(frozen=True, slots=True)
class VaultKey:
    """One master key. The `id` is public and stands beside everything that the key sealed."""

    id: str
    secret: bytes = field(repr=False)

    @property
    def check_value(self) -> bytes:
        """32 bytes by which the key is known again, and which tell nothing of it."""
        return derive(self.secret, "vault/check-value")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A blob, and the name of the key that opens it."""

    key_id: str
    blob: bytes = field(repr=False)


class Keyring:
    """Seals with the first of `keys` and opens with any of them; may be empty, and then does neither.

    Raises:
        Misconfigured: two keys of one name.
    """

    def __init__(self, keys: Sequence[VaultKey]) -> None:
        self._keys = {key.id: key for key in keys}
        self._sealers = {key.id: Sealer([derive(key.secret, "vault/seal")]) for key in keys}
        if len(self._keys) != len(keys):
            raise Misconfigured("vault_keys: two keys have the same name")

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._keys

    def __iter__(self) -> Iterator[VaultKey]:
        return iter(self._keys.values())

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def newest(self) -> str:
        """The name of the key that seals.

        Raises:
            Misconfigured: there is none.
        """
        if not self._keys:
            raise Misconfigured(NO_KEY)
        return next(iter(self._keys))

    def seal(self, plain: bytes, context: str) -> Sealed:
        """`plain` sealed for `context` (which row, whose, and what it is) by the newest key."""
        key_id = self.newest
        return Sealed(key_id, self._sealers[key_id].seal(plain, context))

    def open(self, sealed: Sealed, context: str) -> bytes:
        """What was sealed for `context`.

        Raises:
            SealBroken: changed, moved from another row, or sealed by a key that we do not have.
        """
        sealer = self._sealers.get(sealed.key_id)
        if sealer is None:
            raise SealBroken(f"{context} was sealed with vault key {sealed.key_id}, not ours")
        return sealer.open(sealed.blob, context)


def keyring_of(settings: Settings) -> Keyring:
    """The keys of the settings. A sandbox without any derives its own from its secret key.

    Raises:
        Misconfigured: a key that is malformed, too short, or too weak to be random.
    """
    if settings.vault_keys or settings.live:
        return Keyring([parse_key(text) for text in settings.vault_keys])
    secrets = (settings.secret_key, *settings.previous_secret_keys)
    return Keyring([_own_key(secret.encode()) for secret in secrets if secret])


def parse_key(text: str) -> VaultKey:
    """Read `name:base64url of 32 bytes`.

    Raises:
        Misconfigured: another form, or bytes that no random source made. The key is not repeated.
    """
    key_id, _, encoded = text.partition(":")
    if not _ID.fullmatch(key_id):
        raise Misconfigured(f"a vault key is written name:base64; {ADVICE}")
    try:
        secret = base64.b64decode(encoded.rstrip("=") + "=", altchars=b"-_", validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise Misconfigured(f"vault key {key_id} is not base64url of {KEY_BYTES} bytes; {ADVICE}")
    if len(set(secret)) < _DISTINCT_MIN or "example" in encoded.lower():
        raise Misconfigured(f"vault key {key_id} is too weak; {ADVICE}")
    return VaultKey(key_id, secret)


def _own_key(secret: bytes) -> VaultKey:
    key = derive(secret, "vault/sandbox")
    return VaultKey(f"sandbox-{derive(key, 'vault/sandbox-name').hex()[:8]}", key)
