"""Payment links, as wallets read them from a QR code: EIP-681 for EVM networks, BIP-21 for Bitcoin.

An amount in an EIP-681 link is in the smallest unit, in a BIP-21 link in whole coins. Each link names
its chain, so that a wallet on another one can refuse. Where no wallet would understand a link
(TRON), there is none: the plain address is shown.
"""

from urllib.parse import quote

from nonstopay.connectors.crypto.networks import Coin, Kind, Network
from nonstopay.errors import LawBroken
from nonstopay.money import Money

_SCHEMES = {"bc": "bitcoin", "ltc": "litecoin", "tltc": "litecoin", "rltc": "litecoin"}
"""By address prefix; test networks have the scheme of the real one, Bitcoin's if we know no better."""


def write(network: Network, coin: Coin, address: str, amount: Money, label: str = "") -> str | None:
    """The link that asks for `amount` of `coin` to `address`.

    Args:
        label: whom the payer pays; shown by wallets of UTXO networks alone.

    Returns:
        `None` where there is no such link.
    """
    if amount.currency != coin.currency or coin.network != network.name or amount.minor <= 0:
        raise LawBroken(f"{amount} is not to be paid in {coin.name}")
    match network.kind:
        case Kind.EVM:
            assert network.chain_id is not None
            return _eip681(network.chain_id, coin.contract, address, amount.minor)
        case Kind.UTXO:
            return _bip21(_SCHEMES.get(network.address_prefix, "bitcoin"), address, amount, label)
        case Kind.TRON:
            return None


def _eip681(chain_id: int, contract: str | None, address: str, units: int) -> str:
    if contract is None:
        return f"ethereum:{address}@{chain_id}?value={units}"
    return f"ethereum:{contract}@{chain_id}/transfer?address={address}&uint256={units}"


def _bip21(scheme: str, address: str, amount: Money, label: str) -> str:
    link = f"{scheme}:{address}?amount={amount.short_text()}"
    return f"{link}&label={quote(label, safe='')}" if label else link
