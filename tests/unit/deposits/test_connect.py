"""What the settings make of the chains."""

from pathlib import Path

import msgspec
import pytest

from nonstopay.business.deposits.connect import connect
from nonstopay.business.deposits.sandbox_accounts import ACCOUNTS
from nonstopay.business.deposits.worth import at_par
from nonstopay.config import Settings
from nonstopay.connectors.crypto.networks import DOLLAR
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Misconfigured
from nonstopay.money import Currency, Money

REAL = Settings(
    mode="live",
    chain={"polygon": {"rpc": "https://a.example https://b.example"}},
    xpub_evm=(
        "xpub6DCoCpSuQZB2jawqnGMEPS63ePKWkwWPH4TU45Q7LPXWuNd8TMtVxRrgjtEshuqpK3mdhaWHPFsBngh5"
        "GFZaM6si3yZdUsT8ddYM3PwnATt"
    ),
)


def test_a_sandbox_reads_its_own_chains_and_derives_from_published_accounts(tmp_path: Path) -> None:
    (tmp_path / "chain").mkdir()
    (tmp_path / "chain" / "polygon.url").write_text("http://127.0.0.1:1")

    chains = connect(
        Settings(data=str(tmp_path)), ProviderHttp(), at_par, api_url="http://a.example"
    )

    assert list(chains.readers) == ["polygon"], "the others are not run"
    assert chains.network("polygon").chain_id == 31337137
    assert chains.two_nodes_above is None, "there is but one node of each"
    assert chains.accounts["evm"].address(chains.network("bsc"), 0) == (
        "0x58A57ed9d8d624cBD12e2C467D34787555bB1b25"
    )


def test_a_live_gateway_reads_the_nodes_that_it_is_given() -> None:
    chains = connect(REAL, ProviderHttp(), at_par, api_url="http://a.example")

    assert chains.readers["polygon"].nodes == 2
    assert chains.network("polygon").chain_id == 137
    assert chains.two_nodes_above == Money(100_000, DOLLAR)
    assert chains.dust == Money(1, DOLLAR)
    assert chains.coins_offered() == [], "nothing is offered before its chain has answered"


@pytest.mark.parametrize("mode", ["live", "sandbox"])
def test_published_accounts_are_refused_on_real_chains(mode: str) -> None:
    settings = msgspec.structs.replace(REAL, mode=mode, xpub_evm=ACCOUNTS["evm"])

    with pytest.raises(Misconfigured, match="private key"):
        connect(settings, ProviderHttp(), at_par, api_url="http://a.example")


def test_on_real_chains_a_sandbox_has_no_account_of_its_own() -> None:
    settings = msgspec.structs.replace(REAL, mode="sandbox", xpub_evm="")

    chains = connect(settings, ProviderHttp(), at_par, api_url="http://a.example")

    assert chains.accounts == {}


@pytest.mark.parametrize("name", ["chain_dust", "chain_two_nodes_above"])
def test_amounts_are_dollars(name: str) -> None:
    for wrong in ("much", "0.001", "-1"):
        with pytest.raises(Misconfigured, match=name):
            connect(
                msgspec.structs.replace(REAL, **{name: wrong}),
                ProviderHttp(),
                at_par,
                api_url="http://a.example",
            )
    chains = connect(
        msgspec.structs.replace(REAL, **{name: ""}), ProviderHttp(), at_par, api_url=""
    )
    assert None in (chains.dust, chains.two_nodes_above)


@pytest.mark.parametrize(
    ("code", "exponent", "minor", "cents"),
    [
        ("USDT_bsc", 18, 15_040_000_000_000_000_000, 1504),
        ("USDC_polygon", 6, 9_999, 0),
        ("USDC_polygon", 6, 10_000, 1),
        ("ETH_ethereum", 18, 10**18, None),
    ],
)
async def test_stablecoins_are_taken_at_par(
    code: str, exponent: int, minor: int, cents: int | None
) -> None:
    worth = await at_par(Money(minor, Currency(code, exponent)))

    assert worth == (None if cents is None else Money(cents, DOLLAR))
