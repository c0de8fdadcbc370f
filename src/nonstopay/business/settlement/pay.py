"""Paying a batch: the sender is asked under the batch's key, with no transaction open."""

from dataclasses import replace
from datetime import datetime, timedelta

from nonstopay.business.merchants import records as merchants
from nonstopay.business.settlement import records
from nonstopay.business.settlement.batch import Batch
from nonstopay.business.settlement.record import record
from nonstopay.business.settlement.states import MACHINE, Event, State
from nonstopay.business.transactions.payout import Order, Payout
from nonstopay.store.db import Connection, Database

_PAUSE = timedelta(milliseconds=500)
_PAUSE_MAX = timedelta(minutes=5)
AFTER_REFUSAL = timedelta(hours=1)
"""A refusal mends itself when limits or funds are put right; the operator may be faster."""


async def pay(
    db: Database,
    payout: Payout,
    merchant_id: int,
    batch_id: int,
    *,
    attempts: int,
    at: datetime,
) -> datetime | None:
    """Ask once; when to ask again, or `None` when the batch is paid."""
    async with db.transaction() as tx:
        batch = await _begin(tx, merchant_id, batch_id, at)
    if batch is None:
        return None
    answer = await payout.ask(
        Order(
            key=batch.key,
            merchant_id=merchant_id,
            network=batch.network,
            amount=batch.amount,
            address=batch.address,
            root=batch.root,
        )
    )
    batch = await record(db, merchant_id, batch_id, batch.attempt, answer, at=at)
    if batch.state is State.PAID:
        return None
    if batch.state is State.CLOSED:
        return at + AFTER_REFUSAL
    return at + min(_PAUSE * (1 << min(attempts, 12)), _PAUSE_MAX)


async def _begin(tx: Connection, merchant_id: int, batch_id: int, at: datetime) -> Batch | None:
    """The batch, noted as being paid before anybody is asked; `None` if it is paid already."""
    batch = await records.lock(tx, merchant_id, batch_id)
    if batch is None or batch.state is State.PAID:
        return None
    step = MACHINE.step(batch.state, Event.ASK)
    if not step.moved:
        return batch
    after = replace(
        batch,
        state=step.after,
        version=batch.version + 1,
        attempt=batch.attempt + 1,
        address=await _address(tx, batch),
        refusal=None,
        state_at=at,
    )
    await records.save(tx, after)
    return after


async def _address(tx: Connection, batch: Batch) -> str:
    """The merchant's wallet of today, if it takes this coin; else the one that the batch closed with."""
    merchant = await merchants.by_id(tx, batch.merchant_id)
    wallet = merchant.wallet if merchant else None
    takes_it = wallet is not None and (wallet.network, wallet.coin) == (
        batch.network,
        batch.amount.currency.code,
    )
    return wallet.address if wallet and wallet.address and takes_it else batch.address
