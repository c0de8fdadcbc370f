"""The rails that this installation has: which connector serves which method."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from nonstopay.business.invoices.invoice import METHODS, UPI, identity_context
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.connectors.base import UpiConnector
from nonstopay.errors import NotFound
from nonstopay.store.seal import Sealer


@dataclass(frozen=True, slots=True)
class Rails:
    """What can be paid with here.

    Attributes:
        upi: UPI connectors by name, the preferred one first.
        notify_url: where providers send notifications; the connector's name is appended.
        upi_lifetime: how long a dynamic QR can be paid.
        rate_max_age: exchange rates older than this are refused; `None` takes any.
        sealer: opens payers' identity numbers, for providers that need them.
    """

    upi: Mapping[str, UpiConnector]
    notify_url: str
    upi_lifetime: timedelta
    rate_max_age: timedelta | None
    sealer: Sealer | None = None

    def methods(self, merchant: Merchant, currency: str) -> list[str]:
        """The methods a payer of this merchant can use for an invoice in `currency`."""
        here = {UPI.name} if self.upi else set()
        return [
            method.name
            for method in METHODS.values()
            if method.name in here & merchant.methods and currency in method.currencies
        ]

    def identity(self, merchant_id: int, sealed: bytes) -> str | None:
        """A payer's identity number in plain, for the provider and nobody else."""
        if self.sealer is None:
            return None
        return self.sealer.open(sealed, identity_context(merchant_id)).decode()

    def solutions(self, method: str) -> list[str]:
        """The names of the connectors behind a method."""
        return list(self.upi) if method == UPI.name else []

    def connector(self, name: str) -> UpiConnector:
        """The connector with this name. Raises `NotFound`."""
        try:
            return self.upi[name]
        except KeyError:
            raise NotFound(f"there is no connector {name}") from None
