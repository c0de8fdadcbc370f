"""Rates that stand still, for the sandbox: what a coin costs there does not change from day to day.

The figures are made up, of about the size of the real ones, so that amounts look as they will.
"""

from datetime import UTC, datetime
from decimal import Decimal

from nonstopay.connectors.rates import Price

SOURCE = "fixed (sandbox)"
DOLLARS = {
    "BTC": Decimal(100_000),
    "ETH": Decimal(4_000),
    "LTC": Decimal(100),
    "POL": Decimal("0.50"),
    "USDC": Decimal("1.00"),
    "USDT": Decimal("1.00"),
}
"""US dollars for one coin."""
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def read_fixed() -> list[Price]:
    """What coins cost in the sandbox."""
    return [
        Price(source=SOURCE, ticker=ticker, dollars=dollars, at=_SINCE)
        for ticker, dollars in DOLLARS.items()
    ]
