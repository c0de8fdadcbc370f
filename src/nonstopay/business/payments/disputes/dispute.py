"""The dispute: what a payer's bank wants back, and how far it went."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nonstopay.business.payments.disputes.states import State
from nonstopay.money import Money

OBJECT = "dispute"


class Bearer(StrEnum):
    """Whose money the bank takes."""

    MERCHANT = "merchant"
    PLATFORM = "platform"
    """Ours: the payment had gone back to its payer, and the bank takes it besides."""
    PAYER = "payer"
    """The payer's own: the payment was to go back to him, and his bank was faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A dispute as it stands.

    Attributes:
        provider_reference: the provider's id, which all its stages carry.
        amount: what the bank wants, in the invoice's currency.
        covered: what the merchant's balance paid of it when it was taken; the rest he owes us.
        reason: the scheme's reason code, as the provider writes it.
        answer_by: until when the provider takes evidence.
    """

    merchant_id: int
    id: int
    payment_id: int
    invoice_id: int
    connector: str
    provider_reference: str
    state: State
    version: int
    amount: Money
    covered: Money
    bearer: Bearer
    reason: str
    answer_by: datetime | None
    opened_at: datetime
    state_at: datetime
