"""What a conversion was made by, and why one may be refused."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from nonstopay.errors import Unavailable
from nonstopay.money import Money, Rounding, divide

RATE_DECIMALS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """An amount in another currency.

    Attributes:
        amount: what was asked about.
        converted: the same in the other currency, rounded half up to its minor unit.
        rate: units of the other currency for one of the first, exact.
        source: who published the rates, `ECB`; `identity` if nothing was converted.
        at: when they were published, UTC.
    """

    amount: Money
    converted: Money
    rate: Fraction
    source: str
    at: datetime

    def stored_rate(self) -> Decimal:
        """The rate as rows keep it and people read it: 12 decimals, half up."""
        scaled = divide(
            self.rate.numerator * 10**RATE_DECIMALS, self.rate.denominator, Rounding.HALF_UP
        )
        return Decimal(scaled).scaleb(-RATE_DECIMALS)


class RateMissing(Unavailable):
    """No source has published a rate between these two currencies."""

    code = "rate_missing"


class RateTooOld(Unavailable):
    """The newest rate is older than the operator allows."""

    code = "rate_too_old"
