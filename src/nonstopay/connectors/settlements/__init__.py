"""Settlement reports: what a provider paid into our bank account, line by line.

A provider is one file, and reads the same section of the configuration as its connector. It translates
and decides nothing: whether a line fits our books is for others to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Protocol

from nonstopay.money import Money

INDIA = timezone(timedelta(hours=5, minutes=30), "IST")
"""Where the days of Indian providers begin and end."""


class LineKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    OTHER = "other"
    """A dispute, an adjustment, a transfer: `Line.word` says what the provider calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a settlement.

    Attributes:
        word: the provider's own word for its kind.
        reference: ours, of the order; None if the provider does not name it.
        provider_reference: the provider's id of the payment, refund or whatever it is.
        payment: the provider's id of the payment that a refund belongs to.
        settlement, utr: the provider's id of the settlement, and its transfer's at the banks.
        gross: what was paid or refunded, positive.
        fee, tax: what the provider keeps of it; the tax is not in the fee.
        net: what the line adds to the settlement; negative if it takes away.
        settled_at: when, UTC.
    """

    kind: LineKind
    word: str
    reference: str | None
    provider_reference: str
    payment: str | None
    settlement: str
    utr: str | None
    gross: Money
    fee: Money
    tax: Money
    net: Money
    settled_at: datetime

    @property
    def adds_up(self) -> bool:
        """Whether net is gross less fee and tax; a refund takes all three away."""
        signed = -self.gross if self.kind is LineKind.REFUND else self.gross
        return signed - self.fee - self.tax == self.net


class SettlementSource(Protocol):
    """A provider that tells what it settled."""

    name: str

    async def settled(self, day: date) -> Sequence[Line]:
        """Every line that was settled on a day of the provider's own calendar.

        Raises:
            ProviderUnavailable: no whole report: silence, another shape, or a page is missing. Half
                a report is none.
        """
        ...
