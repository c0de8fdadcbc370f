"""The address a payer names to have money back by crypto: what he typed, and what is wrong with it."""

from dataclasses import dataclass

from nonstopay.business.payments.crypto.ask_refund import NothingToRefund
from nonstopay.errors import InvalidInput
from nonstopay.web.checkout.remains import RefundProblem

SHOWN_MAX = 120


@dataclass(frozen=True, slots=True)
class Named:
    """An address that nothing can be sent to, and why."""

    address: str
    problem: RefundProblem


def refused(address: str, error: InvalidInput | NothingToRefund) -> Named:
    """Why the address he sent was not taken."""
    shown = address[:SHOWN_MAX]
    if isinstance(error, NothingToRefund):
        return Named(shown, RefundProblem.TOO_LATE)
    return Named(shown, RefundProblem.INVALID if shown else RefundProblem.MISSING)
