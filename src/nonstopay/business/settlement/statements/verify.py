"""Verifying a statement with nothing but the statement: its sums, its exchange, its digest.

What it cannot see: whether the digest is the one that went along with the transfer, or that the gateway
keeps. So it says the digest, and whoever asks compares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, InvalidOperation, localcontext
from itertools import groupby

from nonstopay.business.settlement.statements.merkle import root_of
from nonstopay.business.settlement.statements.rows import (
    BATCH,
    INVOICE,
    LEAVES,
    PART,
    ROOT,
    Row,
    leaf,
)

_PRECISION = 100
_SUMMED = ("gross", "fee", "refunded", "reserve", "share")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one batch: `failures` are sentences, none if all holds."""

    merchant: str
    batch: str
    root: str
    failures: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.failures


def verify(rows: Sequence[Row]) -> list[Verdict]:
    """Examine every batch of a statement, in its order."""
    with localcontext(Context(prec=_PRECISION)):
        return [
            _verify(list(batch))
            for _, batch in groupby(rows, key=lambda row: (row["merchant"], row["batch"]))
        ]


def _verify(rows: list[Row]) -> Verdict:
    root = f"0x{root_of([leaf(row) for row in rows if row['kind'] in LEAVES]).hex()}"
    failures = []
    if [row["digest"] for row in rows if row["kind"] == ROOT] != [root]:
        failures.append(f"its digest is {root}, and another is written there")
    try:
        failures += _sums(rows)
    except (InvalidOperation, ValueError):
        failures.append("a cell that must be a number is none")
    return Verdict(rows[0]["merchant"], rows[0]["batch"], root, tuple(failures))


def _sums(rows: list[Row]) -> list[str]:
    batches = [row for row in rows if row["kind"] == BATCH]
    parts = [row for row in rows if row["kind"] == PART]
    failures = [
        sentence
        for part in parts
        for sentence in [
            *_lines(part, [row for row in rows if _is_line_of(row, part)]),
            *_exchange(part, batches[0] if batches else part),
        ]
    ]
    if strays := {row["currency"] for row in rows if row["kind"] == INVOICE} - {
        part["currency"] for part in parts
    }:
        failures.append(f"invoices in {', '.join(sorted(strays))} belong to no part")
    if len(batches) != 1 or _sum(parts, "total") != Decimal(batches[0]["total"]):
        failures.append("the parts do not add up to the batch")
    invoices = [row["invoice"] for row in rows if row["kind"] == INVOICE]
    if len(set(invoices)) != len(invoices):
        failures.append("an invoice is settled twice")
    return failures


def _is_line_of(row: Row, part: Row) -> bool:
    return row["kind"] == INVOICE and row["currency"] == part["currency"]


def _lines(part: Row, lines: list[Row]) -> list[str]:
    """The invoices add up to their part, and the part's own sum comes out."""
    name = part["currency"]
    failures = [
        f"{name}: the invoices' {column} is {_sum(lines, column)}, the part says {part[column]}"
        for column in _SUMMED
        if _sum(lines, column) != Decimal(part[column])
    ]
    failures += [
        f"invoice {line['invoice']}: its sum does not come out"
        for line in lines
        if _net(line) != Decimal(line["payable"])
    ]
    if _net(part) + Decimal(part["adjustment"]) != Decimal(part["payable"]):
        failures.append(f"{name}: the part's sum does not come out")
    return failures


def _exchange(part: Row, batch: Row) -> list[str]:
    """Payable by the rate is converted, less the mark-up is the total."""
    unit = Decimal(1).scaleb(Decimal(batch["total"]).as_tuple().exponent)  # type: ignore[arg-type]
    converted = (Decimal(part["payable"]) * Decimal(part["rate"])).quantize(unit, ROUND_DOWN)
    markup = (converted * Decimal(part["fx_percent"]) / 100).quantize(unit, ROUND_HALF_UP)
    said = tuple(Decimal(part[column]) for column in ("converted", "markup", "total"))
    if said != (converted, markup, converted - markup):
        return [f"{part['currency']}: by its rate and mark-up the total is {converted - markup}"]
    return []


def _net(row: Row) -> Decimal:
    gross, fee, refunded, reserve = (
        Decimal(row[column]) for column in ("gross", "fee", "refunded", "reserve")
    )
    return gross - fee - refunded - reserve


def _sum(rows: list[Row], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))
