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
    tx: Connection, invoice: Invoice, *, charged: Money, fee: Money, at: datetime
) -> Invoice:
    """Step a locked invoice to awaiting approval.

    Args:
        charged: what the payer paid, in his rail's currency.
        fee: ours, in the invoice's currency.
    """
    return await step(tx, replace(invoice, charged=charged, fee=fee, paid_at=at), Event.ACCEPT, at)


async def accept_withheld(
    tx: Connection, invoice: Invoice, *, charged: Money, fee: Money, at: datetime
) -> Invoice:
    """Step a locked invoice to withheld: it is paid, and the merchant is told to wait."""
    paid = replace(invoice, charged=charged, fee=fee, paid_at=at)
    return await step(tx, paid, Event.WITHHOLD, at)


async def accept_more(
    tx: Connection, invoice: Invoice, *, charged: Money, fee: Money, at: datetime
) -> Invoice:
    """A further part of a payment was captured: the sums grow, the state stays, the merchant is told."""
    if invoice.charged is None or invoice.fee is None:
        raise LawBroken(f"invoice {invoice.id} has a second part without a first")
    grown = replace(invoice, charged=invoice.charged + charged, fee=invoice.fee + fee)
    return await write(tx, grown, at)
