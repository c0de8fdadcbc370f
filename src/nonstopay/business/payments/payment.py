"""The payment: one attempt to pay one invoice at one provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from nonstopay.business.payments.states import IN_DOUBT, OPEN, State
from nonstopay.connectors.outcome import Reason
from nonstopay.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A line of a payment's history: who said what of it, when, and what it did."""

    at: datetime
    source: str
    outcome: str
    before: State
    after: State
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """An attempt as it stands.

    Attributes:
        reference: ours, under which the provider knows the order.
        amount: what the invoice asks, in its currency.
        charged: what the payer is asked, in the rail's currency.
        authorised, captured, voided, refunded: how much of `amount` was reserved on the payer's card,
            credited to the merchant, let go, and given back. What is reserved and neither captured nor
            voided is `open`.
        by_hand: what is reserved waits for the merchant's word; else it is captured at once.
        rate, rate_source, rate_at: how the one became the other.
        link: what the payer opens (UPI: the `upi://pay?…` link; card: the 3-D Secure page).
        network_reference: the banks' id of the transfer (UTR).
        expires_at: after this the provider takes no money for it any more.
    """

    merchant_id: int
    id: int
    invoice_id: int
    method: str
    connector: str
    reference: str
    state: State
    version: int
    direct: bool
    amount: Money
    charged: Money
    authorised: Money
    captured: Money
    voided: Money
    refunded: Money
    by_hand: bool
    rate: Decimal
    rate_source: str
    rate_at: datetime
    provider_reference: str | None
    network_reference: str | None
    link: str | None
    reason: Reason | None
    started_at: datetime
    state_at: datetime
    expires_at: datetime

    @property
    def open(self) -> Money:
        """What is reserved and can still be captured or let go."""
        return self.authorised - self.captured - self.voided

    @property
    def refundable(self) -> Money:
        """What was captured and not yet given back."""
        return self.captured - self.refunded

    def is_usable(self, at: datetime) -> bool:
        """Whether a payer who comes back should find this attempt rather than a new one."""
        return self.state in OPEN and (self.expires_at > at or self.state in IN_DOUBT)
