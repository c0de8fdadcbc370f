"""The terms: what was agreed with a merchant about his settlement."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from nonstopay.errors import InvalidInput
from nonstopay.money import Money

_HUNDRED = Decimal(100)
RESERVE_DAYS_MAX = 3650


class Cadence(StrEnum):
    """When a merchant is paid what is due."""

    EACH_PAYMENT = "each_payment"
    HOURLY = "hourly"
    """Once in every hour of the clock, UTC."""
    DAILY = "daily"
    """Once in every day, UTC."""
    THRESHOLD = "threshold"
    """As soon as it is so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A merchant's terms; the defaults are those of a merchant with whom nothing else was agreed.

    Attributes:
        threshold: for that cadence, in units of the coin.
        reserve_percent, reserve_days: how much of what was captured is set aside, and how long.
        fx_percent: our mark-up on the mid rate where currencies are exchanged.
        partner, partner_percent: who gets how much of our fees.
    """

    cadence: Cadence = Cadence.DAILY
    threshold: Decimal = Decimal(0)
    reserve_percent: Decimal = Decimal(0)
    reserve_days: int = 0
    fx_percent: Decimal = Decimal(0)
    partner: str | None = None
    partner_percent: Decimal = Decimal(0)

    def is_ripe(self, total: Money, last_closed_at: datetime | None, at: datetime) -> bool:
        """Whether a batch over `total` closes now."""
        match self.cadence:
            case Cadence.THRESHOLD:
                return total.decimal() >= self.threshold
            case Cadence.HOURLY:
                begun = at.replace(minute=0, second=0, microsecond=0)
            case Cadence.DAILY:
                begun = at.replace(hour=0, minute=0, second=0, microsecond=0)
            case Cadence.EACH_PAYMENT:
                return True
        return last_closed_at is None or last_closed_at < begun

    def release_at(self, closed_at: datetime) -> datetime:
        """When what a batch sets aside is the merchant's again."""
        return closed_at + timedelta(days=self.reserve_days)

    def check(self) -> None:
        """Raise `InvalidInput` for terms that cannot be kept."""
        for name in ("reserve_percent", "fx_percent"):
            if not _is_within(getattr(self, name)) or getattr(self, name) == _HUNDRED:
                raise InvalidInput(name, f"{name} is at least 0 and below 100")
        if not _is_within(self.partner_percent):
            raise InvalidInput("partner_percent", "a partner's share is 0 to 100 percent")
        if not 0 <= self.reserve_days <= RESERVE_DAYS_MAX:
            raise InvalidInput("reserve_days", f"a reserve is held 0 to {RESERVE_DAYS_MAX} days")
        if not (self.threshold.is_finite() and self.threshold >= 0):
            raise InvalidInput("threshold", "a threshold is not negative")
        if self.partner is not None and not (self.partner.isascii() and self.partner.isalnum()):
            raise InvalidInput("partner", "a partner's id is ASCII letters and digits")
        if self.partner is None and self.partner_percent:
            raise InvalidInput("partner", "a share needs the partner who gets it")


def _is_within(percent: Decimal) -> bool:
    return percent.is_finite() and 0 <= percent <= _HUNDRED
