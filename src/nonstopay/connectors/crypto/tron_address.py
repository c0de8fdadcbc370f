"""TRON's addresses: Ethereum's twenty bytes behind 0x41, in Base58 with a checksum.

Source: developers.tron.network, "Accounts". Capitals matter: Base58 has no other spelling.
"""

from embit import base58

from nonstopay.connectors.crypto import evm_address
from nonstopay.errors import InvalidInput

_PREFIX = b"\x41"
_LENGTH = 21


def read(text: str) -> str:
    """A TRON address, its checksum right.

    Raises:
        InvalidInput: it is none.
    """
    try:
        raw = base58.decode_check(text)
    except ValueError:
        raise InvalidInput("address", "this is no TRON address") from None
    if len(raw) != _LENGTH or not raw.startswith(_PREFIX):
        raise InvalidInput("address", "this is no TRON address")
    return text


def of_key(public_key: bytes) -> str:
    """The address of a public key."""
    return spell(evm_address.of_key(public_key)[2:])


def spell(digits: str) -> str:
    """The address of Ethereum's twenty bytes, given as forty hexadecimal digits."""
    return str(base58.encode_check(_PREFIX + bytes.fromhex(digits)))


def digits(address: str) -> str:
    """Ethereum's twenty bytes of an address, as forty hexadecimal digits."""
    return str(base58.decode_check(address)[1:].hex())
