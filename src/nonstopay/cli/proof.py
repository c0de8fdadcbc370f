"""`nonstopay proof`: whether the books and everything around them hold."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import msgspec
from cyclopts import Parameter

from nonstopay.business.deposits.check import check as ask_chains
from nonstopay.business.deposits.proof import prove as chains
from nonstopay.business.payments.crypto.books import differences
from nonstopay.business.payments.proof import prove as payments
from nonstopay.business.settlement.proof.prove import LAWS as SETTLEMENT
from nonstopay.cli.gateway import opened
from nonstopay.cli.where import Where, database_of
from nonstopay.config import Settings
from nonstopay.ledger import proof as ledger
from nonstopay.ledger.proof import Check, Head, Proof
from nonstopay.store.db import Connection

CHAIN_BOOKS: tuple[chains.Books, ...] = (differences,)
"""What compares the books with the deposits that the chains have."""


def proof(
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    heads: Path | None = None,
    chain: Annotated[bool, Parameter(negative=())] = False,
    where: Where = Where(),
) -> None:
    """Recompute every book and check every invariant; exit status 0 only if all hold.

    Parameters
    ----------
    heads
        A file that remembers how far each book went, kept away from the database: a book that was
        rewritten from the beginning no longer leads to its earlier head.
    chain
        Besides, read every chain again from the first block that we watched, and compare.
    """
    settings = where.settings()
    with database_of(settings) as url:
        books, checks = asyncio.run(_prove(settings, url, _read(heads), chain))
    holds = all(check.holds for check in checks)
    if heads is not None and holds:
        _write(heads, books.heads)
    if as_json:
        print(msgspec.json.encode(_facts(books, checks, holds)).decode())
    else:
        _tell(books, checks, holds)
    sys.exit(0 if holds else 1)


async def _prove(
    settings: Settings, url: str, earlier: Mapping[int, Head], chain: bool
) -> tuple[Proof, tuple[Check, ...]]:
    # A proof reads everything there is: it gets no statement time-out and no pool.
    conn = await asyncpg.connect(url)
    try:
        books = await ledger.prove(conn, earlier)
        checks = [*books.checks, *await payments.prove(conn)]
        checks += await payments.prove(conn, SETTLEMENT)
        if chain:
            checks += await _prove_chains(settings, url, conn)
        return books, tuple(checks)
    finally:
        await conn.close()


async def _prove_chains(settings: Settings, url: str, conn: Connection) -> tuple[Check, ...]:
    async with opened(settings, url) as gateway:
        await ask_chains(gateway.chains)
        return await chains.prove(conn, gateway.chains, CHAIN_BOOKS)


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
