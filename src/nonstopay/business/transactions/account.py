"""The hot wallet on one network: what a step of a transaction works with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nonstopay.business.transactions import records
from nonstopay.business.transactions.crash import CrashPoint
from nonstopay.business.transactions.states import MACHINE, Event
from nonstopay.business.transactions.transaction import Transaction
from nonstopay.clock import Seconds
from nonstopay.connectors.crypto.evm_network import EvmNetwork
from nonstopay.errors import Conflict
from nonstopay.signer.client import SignerClient
from nonstopay.store.db import Connection, Database

Also = Callable[[Connection, Transaction], Awaitable[Transaction]]
"""What is written together with a step; gives the transaction as it is to be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient the sender is.

    Attributes:
        resend: what is in no block is handed to a node again after so long.
        bump: and is signed again for higher fees after so long.
        blocks: confirmations instead of the network's own number; for the sandbox, whose chains make no
            block by themselves.
        lease: how long a sender who is not heard of keeps the others from sending.
        look_seconds: between two looks at a network, whose nodes count what they are asked.
    """

    resend: timedelta = timedelta(seconds=10)
    bump: timedelta = timedelta(seconds=90)
    blocks: int | None = None
    lease: timedelta = timedelta(seconds=30)
    look_seconds: Seconds = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The hot wallet's account on a network, with all that sends for it."""

    db: Database
    chain: EvmNetwork
    signer: SignerClient
    address: str
    pace: Pace
    crash: CrashPoint

    @property
    def network(self) -> str:
        return self.chain.network.name


class Overtaken(Conflict):
    """Somebody else has changed the transaction since it was read: he goes on with it, not we."""

    code = "overtaken"


async def advance(
    account: Account,
    before: Transaction,
    event: Event,
    at: datetime,
    *,
    also: Also | None = None,
    **changes: object,
) -> Transaction:
    """The only way a transaction changes: a step of its table, with what belongs to it, in one go.

    Args:
        also: what else is written with it.
        changes: of the transaction.

    Raises:
        Overtaken: it has changed since it was read.
    """
    step = MACHINE.step(before.state, event)
    moved_at = at if step.moved else before.state_at
    after = replace(before, state=step.after, state_at=moved_at, problem=None)
    after = replace(after, **changes)  # type: ignore[arg-type]
    async with account.db.transaction() as tx:
        if also is not None:
            after = await also(tx, after)
        if not await records.save(tx, after):
            raise Overtaken(f"{before.key} was changed by somebody else")
    return replace(after, version=after.version + 1)


async def note(account: Account, one: Transaction, problem: str | None) -> Transaction:
    """Say why it waits."""
    if one.problem == problem:
        return one
    after = replace(one, problem=problem)
    async with account.db.transaction() as tx:
        if not await records.save(tx, after):
            raise Overtaken(f"{one.key} was changed by somebody else")
    return replace(after, version=after.version + 1)
