"""Telling: each invoice of a paid batch is paid, with the transfer's hash, and its merchant hears it.

A batch may hold thousands, so they go some at a time; who is interrupted goes on where he was.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.states import Event
from nonstopay.business.invoices.step import step
from nonstopay.business.settlement import records
from nonstopay.business.settlement.batch import Batch, Line, Rate
from nonstopay.business.settlement.states import State
from nonstopay.errors import LawBroken
from nonstopay.money import Money, Rounding
from nonstopay.store.db import Connection, Database

AT_ONCE = 100


async def tell(db: Database, merchant_id: int, batch_id: int, *, at: datetime) -> None:
    """Step the invoices of a paid batch."""
    while True:
        async with db.transaction() as tx:
            batch = await records.find(tx, merchant_id, batch_id)
            if batch is None or batch.state is not State.PAID:
                raise LawBroken(f"batch {batch_id} is told of and not paid")
            rates = await records.rates(tx, merchant_id, batch_id)
            lines = await records.untold(tx, merchant_id, batch_id, AT_ONCE)
            for line in lines:
                await _tell(tx, batch, line, rates, at)
            await records.mark_told(tx, merchant_id, [line.invoice_id for line in lines])
        if len(lines) < AT_ONCE:
            return


async def _tell(
    tx: Connection, batch: Batch, line: Line, rates: Mapping[str, Rate], at: datetime
) -> None:
    invoice = await invoices.lock(tx, batch.merchant_id, line.invoice_id)
    if invoice is None or batch.tx_hash is None:
        raise LawBroken(f"batch {batch.id} holds an invoice that is not there, or has no transfer")
    settled = worth(line, rates[line.gross.currency.code], batch)
    await invoices.save_settlement(tx, invoice, settled, batch.tx_hash)
    await step(tx, replace(invoice, settled=settled, tx_hash=batch.tx_hash), Event.SETTLE, at)


def worth(line: Line, rate: Rate, batch: Batch) -> Money:
    """What an invoice brought after our fee, in the coin, rounded toward zero.

    Reserve and refunds are left out: they are the merchant's own money, now or later.
    """
    factor = Fraction(rate.mid) * (1 - Fraction(rate.fx_percent) / 100)
    return (line.gross - line.fee).convert(factor, batch.amount.currency, Rounding.DOWN)
