"""Reading the chains again from the beginning, and holding against them what we have written.

A chain is read up to the block that its watcher has read. What came there to our addresses and has a row,
what has a row and did not come, and what differs: each is a sentence. Of what is ignored not everything is
kept, so it may be missing here. The books are compared by whoever
keeps them; he is given what the chain says.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

from nonstopay.business.deposits import records
from nonstopay.business.deposits.chains import Chains, family_of
from nonstopay.business.deposits.deposit import Deposit
from nonstopay.business.deposits.states import State
from nonstopay.business.deposits.watch import records as watching
from nonstopay.business.deposits.watch.confirm import incoming_of
from nonstopay.business.deposits.watch.cursor import Cursor
from nonstopay.business.deposits.watch.judge import is_credited
from nonstopay.connectors.crypto.json_rpc import NodeTrouble
from nonstopay.connectors.crypto.networks import Network
from nonstopay.connectors.crypto.reader import Incoming, Reader
from nonstopay.errors import ProviderUnavailable
from nonstopay.ledger.proof import Check
from nonstopay.store.db import Connection

SPAN = 50
"""Blocks that are asked for at once; fewer where a node refuses."""
Books = Callable[[Connection, Sequence[Deposit]], Awaitable[Sequence[str]]]
"""Compares the books of a network with its confirmed deposits, which the chain has; a sentence for each
difference."""


async def prove(conn: Connection, chains: Chains, books: Sequence[Books] = ()) -> tuple[Check, ...]:
    """One check for each network that was ever watched, and one for its books.

    Raises:
        ProviderUnavailable: a network that was watched has no node now, or none that answers: then
            nothing is proved.
    """
    checks = []
    for cursor in await watching.cursors(conn):
        reader = chains.readers.get(cursor.network)
        if reader is None or not chains.may_read(cursor.network):
            raise ProviderUnavailable(f"{cursor.network} cannot be read: nothing is proved of it")
        there = [one async for one in _read_all(conn, reader, cursor)]
        here = await records.of_network(conn, cursor.network, cursor.number)
        failures = tuple(await _compare(chains, reader.network, there, here))
        name = f"what came to our addresses on {cursor.network} is what we wrote down"
        checks.append(Check(name, failures))
        confirmed = [one for one in here if one.state is State.CONFIRMED]
        sentences = [line for one in books for line in await one(conn, confirmed)]
        if books:
            name = f"the books have what came on {cursor.network}, once"
            checks.append(Check(name, tuple(sentences)))
    return tuple(checks)


async def _read_all(conn: Connection, reader: Reader, cursor: Cursor) -> AsyncIterator[Incoming]:
    """What came to our addresses in all blocks that were watched, in the chain's order."""
    family = family_of(reader.network)

    async def watched(addresses: Iterable[str]) -> set[str]:
        return set(await records.owners(conn, family, list(addresses)))

    first, span = cursor.start, SPAN
    while first <= cursor.number:
        last = min(first + span - 1, cursor.number)
        try:
            found = await reader.incoming(await reader.heads(first, last), watched)
        except NodeTrouble:
            if span == 1:
                raise
            span = max(1, span // 4)
            continue
        for one in found:
            yield one
        first, span = last + 1, min(SPAN, span * 2)


async def _compare(
    chains: Chains, network: Network, there: Sequence[Incoming], here: Sequence[Deposit]
) -> list[str]:
    rows = {(one.block_hash, one.transaction, one.place): one for one in here}
    told = {(one.block_hash, one.transaction, one.place): one for one in there}
    failures = []
    for key, incoming in told.items():
        row = rows.get(key)
        if row is None:
            if await is_credited(chains, network, incoming):
                failures.append(f"missing here: {_of(incoming)}")
        elif incoming_of(row) != incoming:
            failures.append(
                f"different: {_of(incoming)}; we wrote {row.amount.minor} to {row.address}"
            )
        elif not row.coin and chains.coin_of(network.name, incoming.contract):
            failures.append(f"different: {_of(incoming)} is a coin of ours, and unknown here")
        elif row.state in (State.GONE, State.FROZEN):
            failures.append(f"different: {_of(incoming)} is there, and {row.state} here")
    return failures + [
        f"missing there: {_of(incoming_of(row))}, which is {row.state} here"
        for key, row in rows.items()
        if key not in told and row.state in (State.SEEN, State.CONFIRMED)
    ]


def _of(one: Incoming) -> str:
    token = f" of {one.contract}" if one.contract else ""
    return (
        f"{one.units} units{token} to {one.receiver} in block {one.block_number},"
        f" {one.transaction} ({one.place})"
    )
