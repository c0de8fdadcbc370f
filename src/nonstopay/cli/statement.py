"""`nonstopay statement` and `verify-statement`: what became of every cent, and whether it adds up."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from nonstopay.business.assembly import Gateway
from nonstopay.business.settlement.statements import page, table
from nonstopay.business.settlement.statements.rows import Row
from nonstopay.business.settlement.statements.statement import of_batch, of_month
from nonstopay.business.settlement.statements.verify import verify
from nonstopay.cli.merchant import run
from nonstopay.cli.where import Where
from nonstopay.errors import InvalidInput

app = App(name="statement", help="Statements of settlement, as CSV or as a page.")
Html = Annotated[bool, Parameter(name="--html", negative=())]


@app.command
def batch(
    merchant_id: int, batch_id: int, /, *, html: Html = False, where: Where = Where()
) -> None:
    """The statement of one batch.

    Parameters
    ----------
    html
        A page to read and print, instead of CSV, which `verify-statement` reads.
    """

    async def act(gateway: Gateway) -> list[Row]:
        async with gateway.db.reading() as conn:
            return await of_batch(conn, merchant_id, batch_id)

    _print(run(where, act), f"Settlement {batch_id} of merchant {merchant_id}", html)


@app.command
def month(merchant_id: int, month: str, /, *, html: Html = False, where: Where = Where()) -> None:
    """The statement of a month, written 2026-05: all batches that closed in it.

    Parameters
    ----------
    html
        A page to read and print, instead of CSV, which `verify-statement` reads.
    """

    async def act(gateway: Gateway) -> list[Row]:
        async with gateway.db.reading() as conn:
            return await of_month(conn, merchant_id, month)

    _print(run(where, act), f"Settlements of merchant {merchant_id} in {month}", html)


def verify_statement(
    file: Path,
    /,
    *,
    root: Annotated[list[str] | None, Parameter(negative=())] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Check a statement offline: sums, exchange, digest; exit status 0 only if all holds.

    Parameters
    ----------
    file
        A CSV of `nonstopay statement`.
    root
        The digest you know from elsewhere, 0x…: every batch must have one of those given; repeatable.
    """
    verdicts = verify(table.read(_text_of(file)))
    strangers = [one for one in verdicts if root is not None and one.root not in root]
    holds = bool(verdicts) and not strangers and all(one.holds for one in verdicts)
    if as_json:
        facts = {"holds": holds, "batches": verdicts}
        print(msgspec.json.encode(facts).decode())
    else:
        for one in verdicts:
            print(f"batch {one.batch} of merchant {one.merchant}: {one.root}")
            for failure in one.failures:
                print(f"  BROKEN  {failure}")
            if one in strangers:
                print("  BROKEN  this is not the digest that you named")
        print("everything holds" if holds else "this statement does NOT hold")
    sys.exit(0 if holds else 1)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("file", f"cannot read {file}: {error}") from None


def _print(rows: list[Row], title: str, html: bool) -> None:
    print(page.page(title, rows) if html else table.write(rows), end="")
