"""How long a card can be used."""

from datetime import datetime, timedelta

_LAST_TO_BED = timedelta(hours=12)
"""A month ends last at UTC-12: until then a card is good somewhere."""


def is_over(month: int, year: int, at: datetime) -> bool:
    """Whether a card that is good to the end of this month can no longer be used."""
    somewhere = at - _LAST_TO_BED
    return (year, month) < (somewhere.year, somewhere.month)
