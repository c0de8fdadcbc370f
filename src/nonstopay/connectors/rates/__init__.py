"""Sources of exchange rates, found by listing this folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Rates that a source published together.

    Attributes:
        source: who says so, `ECB`.
        at: from when on they could be known, UTC.
        rates: units of each currency for one euro, EUR itself included.
    """

    source: str
    at: datetime
    rates: Mapping[str, Decimal]
