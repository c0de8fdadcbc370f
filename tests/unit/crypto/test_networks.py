"""The table of networks and coins: what is shipped, and what an operator's file may do to it."""

import re
from pathlib import Path

import pytest

from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.networks import DOLLAR, Kind
from nonstopay.errors import Misconfigured, NotFound
from nonstopay.money import parse
from nonstopay.sandbox.chain.network import CONFIRMATIONS, FAKE, LITECOIN
from nonstopay.sandbox.chain.network import NETWORKS as SANDBOX
from tests.laws.sources import ROOT

SHIPPED = networks.load()


def test_every_coin_of_the_contract_is_there() -> None:
    dollars = [
        f"{ticker}_{network}"
        for ticker in ("USDT", "USDC")
        for network in ("ethereum", "polygon", "arbitrum", "base", "bsc")
    ]
    others = ["USDT_tron", "ETH_ethereum", "POL_polygon", "BTC_bitcoin", "LTC_litecoin"]

    assert sorted(coin.name for coin in SHIPPED.coins()) == sorted([*dollars, *others])


def test_decimals_are_each_networks_own() -> None:
    decimals = {coin.name: coin.decimals for coin in SHIPPED.coins()}

    assert decimals["USDT_bsc"] == decimals["USDC_bsc"] == 18
    assert decimals["USDT_tron"] == decimals["USDT_polygon"] == decimals["USDC_base"] == 6
    assert decimals["BTC_bitcoin"] == decimals["LTC_litecoin"] == 8


@pytest.mark.parametrize(
    ("network", "dollars", "blocks", "finalized"),
    [
        ("ethereum", "999.99", 12, False),
        ("ethereum", "1000.00", 12, True),
        ("polygon", "1.00", 1, True),
        ("polygon", "1000.00", 50, True),
        ("arbitrum", "1.00", 300, False),
        ("tron", "50000.00", 19, False),
        ("bitcoin", "999.99", 2, False),
        ("bitcoin", "49999.99", 4, False),
        ("bitcoin", "50000.00", 6, False),
    ],
)
def test_confirmations_grow_with_the_amount(
    network: str, dollars: str, blocks: int, finalized: bool
) -> None:
    tier = SHIPPED[network].tier(parse(dollars, DOLLAR))

    assert (tier.blocks, tier.finalized) == (blocks, finalized)


def test_a_coin_is_found_by_its_name() -> None:
    assert SHIPPED.coin("USDT_tron").contract == "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
    assert SHIPPED["polygon"].native == SHIPPED.coin("POL_polygon")
    for name in ("USDT", "usdt_polygon", "USDT_Polygon", "DAI_polygon", "USDT_polygon_", ""):
        with pytest.raises(NotFound):
            SHIPPED.coin(name)


