"""Recording what a sender answered: the batch's step and its movement, in one transaction."""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.settlement import records
from nonstopay.business.settlement.batch import Batch
from nonstopay.business.settlement.states import MACHINE, Event, State
from nonstopay.business.transactions.payout import Answer, Confirmed, Refused, Sent, Unknown
from nonstopay.errors import NotFound
from nonstopay.ledger import movements, post
from nonstopay.ledger.movements import Facts
from nonstopay.store import jobs
from nonstopay.store.db import Connection, Database

TELL = "settlement:tell"
_EVENTS = {
    Sent: Event.SENT,
    Confirmed: Event.CONFIRMED,
    Unknown: Event.UNKNOWN,
    Refused: Event.REFUSED,
}


async def record(
    db: Database,
    merchant_id: int,
    batch_id: int,
    attempt: int,
    answer: Answer,
    *,
    at: datetime,
) -> Batch:
    """Take in an answer; the batch then.

    Args:
        attempt: under which the sender was asked. What comes about an earlier one is no news.

    Raises:
        NotFound: the merchant has no such batch.
    """
    async with db.transaction() as tx:
        batch = await records.lock(tx, merchant_id, batch_id)
        if batch is None:
            raise NotFound(f"there is no batch {batch_id}")
        if batch.attempt != attempt:
            return batch
        step = MACHINE.step(batch.state, _EVENTS[type(answer)])
        after = replace(batch, state=step.after, state_at=at if step.moved else batch.state_at)
        if isinstance(answer, Confirmed) and step.moved:
            after = replace(after, tx_hash=answer.tx_hash)
            await _settle(tx, after, step.movement, at)
        elif isinstance(answer, Sent) and step.after is not State.PAID:
            after = replace(after, tx_hash=answer.tx_hash)
        elif isinstance(answer, Refused) and step.moved:
            after = replace(after, tx_hash=None, refusal=answer.reason)
        if after != batch:
            after = replace(after, version=batch.version + 1)
            await records.save(tx, after)
    return after


async def _settle(tx: Connection, batch: Batch, movement: str | None, at: datetime) -> None:
    """The coins are with the merchant; his invoices are told next."""
    assert movement is not None
    facts = Facts(
        merchant_id=batch.merchant_id,
        key=f"{batch.about}/{movement}",
        about=batch.about,
        at=at,
        connector="",
        paid_out=batch.amount,
        network=batch.network,
    )
    await post.post(tx, movements.lines(movement, facts))
    await jobs.enqueue(tx, batch.merchant_id, TELL, str(batch.id), {}, at)
