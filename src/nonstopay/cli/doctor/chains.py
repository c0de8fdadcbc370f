"""The doctor's look at the crypto rail: the table of coins, the keys that addresses come from, the nodes."""

from collections.abc import Iterator
from pathlib import Path

from nonstopay.cli.doctor.finding import Finding, fail, ok, warn
from nonstopay.config import Settings
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import read_account
from nonstopay.connectors.crypto.evm_network import connect, urls_of
from nonstopay.connectors.crypto.networks import Networks
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Misconfigured
from nonstopay.sandbox.chain.node import find_program

_EXAMPLES = {
    "xpub_evm": "ethereum",
    "xpub_tron": "tron",
    "xpub_bitcoin": "bitcoin",
    "xpub_litecoin": "litecoin",
}
"""A network whose account path each key has."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check of the crypto rail. It asks no node."""
    try:
        known = networks.load(Path(settings.networks_file) if settings.networks_file else None)
        connect(known, settings.chain, ProviderHttp())
    except Misconfigured as error:
        yield fail("chains", str(error), "see docs/chains.md")
        return
    yield from _accounts(settings, known)
    if settings.live or settings.chain:
        yield _nodes(settings)
    elif settings.sandbox_chain:
        yield sandbox_chains()
    else:
        yield ok("chains", "switched off in this sandbox")


def sandbox_chains() -> Finding:
    """Whether the sandbox can run chains of its own."""
    try:
        return ok("chains", f"the sandbox's own, run by {find_program()}")
    except Misconfigured as error:
        said, _, advice = error.message.partition(": ")
        return warn("chains", f"{said}: the sandbox has no crypto", advice)


def _accounts(settings: Settings, known: Networks) -> Iterator[Finding]:
    for name, network in _EXAMPLES.items():
        if text := getattr(settings, name):
            try:
                account = read_account(text, known[network])
            except Misconfigured as error:
                yield fail(name, str(error), "see docs/chains.md, Addresses")
            else:
                first = account.address(known[network], 0)
                yield ok(name, f"its first address is {first}; compare it with your wallet")


def _nodes(settings: Settings) -> Finding:
    alone = [name for name, section in settings.chain.items() if len(urls_of(section)) < 2]
    if not settings.chain:
        return ok("chains", "no nodes, no crypto: [chain.NETWORK] names them")
    if alone:
        advice = "give a second URL, of another vendor"
        return warn("chains", f"one node alone is believed on: {', '.join(alone)}", advice)
    return ok("chains", f"nodes for {', '.join(settings.chain)}")
