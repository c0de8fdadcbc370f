"""Captured money is the merchant's: the books, what he owes us, and the invoice, in one transaction.

That of a payment which is to be reviewed is withheld at once: he has it, and cannot have it yet.
"""

from datetime import datetime

from nonstopay.business.invoices import accept
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import Event as InvoiceEvent
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.repay import repay
from nonstopay.business.payments.review.hold import withhold
from nonstopay.ledger import movements, post
from nonstopay.ledger.movements import Facts
from nonstopay.money import Money
from nonstopay.store.db import Connection


async def credit(
    tx: Connection,
    merchant: Merchant,
    invoice: Invoice,
    payment: Payment,
    *,
    charged: Money,
    credited: Money,
    key: str,
    at: datetime,
    movement: str = movements.CAPTURE,
) -> None:
    """Book a capture and tell the invoice.

    Args:
        payment: as it stands after the capture; its invoice's row is locked by the caller.
        charged: what was captured now, in the payer's currency.
        credited: the same in the invoice's currency.
        key: names the capture among those of its payment: `capture`, `capture/2`.
        movement: which one books it: coins on a chain are ours already when they are accepted.
    """
    before = payment.captured - credited
    # The plan's fixed part is taken once, however many parts a payment is captured in.
    plan = merchant.plan(payment.method, payment.captured.currency)
    fee = plan.fee(payment.captured)
    if before.minor:
        fee -= plan.fee(before)
    facts = Facts(
        merchant_id=payment.merchant_id,
        key=f"payment:{payment.id}/{key}",
        about=f"payment:{payment.id}",
        at=at,
        connector=payment.connector,
        charged=charged,
        credited=credited,
        fee=fee,
    )
    await post.post(tx, movements.lines(movement, facts))
    is_withheld = await withhold(tx, payment, credited - fee, at)
    await repay(tx, payment.merchant_id, credited, key=f"{facts.key}/repay", at=at)
    if before.minor:
        await accept.accept_more(tx, invoice, charged=charged, credited=credited, fee=fee, at=at)
    else:
        event = InvoiceEvent.WITHHOLD if is_withheld else InvoiceEvent.ACCEPT
        await accept.accept(
            tx, invoice, charged=charged, credited=credited, fee=fee, at=at, event=event
        )
