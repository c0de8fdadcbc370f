"""How long a card can be used."""

from datetime import datetime, timedelta

_LAST_TO_BED = timedelta(hours=12)
"""A month ends last at UTC-12: until then a card is good somewhere."""


_YEARS_MAX = 50
"""Cards show two digits of the year, and none is issued for so long."""


def is_no_year(year: int, at: datetime) -> bool:
    """Whether no card is good until a year so far off."""
    return year > at.year + _YEARS_MAX


def is_over(month: int, year: int, at: datetime) -> bool:
    """Whether a card that is good to the end of this month can no longer be used."""
    somewhere = at - _LAST_TO_BED
    return (year, month) < (somewhere.year, somewhere.month)
