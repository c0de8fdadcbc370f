"""The doctor's look at the crypto rail: the table of coins, the keys that addresses come from, the nodes."""

from collections.abc import Iterator
from pathlib import Path

from nonstopay import clock
from nonstopay.business.deposits import records
from nonstopay.business.deposits.states import State
from nonstopay.business.deposits.watch import records as watching
from nonstopay.business.deposits.watch.cursor import Cursor
from nonstopay.business.transactions import records as transactions
from nonstopay.business.transactions.hot import records as hot_records
from nonstopay.cli.doctor.finding import Finding, fail, ok, warn
from nonstopay.config import Settings
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import read_account
from nonstopay.connectors.crypto.evm_network import connect, urls_of
from nonstopay.connectors.crypto.networks import Networks
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Misconfigured
from nonstopay.sandbox.chain import litecoin_node
from nonstopay.sandbox.chain.node import find_program
from nonstopay.store import heartbeat
from nonstopay.store.db import Database

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
        if settings.sandbox_litecoin:
            yield sandbox_litecoin()
    else:
        yield ok("chains", "switched off in this sandbox")


async def watched(db: Database) -> list[Finding]:
    """How far each chain was read, if a worker runs to read it; and deposits that were taken back."""
    async with db.reading() as conn:
        cursors = await watching.cursors(conn)
        counts = await records.open_counts(conn)
    findings = []
    if await heartbeat.is_alive(db, "worker"):
        now = clock.now() - clock.offset()
        findings = [_watched(one, one.is_alive(now)) for one in cursors]
    frozen = sum(number for (_, state), number in counts.items() if state == State.FROZEN)
    if frozen:
        advice = "see docs/chains.md, Reorganisations"
        findings.append(warn("deposits", f"{frozen} were taken back after they counted", advice))
    return [*findings, *await _hot_wallet(db)]


async def _hot_wallet(db: Database) -> list[Finding]:
    """Coins that run low, and transactions that moved nothing or wait for something."""
    async with db.reading() as conn:
        held = await hot_records.balances(conn)
        failed = (await transactions.count_by_state(conn)).get("failed", 0)
    findings = [
        warn("hot wallet", f"{one.amount} on {one.network} is little", f"fill {one.address}")
        for one in held
        if one.is_low
    ]
    if failed:
        advice = "see nonstopay transaction list"
        findings.append(warn("transactions", f"{failed} were reverted", advice))
    if held and not findings:
        findings.append(ok("hot wallet", f"{held[0].address} holds enough"))
    return findings


def _watched(one: Cursor, is_alive: bool) -> Finding:
    name = f"chain {one.network}"
    if not is_alive:
        return warn(
            name, "no node has answered of late", "see the worker's log, and docs/chains.md"
        )
    return ok(name, f"read up to block {one.number}, {one.lag} to go")


def sandbox_chains() -> Finding:
    """Whether the sandbox can run chains of its own."""
    try:
        program = find_program()
        runs = "a node in Python, for want of anvil" if program.is_dir() else str(program)
        return ok("chains", f"the sandbox's own, run by {runs}")
    except Misconfigured as error:
        said, _, advice = error.message.partition(": ")
        return warn("chains", f"{said}: the sandbox has no crypto", advice)


def sandbox_litecoin() -> Finding:
    """Whether the sandbox has a Litecoin as well, which it can do without."""
    try:
        return ok("litecoin", f"the sandbox's own, run by {litecoin_node.find_program()}")
    except Misconfigured as error:
        return ok("litecoin", f"none in this sandbox: {error.message}")


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
