"""Addresses of Ethereum and its kin: their spelling, and who signed a message.

Sources: EIP-55 (capitals as a checksum), EIP-191 version 0x45 (`personal_sign`).
"""

import re

from coincurve import PublicKey
from Crypto.Hash import keccak

from nonstopay.errors import InvalidInput

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}", re.ASCII)
_RECOVERY_IDS = {0: 0, 1: 1, 27: 0, 28: 1}
"""The last byte of a signature: wallets count it from 27, some libraries from 0."""
_RESERVED_BELOW = 1 << 16
"""Addresses that no key leads to: zero, and the networks' built-in contracts."""


def read_address(text: str) -> str:
    """An address as it is written everywhere here: with the capitals of EIP-55.

    Raises:
        InvalidInput: no address, one without its capitals or with wrong ones (a slip of one character
            shows in them), or one that no key leads to.
    """
    if not _ADDRESS.fullmatch(text):
        raise InvalidInput("wallet", "a wallet is 0x and 40 hexadecimal digits")
    if spell(bytes.fromhex(text[2:])) != text:
        raise InvalidInput(
            "wallet", "its capitals do not fit (EIP-55): copy the address as your wallet shows it"
        )
    if int(text, 16) < _RESERVED_BELOW:
        raise InvalidInput("wallet", "nobody has the key of this address")
    return text


def spell(address: bytes) -> str:
    """Twenty bytes as text; a letter is a capital where the digest of the text says 8 or more."""
    digits = address.hex()
    digest = _keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(sign, 16) >= 8 else digit
        for digit, sign in zip(digits, digest, strict=False)
    )


def signer_of(message: str, signature: str) -> str:
    """The address whose key signed the message with `personal_sign`.

    Args:
        signature: `0x` and 65 bytes in hexadecimal digits, as wallets give it.

    Raises:
        InvalidInput: no such signature.
    """
    if not _SIGNATURE.fullmatch(signature):
        raise InvalidInput("signature", "a signature is 0x and 130 hexadecimal digits")
    raw = bytes.fromhex(signature[2:])
    if raw[64] not in _RECOVERY_IDS:
        raise InvalidInput("signature", "this is no signature of an account")
    try:
        key = PublicKey.from_signature_and_message(
            raw[:64] + bytes([_RECOVERY_IDS[raw[64]]]), digest_of(message), hasher=None
        )
    except ValueError:
        raise InvalidInput("signature", "this is no signature of an account") from None
    return address_of(key)


def address_of(key: PublicKey) -> str:
    """The address of a public key."""
    return spell(_keccak(key.format(compressed=False)[1:])[-20:])


def digest_of(message: str) -> bytes:
    """What `personal_sign` signs."""
    text = message.encode()
    return _keccak(b"\x19Ethereum Signed Message:\n%d%b" % (len(text), text))


def _keccak(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()
