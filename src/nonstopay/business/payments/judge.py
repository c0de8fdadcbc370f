"""Who gets captured money: the one policy for exact, wrong, second and late payments.

Money that is only reserved is judged alike: what would go back is let go.

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
from nonstopay.errors import IllegalTransition

_NO_STEP = frozenset({Kind.CAPTURE_REFUSED, Kind.DISPUTED})
_TOLD_OF_FAILURE = frozenset({InvoiceState.FAILED, InvoiceState.EXPIRED})


def event_of(outcome: Outcome, payment: Payment, invoice: Invoice, late: LateSuccess) -> Event:
    """The event that an outcome is to this payment, given the invoice and the merchant's policy."""
    if outcome.kind is Kind.CAPTURED:
        return Event.CREDIT if _is_the_merchants(outcome, payment, invoice, late) else Event.RETURN
    if outcome.kind is Kind.AUTHORISED:
        is_his = _is_the_merchants(outcome, payment, invoice, late)
        return Event.AUTHORISED if is_his else Event.LET_GO
    if outcome.kind in _NO_STEP:
        raise IllegalTransition(f"{outcome.kind} is no step of a payment")
    return Event(outcome.kind.value)


def _is_the_merchants(
    outcome: Outcome, payment: Payment, invoice: Invoice, late: LateSuccess
) -> bool:
    if outcome.amount != payment.charged:
        return False
    if invoice.state in _TOLD_OF_FAILURE:
        return late is LateSuccess.CREDIT
    return invoice.state in PAYABLE
