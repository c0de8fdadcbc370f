"""The payer opened the payment page: created → opened, once."""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.invoices import records
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import MACHINE, Event
from nonstopay.business.invoices.step import step
from nonstopay.errors import NotFound
from nonstopay.store.db import Database


async def open_invoice(
    db: Database, merchant_id: int, invoice_id: int, *, payer_ip: str, at: datetime
) -> Invoice:
    """The invoice as its page shows it, opened if this is the first look.

    Args:
        payer_ip: kept from the first look, unless the merchant told it.

    Raises:
        NotFound: no such invoice.
    """
    async with db.reading() as conn:
        invoice = await records.find(conn, merchant_id, invoice_id)
    if invoice is None:
        raise NotFound("invoice not found")
    if not MACHINE.step(invoice.state, Event.OPEN).moved:
        return invoice
    async with db.transaction() as tx:
        locked = await records.lock(tx, merchant_id, invoice_id)
        assert locked is not None
        return await step(tx, replace(locked, payer_ip=locked.payer_ip or payer_ip), Event.OPEN, at)
