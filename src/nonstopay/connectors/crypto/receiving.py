"""Addresses that others name, to be sent coins to: read by the rules of the network they are on."""

from embit import script
from embit.base import EmbitError

from nonstopay.connectors.crypto import evm_address, tron_address
from nonstopay.connectors.crypto.networks import Kind, Network
from nonstopay.errors import InvalidInput


def read_address(network: Network, text: str) -> str:
    """The address as the network spells it.

    On EVM networks capitals are a checksum (EIP-55), which must be there; elsewhere it is in the address
    itself. An address of another network is refused where it can be told.

    Raises:
        InvalidInput: it is none.
    """
    match network.kind:
        case Kind.EVM:
            return evm_address.read(text)
        case Kind.TRON:
            return tron_address.read(text)
        case Kind.UTXO:
            return _read_bech32(network.address_prefix, text)


def _read_bech32(prefix: str, text: str) -> str:
    address = text.lower() if text.isupper() else text
    if not address.startswith(f"{prefix}1"):
        raise InvalidInput("address", f"an address here begins with {prefix}1")
    try:
        script.address_to_scriptpubkey(address)
    except (EmbitError, ValueError):
        raise InvalidInput("address", "it is mistyped: its checksum does not fit") from None
    return address
