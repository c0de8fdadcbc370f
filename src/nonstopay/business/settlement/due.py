"""Invoices on their way into a batch."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.settlement.rules import Rules
from nonstopay.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An invoice that is to be settled; sums in its currency, as in `Line`."""

    invoice_id: int
    payment_id: int
    gross: Money
    fee: Money
    refunded: Money

    @property
    def net(self) -> Money:
        return self.gross - self.fee - self.refunded


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A credited invoice that is in no batch yet.

    Attributes:
        is_open: more may be captured of it.
        is_disputed: the payer's bank asks about it, or has its money.
    """

    due: Due
    method: str
    paid_at: datetime
    is_open: bool
    is_disputed: bool

    def is_due(self, rules: Rules, at: datetime) -> bool:
        held_back = self.is_open or self.is_disputed
        return not held_back and rules.clears_at(self.method, self.paid_at) <= at
