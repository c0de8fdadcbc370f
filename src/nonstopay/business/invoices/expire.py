"""Invoices created or opened for more than 14 days expire.

The sweep looks at every invoice once, at the moment it comes of age, in the order of creation, and
remembers how far it came: ten million old invoices cost it nothing. One whose payment is in doubt is
left alone; it is looked at again when the doubt ends (`payments/record_outcome.py`).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from nonstopay.business.invoices import records
from nonstopay.business.invoices.invoice import LIFETIME
from nonstopay.business.invoices.states import PAYABLE, Event
from nonstopay.business.invoices.step import step
from nonstopay.store.db import Connection, Database

SWEEP = "invoice-expiry"
BATCH = 200

InDoubt = Callable[[Connection, int, int], Awaitable[bool]]


async def expire_old(db: Database, *, now: datetime, in_doubt: InDoubt) -> int:
    """Expire one batch of what has come of age; how many were looked at.

    Args:
        in_doubt: whether (merchant, invoice) has a payment whose outcome nobody knows yet.
    """
    ripe = now - LIFETIME
    async with db.transaction() as tx:
        after = await _start(tx)
        if after is None or after >= ripe:
            return 0
        found = await records.unpaid_created_between(tx, after, ripe, BATCH)
        through = ripe
        for merchant_id, invoice_id in found:
            await expire(tx, merchant_id, invoice_id, now, in_doubt)
        if len(found) == BATCH:
            last = await records.find(tx, *found[-1])
            assert last is not None
            # Neighbours of the same instant that the batch cut off are found by the next one.
            through = last.created_at - timedelta(microseconds=1)
        await records.move_sweep(tx, SWEEP, through)
    return len(found)


async def expire(
    tx: Connection, merchant_id: int, invoice_id: int, at: datetime, in_doubt: InDoubt
) -> None:
    """Expire one invoice if it is still unpaid, old enough, and none of its payments is in doubt.

    The doubt is asked about under the invoice's lock: a payment cannot fall into it behind our back.
    """
    invoice = await records.lock(tx, merchant_id, invoice_id)
    if invoice is None or invoice.state not in PAYABLE or invoice.expires_at > at:
        return
    if not await in_doubt(tx, merchant_id, invoice_id):
        await step(tx, invoice, Event.EXPIRE, at)


async def _start(tx: Connection) -> datetime | None:
    position = await records.sweep_position(tx, SWEEP)
    if position is not None:
        return position
    oldest = await records.oldest(tx)
    return oldest - timedelta(microseconds=1) if oldest else None
