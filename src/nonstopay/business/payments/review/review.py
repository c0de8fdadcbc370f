"""The review: a payment whose money somebody must look at before the merchant gets it."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.payments.review.states import State
from nonstopay.money import Money

OBJECT = "review"
"""What lines of the books about withheld money are about: `review:<payment>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A review as it stands; a payment has one at most.

    Attributes:
        held: what is withheld now: what was captured, less our fee and what was refunded of it.
    """

    merchant_id: int
    payment_id: int
    invoice_id: int
    state: State
    version: int
    held: Money
    opened_at: datetime
    state_at: datetime

    @property
    def about(self) -> str:
        return f"{OBJECT}:{self.payment_id}"
