"""Who gets captured money: the one policy for exact, wrong, second and late payments.

the amount is not what was asked            → back to the payer
the invoice was already credited            → back to the payer (he paid twice)
the merchant was told of failure or expiry  → the merchant's policy: credit or refund
the money is held or was charged back       → back to the payer
else                                        → credited
"""

from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import PAYABLE
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.merchants.merchant import LateSuccess
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import Event
from nonstopay.connectors.outcome import Kind, Outcome

_TOLD_OF_FAILURE = frozenset({InvoiceState.FAILED, InvoiceState.EXPIRED})


def event_of(outcome: Outcome, payment: Payment, invoice: Invoice, late: LateSuccess) -> Event:
    """The event that an outcome is to this payment, given the invoice and the merchant's policy."""
    if outcome.kind is not Kind.CAPTURED:
        return Event(outcome.kind.value)
    if outcome.amount != payment.charged:
        return Event.RETURN
    if invoice.state in PAYABLE:
        return Event.CREDIT
    if invoice.state in _TOLD_OF_FAILURE:
        return Event.CREDIT if late is LateSuccess.CREDIT else Event.RETURN
    return Event.RETURN
