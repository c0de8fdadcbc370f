"""The chains that the settings name: tables, accounts, nodes."""

from collections.abc import Mapping
from pathlib import Path

from nonstopay.business.deposits.chains import Chains, family_of
from nonstopay.business.deposits.sandbox_accounts import ACCOUNTS
from nonstopay.business.deposits.worth import Worth
from nonstopay.config import Settings
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import Account, read_account
from nonstopay.connectors.crypto.networks import DOLLAR, Networks
from nonstopay.connectors.crypto.readers import readers
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import InvalidAmount, Misconfigured
from nonstopay.money import Money, parse

ANSWER_MAX = 64 << 20
"""Bytes of a node's answer: a batch of full blocks of a busy chain."""
SANDBOX_NODES = "/sandbox/chain/rpc/"


def connect(settings: Settings, http: ProviderHttp, worth: Worth, *, api_url: str) -> Chains:
    """What these settings make of the chains; asks nobody yet.

    Args:
        http: for nodes; takes answers up to `ANSWER_MAX`.
        api_url: where the sandbox's own nodes are reached, through this installation's HTTP door.

    Raises:
        Misconfigured: a table, a key, a node or an amount that is wrong.
    """
    table = table_of(settings)
    return Chains(
        table,
        readers(table, nodes_of(settings, table, api_url=api_url), http),
        accounts_of(settings, table),
        worth=worth,
        dust=_dollars("chain_dust", settings.chain_dust),
        two_nodes_above=(
            _dollars("chain_two_nodes_above", settings.chain_two_nodes_above)
            if not has_own_chains(settings)
            else None
        ),
    )


def nodes_of(
    settings: Settings, table: Networks, *, api_url: str
) -> Mapping[str, Mapping[str, str]]:
    """The sections `[chain.NETWORK]`; where the chains are the sandbox's own, what stands for them."""
    if not has_own_chains(settings):
        return settings.chain
    return {
        one.name: {"rpc": f"{api_url}{SANDBOX_NODES}{one.name}"}
        for one in table.values()
        if _is_run(settings, one.name)
    }


def _is_run(settings: Settings, network: str) -> bool:
    """Whether `serve` found a program for this chain."""
    return (settings.data_path / "chain" / f"{network}.url").exists()


def has_own_chains(settings: Settings) -> bool:
    """Whether the chains are the sandbox's own, which `serve` runs."""
    return not settings.live and settings.sandbox_chain and not settings.chain


def table_of(settings: Settings) -> Networks:
    """The networks and coins of this installation."""
    own = Path(settings.networks_file) if settings.networks_file else None
    shipped = networks.SANDBOX if has_own_chains(settings) else networks.SHIPPED
    return networks.load(own, shipped=shipped)


def accounts_of(settings: Settings, table: Networks) -> dict[str, Account]:
    """By family, those that are given; the sandbox's chains have published ones of their own."""
    given: Mapping[str, str] = {
        "evm": settings.xpub_evm,
        "tron": settings.xpub_tron,
        "bitcoin": settings.xpub_bitcoin,
        "litecoin": settings.xpub_litecoin,
    }
    found = {}
    for network in table.values():
        family = family_of(network)
        text = given.get(family) or (ACCOUNTS.get(family) if has_own_chains(settings) else None)
        if family not in found and text:
            if text in ACCOUNTS.values() and not has_own_chains(settings):
                raise Misconfigured(f"xpub_{family}: all the world has this account's private key")
            found[family] = read_account(text, network)
    return found


def _dollars(name: str, text: str) -> Money | None:
    if not text:
        return None
    try:
        return parse(text, DOLLAR)
    except InvalidAmount:
        raise Misconfigured(f'{name} is dollars, like "1000.00"') from None
