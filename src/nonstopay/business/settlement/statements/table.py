"""Statements as CSV: one heading, a row for everything."""

import csv
import io
from collections.abc import Sequence

from nonstopay.business.settlement.statements.rows import COLUMNS, Row
from nonstopay.errors import InvalidInput


def write(rows: Sequence[Row]) -> str:
    """The rows under their heading, as RFC 4180 has it but for the line ends, which are plain."""
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def read(text: str) -> list[Row]:
    """The rows of such a table.

    Raises:
        InvalidInput: another heading, or a row with more or fewer cells.
    """
    table = csv.reader(io.StringIO(text), strict=True)
    try:
        heading, *rows = list(table)
    except (ValueError, csv.Error) as error:
        raise InvalidInput("file", f"this is no statement: {error}") from None
    if tuple(heading) != COLUMNS:
        raise InvalidInput("file", "this is no statement: its heading is another")
    if any(len(row) != len(COLUMNS) for row in rows):
        raise InvalidInput("file", "a row has more or fewer cells than the heading")
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]
