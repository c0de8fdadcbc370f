"""Confirming deposits that are deep enough: final where that is asked for, and told of once more.

What was read of a block when it was new is not believed for good. Before a deposit counts a node is
asked for its transaction again, by itself; two nodes where it is worth much.
"""

from collections.abc import Sequence

from nonstopay import clock
from nonstopay.business.deposits.deposit import Deposit
from nonstopay.business.deposits.states import MACHINE, Event
from nonstopay.business.deposits.watch import records
from nonstopay.business.deposits.watch.write import ask_for_jobs
from nonstopay.connectors.crypto.reader import Incoming, Reader
from nonstopay.store.db import Database

AT_ONCE = 100


async def confirm(db: Database, reader: Reader) -> list[Deposit]:
    """Confirm what may be.

    Returns:
        Deposits that are deep enough, but that too few nodes tell of.

    Raises:
        NodeTrouble: as the reader. What was confirmed before stays so.
    """
    async with db.reading() as conn:
        waiting = await records.deep_enough(conn, reader.network.name, AT_ONCE)
    if any(one.needs_final for one in waiting):
        final = await reader.finalized()
        waiting = [
            one
            for one in waiting
            if not one.needs_final or (final is not None and one.block_number <= final)
        ]
    vouched = [one for one in waiting if await reader.witnessed(incoming_of(one), one.witnesses)]
    if vouched:
        await _confirm(db, reader.network.name, vouched)
    return [one for one in waiting if one not in vouched]


def incoming_of(deposit: Deposit) -> Incoming:
    """What the chain must tell of, for this deposit."""
    return Incoming(
        contract=deposit.contract,
        receiver=deposit.address,
        units=deposit.amount.minor,
        block_number=deposit.block_number,
        block_hash=deposit.block_hash,
        transaction=deposit.transaction,
        place=deposit.place,
    )


async def _confirm(db: Database, network: str, vouched: Sequence[Deposit]) -> None:
    """Step them, if their blocks were not replaced meanwhile."""
    async with db.transaction() as tx:
        await records.lock(tx, network)
        confirmed = [
            await records.set_state(
                tx, one, MACHINE.step(one.state, Event.CONFIRM).after, clock.now()
            )
            for one in vouched
            if await records.is_in_chain(tx, one)
        ]
        await ask_for_jobs(tx, [one for one in confirmed if one])
