"""A payment was captured and credited: the merchant may credit his customer, if it is not withheld."""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import Event
from nonstopay.business.invoices.step import step, write
from nonstopay.errors import LawBroken
from nonstopay.money import Money
from nonstopay.store.db import Connection


async def accept(
    tx: Connection,
    invoice: Invoice,
    *,
    charged: Money,
    credited: Money,
    fee: Money,
    at: datetime,
    event: Event = Event.ACCEPT,
) -> Invoice:
    """Step a locked invoice to awaiting approval.

    Args:
        charged: what the payer paid, in his rail's currency.
        credited: what that is in the invoice's currency.
        fee: ours of it.
        event: `WITHHOLD`, if it is paid and the merchant is told to wait.
    """
    paid = replace(invoice, charged=charged, credited=credited, fee=fee, paid_at=at)
    return await step(tx, paid, event, at)


async def accept_more(
    tx: Connection, invoice: Invoice, *, charged: Money, credited: Money, fee: Money, at: datetime
) -> Invoice:
    """A further part of a payment was captured: the sums grow, the state stays, the merchant is told."""
    if invoice.charged is None or invoice.credited is None or invoice.fee is None:
        raise LawBroken(f"invoice {invoice.id} has a second part without a first")
    grown = replace(
        invoice,
        charged=invoice.charged + charged,
        credited=invoice.credited + credited,
        fee=invoice.fee + fee,
    )
    return await write(tx, grown, at)
