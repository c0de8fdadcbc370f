"""Statements as a page: for people, to read and to print. One file, no script, nothing from elsewhere."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from nonstopay.business.settlement.statements.rows import (
    BATCH,
    INVOICE,
    PAID,
    PART,
    ROOT,
    Row,
)

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child, .text { text-align: left; }
.sum td { font-weight: 600; border-top: 2px solid #444; }
code { font-size: .85em; overflow-wrap: anywhere; }
"""
_WALK = (
    ("gross", "Paid by payers", ""),
    ("fee", "Our fees", "−"),
    ("refunded", "Refunded to payers", "−"),
    ("adjustment", "Changes to what was settled earlier", ""),
    ("reserve", "Set aside in your reserve", "−"),
    ("payable", "To be settled", ""),
)
"""From what payers paid to what is settled: the column, its words, and the sign it counts with."""
_INVOICE_COLUMNS = ("gross", "fee", "refunded", "reserve", "payable")


def page(title: str, rows: Sequence[Row]) -> str:
    """A statement as HTML.

    Args:
        title: what it is of, `Settlement 5`.
    """
    batches = groupby(rows, key=lambda row: row["batch"])
    inside = "".join(_batch(list(batch)) for _, batch in batches) or "<p>Nothing was settled.</p>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{inside}</body></html>\n"
    )


def _batch(rows: list[Row]) -> str:
    [head] = [row for row in rows if row["kind"] == BATCH]
    transfers = "".join(
        f"<p>Transfer <code>{escape(row['digest'])}</code>, booked as "
        f"<code>{escape(row['ledger'])}</code>.</p>"
        for row in rows
        if row["kind"] == PAID
    )
    parts = "".join(
        _part(row, [one for one in rows if _is_invoice_in(one, row["currency"])])
        for row in rows
        if row["kind"] == PART
    )
    [root] = [row["digest"] for row in rows if row["kind"] == ROOT]
    return (
        f"<h2>Batch {escape(head['batch'])}: {escape(head['total'])} {escape(head['coin'])} on "
        f"{escape(head['network'])}</h2><p>Closed at {escape(head['at'])}.</p>"
        f"{transfers or '<p>Not paid yet.</p>'}{parts}"
        f"<p>Digest of all lines: <code>{escape(root)}</code></p>"
    )


def _is_invoice_in(row: Row, currency: str) -> bool:
    return row["kind"] == INVOICE and row["currency"] == currency


def _part(part: Row, invoices: list[Row]) -> str:
    code = escape(part["currency"])
    walk = "".join(
        f"<tr{' class=sum' if column == 'payable' else ''}><td>{words}</td>"
        f"<td>{sign}{escape(part[column])} {code}</td></tr>"
        for column, words, sign in _WALK
    )
    lines = "".join(_invoice(row) for row in invoices)
    return (
        f"<h3>{code}</h3><table>{walk}{_exchange(part)}</table>"
        f"<p>{_partner(part)}Booked as <code>{escape(part['ledger'])}</code>.</p>"
        "<table><tr><th>Invoice</th><th>Paid</th><th>Fee</th><th>Refunded</th><th>Reserve</th>"
        f"<th>Net</th><th class=text>Ledger</th></tr>{lines}</table>"
    )


def _exchange(part: Row) -> str:
    coin = escape(part["coin"])
    return (
        f"<tr><td>By the mid rate {escape(part['rate'])} ({escape(part['rate_source'])}, "
        f"{escape(part['at'])})</td><td>{escape(part['converted'])} {coin}</td></tr>"
        f"<tr><td>Our mark-up of {escape(part['fx_percent'])} %</td>"
        f"<td>−{escape(part['markup'])} {coin}</td></tr>"
        f"<tr class=sum><td>Paid to your wallet</td><td>{escape(part['total'])} {coin}</td></tr>"
    )


def _partner(part: Row) -> str:
    if not part["partner"]:
        return ""
    share = f"{escape(part['share'])} {escape(part['currency'])}"
    return f"Of our fees {share} went to partner {escape(part['partner'])}. "


def _invoice(row: Row) -> str:
    cells = "".join(f"<td>{escape(row[column])}</td>" for column in _INVOICE_COLUMNS)
    return (
        f"<tr><td>{escape(row['invoice'])}</td>{cells}"
        f"<td class=text><code>{escape(row['ledger'])}</code></td></tr>"
    )
