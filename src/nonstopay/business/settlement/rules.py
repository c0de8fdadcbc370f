"""The rules: what the operator set for the settlement of all merchants."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nonstopay.config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for all merchants.

    Attributes:
        clearing: by method, how long after a payment its money is here.
        rate_max_age: rates that were published longer ago are refused; `None` takes any.
    """

    clearing: Mapping[str, timedelta]
    rate_max_age: timedelta | None

    def clears_at(self, method: str, paid_at: datetime) -> datetime:
        """From when on a payment may be settled."""
        return paid_at + self.clearing[method]


def rules_of(settings: Settings) -> Rules:
    """The rules of an installation. The sandbox's money clears at once."""
    days = {
        "CARD": settings.clearing_days_card,
        "UPI": settings.clearing_days_upi,
        "CRYPTO": settings.clearing_days_crypto,
    }
    return Rules(
        clearing={
            method: timedelta(days=count if settings.live else 0) for method, count in days.items()
        },
        rate_max_age=timedelta(days=settings.rate_max_age_days) if settings.live else None,
    )
