"""A batch as rows: what a statement says, in the one order and wording that its digest is made of.

A row has all columns, most of them empty. Rows `invoice` add up to their row `part`, and those to the row
`batch`. Rows `paid` and `root` came later and are no leaves. `ledger` names the lines of the book: a key,
or the object that they are about.
"""

from collections.abc import Sequence

from nonstopay.business.settlement.batch import Batch, Line, Part
from nonstopay.business.settlement.states import State
from nonstopay.ledger.movements import SETTLE, SETTLED

COLUMNS = (
    "merchant", "batch", "kind", "invoice", "currency", "gross", "fee", "refunded", "adjustment",
    "reserve", "payable", "share", "partner", "rate", "rate_source", "at", "fx_percent", "converted",
    "markup", "total", "coin", "network", "ledger", "digest",
)  # fmt: skip
BATCH, PART, INVOICE, PAID, ROOT = "batch", "part", "invoice", "paid", "root"
LEAVES = frozenset({BATCH, PART, INVOICE})

Row = dict[str, str]
"""A cell for each of `COLUMNS`."""


def rows_of(batch: Batch, parts: Sequence[Part]) -> list[Row]:
    """All rows of a batch: the batch, each part followed by its invoices, then what came later."""
    rows = _leaf_rows(batch, parts)
    if batch.state is State.PAID:
        ledger = f"{batch.about}/{SETTLED}"
        rows.append(_row(batch, PAID, digest=batch.tx_hash or "", ledger=ledger))
    rows.append(_row(batch, ROOT, digest=f"0x{batch.root.hex()}"))
    return rows


def leaves(batch: Batch, parts: Sequence[Part]) -> list[str]:
    """What the digest of a batch is made of."""
    return [leaf(row) for row in _leaf_rows(batch, parts)]


def leaf(row: Row) -> str:
    """A row as one text: its cells in the order of the columns, a line each."""
    return "\n".join(row[column] for column in COLUMNS)


def _leaf_rows(batch: Batch, parts: Sequence[Part]) -> list[Row]:
    rows = [
        _row(
            batch,
            BATCH,
            at=batch.closed_at.isoformat(timespec="microseconds"),
            total=batch.amount.text(),
            coin=batch.amount.currency.code,
            network=batch.network,
        )
    ]
    for part in sorted(parts, key=lambda part: part.payable.currency.code):
        rows.append(_part_row(batch, part))
        rows += [
            _line_row(batch, line) for line in sorted(part.lines, key=lambda line: line.invoice_id)
        ]
    return rows


def _part_row(batch: Batch, part: Part) -> Row:
    currency = part.payable.currency
    return _row(
        batch,
        PART,
        currency=currency.code,
        gross=part.gross.text(),
        fee=part.fee.text(),
        refunded=part.refunded.text(),
        adjustment=part.adjustment.text(),
        reserve=part.reserve.text(),
        payable=part.payable.text(),
        share=part.share.text(),
        partner=part.partner or "",
        rate=f"{part.rate.mid:.12f}",
        rate_source=part.rate.source,
        at=part.rate.at.isoformat(timespec="microseconds"),
        fx_percent=f"{part.rate.fx_percent:.4f}",
        converted=part.converted.text(),
        markup=part.markup.text(),
        total=part.total.text(),
        coin=part.total.currency.code,
        ledger=f"{batch.about}/{SETTLE}/{currency}",
    )


def _line_row(batch: Batch, line: Line) -> Row:
    return _row(
        batch,
        INVOICE,
        invoice=str(line.invoice_id),
        currency=line.gross.currency.code,
        gross=line.gross.text(),
        fee=line.fee.text(),
        refunded=line.refunded.text(),
        reserve=line.reserve.text(),
        payable=line.net.text(),
        share=line.share.text(),
        ledger=f"payment:{line.payment_id}",
    )


def _row(batch: Batch, kind: str, **cells: str) -> Row:
    named = {"merchant": str(batch.merchant_id), "batch": str(batch.id), "kind": kind, **cells}
    return {column: named.get(column, "") for column in COLUMNS}
