"""Coins that paid for nothing, on their way back to an address that the payer names."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A refund on a chain.

    Attributes:
        amount: in the coin that came; its currency names coin and network.
        address: the payer's, on that network.
        attempt: how often the sender has refused it.
        tx_hash: of the transfer that brought it; `None` until it is sure.
    """

    merchant_id: int
    id: int
    invoice_id: int
    payment_id: int
    network: str
    amount: Money
    address: str
    attempt: int
    tx_hash: str | None
    asked_at: datetime

    @property
    def about(self) -> str:
        return f"crypto-refund:{self.id}"

    @property
    def key(self) -> str:
        """Under what the sender is asked; one that he refused stays refused for ever."""
        return f"{self.about}/{self.attempt}"
