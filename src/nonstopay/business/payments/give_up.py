"""A card that came server to server and was refused, or left at the bank's page: its invoice fails.

There is no page on which its payer could try again. Should he have paid after all, the invoice still
hears it (`judge.py`).
"""

from datetime import datetime

from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import CARD
from nonstopay.business.invoices.states import Event as InvoiceEvent
from nonstopay.business.invoices.step import step
from nonstopay.business.payments import records
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import State
from nonstopay.store.db import Connection

_OVER = frozenset({State.DECLINED, State.EXPIRED, State.VOIDED})


def is_given_up(payment: Payment) -> bool:
    """Whether nobody will try again to pay with this attempt.

    A UPI link that has expired is not a refusal: the merchant shows another one.
    """
    if not payment.direct:
        return False
    return payment.state is State.DECLINED or (
        payment.method == CARD.name and payment.state in _OVER
    )


async def give_up(tx: Connection, payment: Payment, at: datetime) -> None:
    """Fail the invoice of such an attempt, unless another one of it counts by now."""
    if not is_given_up(payment):
        return
    invoice = await invoices.lock(tx, payment.merchant_id, payment.invoice_id)
    current = await records.current(tx, payment.merchant_id, payment.invoice_id)
    if invoice is not None and current is not None and current.id == payment.id:
        await step(tx, invoice, InvoiceEvent.FAIL, at)
