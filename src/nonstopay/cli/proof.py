"""`nonstopay proof`: whether the books and everything around them hold."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import msgspec
from cyclopts import Parameter

from nonstopay.business.payments.proof import prove as payments
from nonstopay.business.settlement.proof.prove import LAWS as SETTLEMENT
from nonstopay.cli.where import Where, database_of
from nonstopay.ledger import proof as ledger
from nonstopay.ledger.proof import Check, Head, Proof


def proof(
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    heads: Path | None = None,
    where: Where = Where(),
) -> None:
    """Recompute every book and check every invariant; exit status 0 only if all hold.

    Parameters
    ----------
    heads
        A file that remembers how far each book went, kept away from the database: a book that was
        rewritten from the beginning no longer leads to its earlier head.
    """
    with database_of(where.settings()) as url:
        books, checks = asyncio.run(_prove(url, _read(heads)))
    holds = all(check.holds for check in checks)
    if heads is not None and holds:
        _write(heads, books.heads)
    if as_json:
        print(msgspec.json.encode(_facts(books, checks, holds)).decode())
    else:
        _tell(books, checks, holds)
    sys.exit(0 if holds else 1)


async def _prove(url: str, earlier: Mapping[int, Head]) -> tuple[Proof, tuple[Check, ...]]:
    # A proof reads everything there is: it gets no statement time-out and no pool.
    conn = await asyncpg.connect(url)
    try:
        books = await ledger.prove(conn, earlier)
        settled = await payments.prove(conn, SETTLEMENT)
        return books, (*books.checks, *await payments.prove(conn), *settled)
    finally:
        await conn.close()


def _facts(books: Proof, checks: tuple[Check, ...], holds: bool) -> dict[str, Any]:
    return {
        "holds": holds,
        "books": books.books,
        "lines": books.lines,
        "accounts": books.accounts,
        "checks": [
            {"name": check.name, "holds": check.holds, "failures": list(check.failures)}
            for check in checks
        ],
        "heads": {
            str(book): [head.number, head.digest.hex()] for book, head in books.heads.items()
        },
    }


def _tell(books: Proof, checks: tuple[Check, ...], holds: bool) -> None:
    print(f"{books.books} books, {books.lines} lines, {books.accounts} accounts")
    for check in checks:
        print(f"  {'holds ' if check.holds else 'BROKEN'}  {check.name}")
        for failure in check.failures:
            print(f"          {failure}")
    print(
        "everything holds" if holds else "the books do NOT hold: stop paying out and find out why"
    )


def _read(heads: Path | None) -> dict[int, Head]:
    if heads is None or not heads.exists():
        return {}
    kept = msgspec.json.decode(heads.read_bytes(), type=dict[str, tuple[int, str]])
    return {
        int(book): Head(number, bytes.fromhex(digest)) for book, (number, digest) in kept.items()
    }


def _write(heads: Path, known: Mapping[int, Head]) -> None:
    kept = {str(book): (head.number, head.digest.hex()) for book, head in known.items()}
    heads.write_bytes(msgspec.json.encode(kept))
