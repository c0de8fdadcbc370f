"""Payment links, held against the examples of EIP-681 and BIP-21."""

import pytest

from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.networks import Coin
from nonstopay.connectors.crypto.payment_uri import write
from nonstopay.errors import LawBroken
from nonstopay.money import Money

NETWORKS = networks.load()
ETHEREUM, BITCOIN = NETWORKS["ethereum"], NETWORKS["bitcoin"]


def _without_chain(link: str | None) -> str:
    """As the standard's examples are: of Ethereum's main net, its id left out."""
    assert link is not None
    return link.replace("@1", "", 1)


def test_ether_as_in_eip_681() -> None:
    """`ethereum:0xfb69…d359?value=2.014e18`; wallets read digits more reliably than exponents."""
    ether = NETWORKS.coin("ETH_ethereum")
    link = write(
        ETHEREUM,
        ether,
        "0xfb6916095ca1df60bb79Ce92ce3ea74c37c5d359",
        Money(2014 * 10**15, ether.currency),
    )

    assert _without_chain(link) == (
        "ethereum:0xfb6916095ca1df60bb79Ce92ce3ea74c37c5d359?value=2014000000000000000"
    )


def test_a_token_as_in_eip_681() -> None:
    unicorn = Coin("UNI", "ethereum", "0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7", 0)
    receiver = "0x8e23ee67d1332ad560396262c48ffbb01f93d052"

    assert _without_chain(write(ETHEREUM, unicorn, receiver, Money(1, unicorn.currency))) == (
        "ethereum:0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7/transfer"
        "?address=0x8e23ee67d1332ad560396262c48ffbb01f93d052&uint256=1"
    )


def test_the_link_names_the_chain() -> None:
    coin = NETWORKS.coin("USDT_bsc")
    link = write(NETWORKS["bsc"], coin, "0x" + "1" * 40, Money(15 * 10**18, coin.currency))

    assert link == (
        "ethereum:0x55d398326f99059fF775485246999027B3197955@56/transfer"
        f"?address=0x{'1' * 40}&uint256=15000000000000000000"
    )


def test_bitcoin_as_in_bip_21() -> None:
    coin = NETWORKS.coin("BTC_bitcoin")
    address = "175tWpb8K1S7NmH4Zx6rewF9WQrcZv245W"
    amount = Money(2_030_000_000, coin.currency)

    assert write(BITCOIN, coin, address, amount, "Luke-Jr") == (
        "bitcoin:175tWpb8K1S7NmH4Zx6rewF9WQrcZv245W?amount=20.3&label=Luke-Jr"
    )
    assert write(BITCOIN, coin, address, amount, "Chai & Söns?") == (
        f"bitcoin:{address}?amount=20.3&label=Chai%20%26%20S%C3%B6ns%3F"
    )
    assert write(BITCOIN, coin, address, Money(1, coin.currency)) == (
        f"bitcoin:{address}?amount=0.00000001"
    )


def test_litecoin_has_its_own_scheme_and_tron_none() -> None:
    litecoin, usdt = NETWORKS.coin("LTC_litecoin"), NETWORKS.coin("USDT_tron")

    assert write(NETWORKS["litecoin"], litecoin, "ltc1q", Money(10**8, litecoin.currency)) == (
        "litecoin:ltc1q?amount=1"
    )
    sandbox = networks.load(shipped=networks.SANDBOX)["litecoin"]
    assert write(sandbox, litecoin, "rltc1q", Money(10**8, litecoin.currency)) == (
        "litecoin:rltc1q?amount=1"
    )
    assert write(NETWORKS["tron"], usdt, "T", Money(1, usdt.currency)) is None


def test_an_amount_of_another_coin_is_a_bug() -> None:
    """USDT of bsc has 18 decimals: its amount in a link of polygon would be a million millions too much."""
    polygon = NETWORKS.coin("USDT_polygon")

    with pytest.raises(LawBroken):
        write(NETWORKS["polygon"], polygon, "0x", Money(1, NETWORKS.coin("USDT_bsc").currency))
    with pytest.raises(LawBroken):
        write(NETWORKS["polygon"], polygon, "0x", Money(0, polygon.currency))
