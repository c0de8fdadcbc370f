"""Addresses of Ethereum and its kin: twenty bytes, spelt with capitals as a checksum.

Sources: EIP-55 for the capitals, the Yellow Paper (appendix F) for how a key has its address.
"""

import re
from functools import lru_cache

from coincurve import PublicKey
from Crypto.Hash import keccak

from nonstopay.errors import InvalidInput

ZERO = "0x" + 40 * "0"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def read(text: str) -> str:
    """An address with the capitals of EIP-55, in which a slip of one character shows.

    Raises:
        InvalidInput: no address, or one whose capitals do not fit.
    """
    if not _ADDRESS.fullmatch(text):
        raise InvalidInput("address", "an address is 0x and 40 hexadecimal digits")
    if spell(bytes.fromhex(text[2:])) != text:
        raise InvalidInput("address", "its capitals do not fit (EIP-55)")
    return text


@lru_cache(maxsize=1 << 14)  # blocks are read several times, and name the same addresses
def spell(address: bytes) -> str:
    """Twenty bytes as text; a letter is a capital where the digest of the text says 8 or more."""
    digits = address.hex()
    marks = keccak256(digits.encode()).hex()
    capitals = [
        digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, marks, strict=False)
    ]
    return "0x" + "".join(capitals)


def of_key(public_key: bytes) -> str:
    """The address of a public key, in either of its two forms (33 or 65 bytes)."""
    whole = PublicKey(public_key).format(compressed=False)
    return spell(keccak256(whole[1:])[-20:])


def keccak256(data: bytes) -> bytes:
    """Ethereum's hash, which is not quite SHA-3."""
    return keccak.new(digest_bits=256, data=data).digest()
