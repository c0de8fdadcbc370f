"""A payment was captured and credited: the merchant may credit his customer."""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import Event
from nonstopay.business.invoices.step import step
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
