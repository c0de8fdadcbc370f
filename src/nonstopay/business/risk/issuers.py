"""From which country a card is, as far as the operator's own file knows.

We bring no such list along: the real ones are sold, and an old one would refuse honest payers. A line of
the file is the first digits of card numbers, at most six, and a country: `424242,US`. The longest first
digits that fit count.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nonstopay.errors import Misconfigured

DIGITS_MAX = 6
_LINE = re.compile(r"([0-9]{1,6}),([A-Z]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Issuers:
    """Countries by the first digits of card numbers."""

    countries: Mapping[str, str] = field(default_factory=dict)

    def country_of(self, first6: str) -> str | None:
        """The country of a card, or `None` if the file does not say."""
        lengths = range(min(len(first6), DIGITS_MAX), 0, -1)
        found = (self.countries.get(first6[:length]) for length in lengths)
        return next((country for country in found if country), None)


def read_issuers(path: str) -> Issuers:
    """The file at `path`; an empty path is an empty list.

    Raises:
        Misconfigured: it cannot be read, a line has another form, or two lines say different things.
    """
    if not path:
        return Issuers()
    try:
        lines = Path(path).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"risk_bins: cannot read {path}: {error}") from None
    countries: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        form = _LINE.fullmatch(text)
        if form is None:
            raise Misconfigured(f"risk_bins: line {number} of {path} is not like 424242,US")
        digits, country = form.groups()
        if countries.setdefault(digits, country) != country:
            raise Misconfigured(
                f"risk_bins: line {number} of {path} says {digits} again, otherwise"
            )
    return Issuers(countries)
