"""Counting volume: what was captured in the month before decides which tier of fees a merchant pays.

It is counted once a month and stands until the next, so that a payment's fee does not depend on which of
two payments came first.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from nonstopay.business.invoices import records as invoices
from nonstopay.business.merchants import records as merchants
from nonstopay.ledger import balances
from nonstopay.ledger.chart import MERCHANT
from nonstopay.ledger.movements import CAPTURE
from nonstopay.store.db import Connection, Database

SWEEP = "fee-volume"


async def count_all(db: Database, at: datetime) -> None:
    """Count the month before `at` for all whose fees depend on it, once."""
    month = _month_of(at)
    async with db.reading() as conn:
        counted = await invoices.sweep_position(conn, SWEEP)
        if counted is not None and counted >= month:
            return
        wanted = await merchants.with_tiers(conn)
    for merchant_id in wanted:
        async with db.transaction() as tx:
            await count(tx, merchant_id, at)
    async with db.transaction() as tx:
        await invoices.move_sweep(tx, SWEEP, month)


async def count(tx: Connection, merchant_id: int, at: datetime) -> Mapping[str, Decimal]:
    """Count the month before `at` for one merchant; what it was, in units by currency."""
    until = _month_of(at)
    since = _month_of(until - timedelta(days=1))
    turnover = await balances.turnover(tx, merchant_id, CAPTURE, MERCHANT, since, until)
    volumes = {money.currency.code: money.decimal() for money in turnover}
    await merchants.set_volumes(tx, merchant_id, since.date(), volumes)
    return volumes


def _month_of(instant: datetime) -> datetime:
    """The first instant of its month, UTC."""
    return instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
