"""The key of the hot wallet. Whoever keeps it elsewhere (a KMS, an HSM) writes one class with one method."""

import os
import re
import stat
from pathlib import Path
from typing import Protocol

from coincurve import PrivateKey

from nonstopay import ids
from nonstopay.connectors.crypto import evm_address
from nonstopay.errors import Misconfigured

_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}", re.ASCII)
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Key(Protocol):
    """What a signer signs with."""

    @property
    def address(self) -> str:
        """Whose coins it moves, with the capitals of EIP-55."""

    def sign(self, digest: bytes) -> bytes:
        """Sign 32 bytes on secp256k1: r, s (in the lower half of the order) and 0 or 1, 65 bytes.

        A KMS mostly answers with DER and without the last byte: try both, and keep the one from which
        the public key follows.
        """


class FileKey:
    """A key from a file, in this process's memory alone."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self.address = evm_address.of_key(self._key.public_key.format())

    def sign(self, digest: bytes) -> bytes:
        return self._key.sign_recoverable(digest, hasher=None)

    def __repr__(self) -> str:
        return f"FileKey({self.address})"


def read(file: Path) -> FileKey:
    """The key in a file: 64 hexadecimal digits.

    Raises:
        Misconfigured: no such file, others may read it, no key in it. No message repeats what is in it.
    """
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"cannot read the signer's key in {file}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise Misconfigured(f"others may read {file}: chmod 600 it, and think of the key as known")
    if not _KEY.fullmatch(text) or not 0 < int(text, 16) < _ORDER:
        raise Misconfigured(f"{file} holds no key: 64 hexadecimal digits are one")
    return FileKey(bytes.fromhex(text.removeprefix("0x")))


def generate(file: Path) -> None:
    """Put a new key into a file, unless there is one."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(made, "w") as open_file:
        secret = 1 + int.from_bytes(ids.random_bytes(40)) % (_ORDER - 1)
        open_file.write(f"{secret:064x}\n")
