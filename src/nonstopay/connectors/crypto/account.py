"""Receiving addresses from an extended public key: as many as invoices, and no private key anywhere.

An account is the key at a network's account path (`m/44'/60'/0'`, `m/84'/0'/0'`); its receiving
addresses lie below it at `/0/index`. Sources: BIP-32, BIP-44, BIP-84; SLIP-132 for the prefixes.
"""

from dataclasses import dataclass, field

from embit import base58
from embit.bip32 import HARDENED_INDEX, HDKey
from embit.networks import NETWORKS
from embit.script import p2wpkh

from nonstopay.connectors.crypto import evm_address, tron_address
from nonstopay.connectors.crypto.networks import Kind, Network
from nonstopay.errors import Misconfigured

ACCOUNT_DEPTH = 3
RECEIVING = 0
_PRIVATE = ("xprv", "yprv", "zprv", "tprv", "vprv", "Ltpv", "Mtpv")
_ANY_ACCOUNT = b"\x04\x88\xb2\x1e"  # xpub, which for UTXO networks leaves the kind of address open
_SEGWIT_ACCOUNT = b"\x04\xb2\x47\x46"  # zpub: native segwit, the kind we make


@dataclass(frozen=True, slots=True)
class Account:
    """An account of one wallet, of which we know the public half.

    Attributes:
        path: of the account itself.
    """

    path: str
    _chain: HDKey = field(repr=False)

    def address(self, network: Network, index: int) -> str:
        """The receiving address with this number on a network that has this account path.

        Args:
            index: 0 to 2^31 − 1; whoever counts never gives one twice.
        """
        if network.account_path != self.path:
            raise Misconfigured(f"{network.name} has its addresses at {network.account_path}")
        if not 0 <= index < HARDENED_INDEX:
            raise ValueError("an index is 0 to 2^31 - 1")
        key = self._chain.child(index).key
        match network.kind:
            case Kind.EVM:
                return evm_address.of_key(key.sec())
            case Kind.TRON:
                return tron_address.of_key(key.sec())
            case Kind.UTXO:
                words = NETWORKS["main"] | {"bech32": network.address_prefix}
                return str(p2wpkh(key).address(words))

    def path_of(self, index: int) -> str:
        """Where a wallet finds the private key of that address: `m/44'/60'/0'/0/7`."""
        return f"{self.path}/{RECEIVING}/{index}"


def read_account(text: str, network: Network) -> Account:
    """The account that the operator's wallet exported for this network.

    Raises:
        Misconfigured: no extended public key; a private one, which has no place here; one that is not
            an account's (of another depth, or meant for another kind of address).
    """
    if text.startswith(_PRIVATE):
        raise Misconfigured("this is a private key: give the public one, and move the funds")
    try:
        raw = base58.decode_check(text)
        key = HDKey.from_base58(text)
    except Exception:  # embit raises whatever comes; and the text shall not stand in an error
        raise Misconfigured("this is no extended public key") from None
    if key.is_private:
        raise Misconfigured("this is a private key: give the public one, and move the funds")
    known = (_ANY_ACCOUNT, _SEGWIT_ACCOUNT) if network.kind is Kind.UTXO else (_ANY_ACCOUNT,)
    if raw[:4] not in known:
        raise Misconfigured("this extended public key is for addresses of another kind")
    if key.depth != ACCOUNT_DEPTH:
        raise Misconfigured(f"this is not the key of an account, {network.account_path}")
    return Account(network.account_path, key.child(RECEIVING))
