"""What a connector reports: one vocabulary for every provider and rail.

A connector translates a provider's words into an `Outcome` and decides nothing. A time-out, a 500 or
a word that is not in the provider's documents is `UNKNOWN`, never `DECLINED`: unknown money is asked
about until it is known.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nonstopay.money import Money


class Kind(StrEnum):
    """What happened to a payment, as far as the provider says."""

    WAITING = "waiting"
    """The provider knows the order and waits for the payer."""
    PROCESSING = "processing"
    """The payer has acted; the banks have not finished."""
    CAPTURED = "captured"
    """The money is the provider's to hand on to us."""
    DECLINED = "declined"
    """A try was refused, with a reason. The same order may still succeed later."""
    EXPIRED = "expired"
    """The order ended unpaid and can no longer be paid, says the provider."""
    UNKNOWN = "unknown"
    """Nobody can say yet. Ask again; never pay or refund twice on it."""
    REFUNDED = "refunded"
    """A refund was carried out."""
    REFUND_REFUSED = "refund_refused"
    """A refund was refused for good."""


class Reason(StrEnum):
    """Why a try was refused: one taxonomy over all UPI providers (reason × whose fault × advice)."""

    WRONG_PIN = "wrong_pin"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    DECLINED_BY_BANK = "declined_by_bank"
    CANCELLED_BY_PAYER = "cancelled_by_payer"
    BANK_UNAVAILABLE = "bank_unavailable"
    AMOUNT_MISMATCH = "amount_mismatch"
    TECHNICAL = "technical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One report on one order.

    Attributes:
        kind: what happened.
        at: when, by the provider's clock if it says so, else by ours (UTC).
        amount: the money it speaks of; always given with CAPTURED and REFUNDED, and compared by the
            core with what was asked.
        reason: with DECLINED.
        provider_reference: the provider's own id of the order or refund.
        network_reference: the network's id of the transfer (UPI: the 12-digit UTR/RRN).
        link: with WAITING, what the payer opens (UPI: the `upi://pay?…` link).
        detail: the provider's own code, for people who look into it; never card data.
    """

    kind: Kind
    at: datetime
    amount: Money | None = None
    reason: Reason | None = None
    provider_reference: str | None = None
    network_reference: str | None = None
    link: str | None = None
    detail: str = ""
