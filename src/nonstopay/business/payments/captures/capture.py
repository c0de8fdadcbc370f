"""The capture: a part of what is reserved on a payer's card, taken on the merchant's word."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.payments.captures.states import State
from nonstopay.money import Money

_KEY = "capture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A capture as it stands.

    Attributes:
        number: 1 is the first one of its payment.
        final: nothing more will be taken; the provider lets the rest go.
        reason: why the provider refused, in its own code.
    """

    merchant_id: int
    payment_id: int
    number: int
    state: State
    version: int
    amount: Money
    final: bool
    reason: str | None
    asked_at: datetime
    state_at: datetime

    @property
    def key(self) -> str:
        """The idempotency key under which the provider knows the capture."""
        return f"{_KEY}-{self.payment_id}-{self.number}"


def number_of(key: str) -> tuple[int, int] | None:
    """The payment and the number of the capture whose key this is, if it is one."""
    parts = key.split("-")
    if len(parts) != 3 or parts[0] != _KEY or not (parts[1] + parts[2]).isdecimal():
        return None
    return int(parts[1]), int(parts[2])