def test_an_operator_lays_a_file_over_it(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        """
        [polygon]
        confirmations = [{ blocks = 128 }]
        [gnosis]
        title = "Gnosis"
        kind = "evm"
        chain_id = 100
        block_milliseconds = 5000
        account_path = "m/44'/60'/0'"
        confirmations = [{ blocks = 20 }]
        coins.XDAI = { decimals = 18 }
        """
    )

    loaded = networks.load(own)

    assert loaded["polygon"].tier(parse("1.00", DOLLAR)).blocks == 128
    assert loaded["polygon"].coins == SHIPPED["polygon"].coins
    assert loaded.coin("XDAI_gnosis").contract is None
    assert len(loaded) == len(SHIPPED) + 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("polygon.chain_id = 1", "same chain_id"),
        ("polygon.chain_id = '137'", "chain_id"),
        ("polygon.confirmations = []", "confirmations"),
        ("polygon.confirmations = [{ blocks = 0 }]", "blocks"),
        ("polygon.confirmations = [{ blocks = 1, below = '5.00' }]", "the last has none"),
        ("polygon.confirmations = [{ blocks = 1 }, { blocks = 2 }]", "the last has none"),
        (
            "polygon.confirmations = [{blocks=1,below='9.00'},{blocks=2,below='5.00'},{blocks=3}]",
            "rise",
        ),
        ("polygon.confirmations = [{ blocks = 1, below = '1e3' }, { blocks = 2 }]", "dollars"),
        ("polygon.account_path = 'm/44/60/0'", "account_path"),
        ("polygon.speed = 1", "speed"),
        ("polygon.coins.USDT.decimals = 19", "decimals"),
        ("polygon.coins.USDT.decimals = 6.0", "decimals"),
        ("polygon.coins.USDT.contract = '0xc2132d05d31c914a87c6611c10748aeb04b58e8f'", "EIP-55"),
        ("polygon.coins.usdt = { decimals = 6 }", "ticker"),
        ("polygon.coins.DAI = { decimals = 18 }", "same contract"),
        ("tron.coins.USDT.contract = 'tr7nhqjekqxgtci8q8zy4pl8otszgjlj6t'", "TRON"),
        ("bitcoin.chain_id = 7", "chain_id"),
        ("bitcoin.address_prefix = ''", "address_prefix"),
        ("bitcoin.genesis = ''", "genesis"),
        ("bitcoin.genesis = '0x00'", "genesis"),
        (f"polygon.genesis = '{'0' * 64}'", "genesis"),
        (f"bitcoin.genesis = '{SHIPPED['litecoin'].genesis}'", "or genesis"),
        ("bitcoin.coins.RUNE = { decimals = 1, contract = 'x' }", "no tokens"),
        ("polygon = 5", "polygon"),
        ("nonsense", "cannot read"),
    ],
)
def test_a_table_that_would_cost_money_is_refused(tmp_path: Path, text: str, said: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)

    with pytest.raises(Misconfigured, match=said):
        networks.load(own)


def test_the_sandbox_is_what_its_chains_are() -> None:
    """The gateway's table of the sandbox and the sandbox itself know nothing of each other."""
    loaded = networks.load(shipped=networks.SANDBOX)

    assert set(loaded) == {*SANDBOX, LITECOIN.name}
    assert loaded[LITECOIN.name].tier(parse("1.00", DOLLAR)).blocks == CONFIRMATIONS
    assert set(loaded[LITECOIN.name].coins) == {LITECOIN.native}
    for name, chain in SANDBOX.items():
        assert loaded[name].chain_id == chain.chain_id
        assert loaded[name].tier(parse("1.00", DOLLAR)).blocks == CONFIRMATIONS
        told = {coin.ticker: (coin.contract, coin.decimals) for coin in loaded[name].coins.values()}
        tokens = {key: (one.address, one.decimals) for key, one in chain.tokens.items()}
        assert tokens.pop(FAKE)[0] not in [contract for contract, _ in told.values()]
        assert told == tokens | ({chain.native: (None, 18)} if chain.native in told else {})


def test_the_sandbox_is_like_the_real_world() -> None:
    for coin in networks.load(shipped=networks.SANDBOX).coins():
        real = SHIPPED.coin(coin.name)
        assert coin.decimals == real.decimals
        assert coin.contract is None or coin.contract != real.contract
    chains = {network.chain_id for network in SHIPPED.values()}
    assert not chains & {chain.chain_id for chain in SANDBOX.values()}


def test_the_manual_shows_the_table() -> None:
    page = (ROOT / "docs" / "chains.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+_\w+)` \| (\d+) \| (?:`(\w+)`|native) \|$", page, re.MULTILINE)
    told = {name: (int(decimals), contract or None) for name, decimals, contract in rows}
    ids = re.findall(r"^\| `(\w+)` \| \w+ \| (\d+|–) \|", page, re.MULTILINE)

    assert told == {coin.name: (coin.decimals, coin.contract) for coin in SHIPPED.coins()}
    assert dict(ids) == {
        name: "–" if network.kind is Kind.UTXO else str(network.chain_id)
        for name, network in SHIPPED.items()
    }
