"""Writing what was read of a chain: blocks, cursor, deposits and jobs, in one transaction."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from nonstopay import clock
from nonstopay.business.deposits import records
from nonstopay.business.deposits.chains import Chains, family_of
from nonstopay.business.deposits.deposit import JOB, Deposit
from nonstopay.business.deposits.states import MACHINE, Event, State
from nonstopay.business.deposits.watch import records as watching
from nonstopay.business.deposits.watch.cursor import Cursor
from nonstopay.business.deposits.watch.judge import judge
from nonstopay.business.deposits.watch.read import Found
from nonstopay.connectors.crypto.evm_network import NodesDisagree
from nonstopay.connectors.crypto.reader import Head, Incoming, Reader
from nonstopay.store import jobs
from nonstopay.store.db import Connection, Database

KEPT_BLOCKS = 1024
"""How deep a chain may be replaced and we still find where; every coin is confirmed long before."""
IGNORED_MAX = 20
"""Rows of what is ignored, for one address: whoever sends dust fills no disk of ours."""
_log = logging.getLogger(__name__)


async def write(
    db: Database, chains: Chains, reader: Reader, cursor: Cursor, head: Head, found: Found
) -> bool:
    """Put what was found in the place of what we knew from its first block on.

    Returns:
        False if somebody else has written since `cursor` was read; then nothing was.

    Raises:
        NodesDisagree: blocks were replaced, and another node does not say so.
    """
    if found.was_replaced:
        await _require_agreement(db, reader, found)
    drafts = await draft(db, chains, reader, found.incoming)
    family = family_of(reader.network)
    async with db.transaction() as tx:
        machine_time = clock.now() - clock.offset()
        ahead = replace(
            cursor,
            start=min(cursor.start, found.read_from),
            number=found.last.number,
            head=head.number,
        )
        if not await watching.advance(tx, ahead, machine_time):
            return False
        lowest = found.last.number - KEPT_BLOCKS
        await watching.save_blocks(tx, cursor.network, found.blocks)
        await watching.forget_blocks(tx, cursor.network, lowest, found.last.number)
        standing = await watching.from_block(tx, cursor.network, found.first)
        changed = await _step(tx, standing, {one.hash for one in found.blocks})
        changed += await insert_new(tx, family, standing, drafts)
        await ask_for_jobs(tx, changed)
    for one in changed:
        _tell(one)
    return True


async def draft(
    db: Database, chains: Chains, reader: Reader, incoming: Sequence[Incoming]
) -> list[Deposit]:
    """The deposits that these transfers are."""
    if not incoming:
        return []
    family, now = family_of(reader.network), clock.now()
    async with db.reading() as conn:
        owners = await records.owners(conn, family, [one.receiver for one in incoming])
    return [await judge(chains, reader.network, one, owners[one.receiver], now) for one in incoming]


async def insert_new(
    tx: Connection, family: str, standing: Iterable[Deposit], drafts: Iterable[Deposit]
) -> list[Deposit]:
    """Write those that do not stand there yet, and of what is ignored so many an address."""
    known = {_key(one) for one in standing}
    new = [one for one in drafts if _key(one) not in known]
    addresses = {one.address for one in new if one.state is State.IGNORED}
    ignored = Counter(await watching.ignored(tx, family, addresses))
    inserted = []
    for one in new:
        if one.state is State.IGNORED:
            if ignored[one.address] >= IGNORED_MAX:
                continue
            ignored[one.address] += 1
        await watching.insert(tx, family, one)
        inserted.append(one)
    return inserted


async def ask_for_jobs(tx: Connection, changed: Iterable[Deposit]) -> None:
    """Have whoever is above look at the invoices whose deposits changed."""
    for merchant_id, invoice_id in sorted({(one.merchant_id, one.invoice_id) for one in changed}):
        await jobs.enqueue(tx, merchant_id, JOB, str(invoice_id), {}, clock.now())


async def _require_agreement(db: Database, reader: Reader, found: Found) -> None:
    """No node contradicts; and where something confirmed is at stake, another one must say so itself."""
    agreed = await reader.agreed(found.last.number, found.last.hash)
    if agreed is None and reader.nodes > 1:
        hashes = {one.hash for one in found.blocks}
        async with db.reading() as conn:
            at_stake = await watching.from_block(conn, reader.network.name, found.first)
        if any(one.state is State.CONFIRMED and one.block_hash not in hashes for one in at_stake):
            agreed = False
    if agreed is False:
        raise NodesDisagree(
            f"{reader.network.name}: blocks from {found.first} on were replaced at one node alone"
        )


async def _step(tx: Connection, standing: Sequence[Deposit], hashes: set[str]) -> list[Deposit]:
    """Tell deposits whether their block is in the chain; those whose state that changed."""
    changed = []
    for one in standing:
        event = Event.SEE if one.block_hash in hashes else Event.LOSE
        step = MACHINE.step(one.state, event)
        if step.moved:
            after = await watching.set_state(tx, one, step.after, clock.now())
            assert after is not None, "the cursor's row is ours, and so are its deposits"
            changed.append(after)
    return changed


def _key(deposit: Deposit) -> tuple[str, str, int]:
    return deposit.block_hash, deposit.transaction, deposit.place


def _tell(one: Deposit) -> None:
    facts = {
        "network": one.network,
        "transaction": one.transaction,
        "merchant": one.merchant_id,
        "invoice": one.invoice_id,
        "state": str(one.state),
    }
    if one.state is State.FROZEN:
        _log.error("ALARM: the chain took back a deposit that was confirmed", extra=facts)
    else:
        _log.info("a deposit changed", extra=facts)
