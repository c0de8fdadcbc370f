"""One step of an invoice: its table, its row, its event, in the caller's transaction.

Whoever steps holds the invoice's row lock (`records.lock`), so the steps of one invoice happen one after
the other and its events carry rising versions.
"""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.invoices import records
from nonstopay.business.invoices.invoice import STATUS, Invoice
from nonstopay.business.invoices.states import MACHINE, Event
from nonstopay.money import own_exponent
from nonstopay.store import outbox
from nonstopay.store.db import Connection


async def step(tx: Connection, invoice: Invoice, event: Event, at: datetime) -> Invoice:
    """Take one step of the invoice's table and write state and event; unmoved, write nothing."""
    moved = MACHINE.step(invoice.state, event)
    if not moved.moved:
        return invoice
    after = replace(invoice, state=moved.after, state_at=at)
    await records.count_change(tx, after, before=moved.before, after=moved.after)
    return await write(tx, after, at)


async def write(tx: Connection, invoice: Invoice, at: datetime) -> Invoice:
    """Write an invoice whose sums or state changed, as its next version, with the event."""
    after = replace(invoice, version=invoice.version + 1)
    await records.save_state(tx, after)
    await outbox.record(
        tx,
        merchant_id=after.merchant_id,
        kind=STATUS[after.state],
        object="invoice",
        object_id=after.id,
        version=after.version,
        facts=event_facts(after),
        at=at,
    )
    return after


def event_facts(invoice: Invoice) -> dict[str, object]:
    """What an event must remember because it may change later; amounts in minor units as text."""
    facts: dict[str, object] = {"state": invoice.state, "at": invoice.state_at.isoformat()}
    if invoice.charged is not None:
        paid_in = invoice.charged.currency
        facts["charged"] = [str(invoice.charged.minor), paid_in.code, own_exponent(paid_in)]
    if invoice.credited is not None:
        facts["credited"] = str(invoice.credited.minor)
    if invoice.fee is not None:
        facts["fee"] = str(invoice.fee.minor)
    if invoice.settled is not None:
        coin = invoice.settled.currency
        facts["settled"] = [str(invoice.settled.minor), coin.code, coin.exponent]
    return facts
