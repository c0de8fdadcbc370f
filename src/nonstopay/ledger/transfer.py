"""A line of a book: what is moved, and the seal that chains it to the line before.

A line has one debit account, one credit account and one positive amount in one currency, so it
cannot be unbalanced. Lines are only ever added. Each carries the SHA-256 of the digest before it
and of all it says: whoever changes, removes, inserts or swaps a line breaks the chain.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import asyncpg

from nonstopay.errors import LawBroken
from nonstopay.money import Currency, Money

GENESIS = bytes(32)
"""What stands for the digest before the first line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """`amount` to the debit of one account and the credit of another, in one merchant's book.

    Attributes:
        key: names the movement, once for ever in this book: `payment:12/capture`.
        line: the line's place in its movement, from 1.
        movement: its name in `movements.py`.
        debit, credit: accounts of the chart.
        about: the object whose money it is: `payment:12`.
        at: when it happened; an aware instant.

    Raises:
        LawBroken: an amount that is not positive, twice the same account, an instant without zone.
    """

    merchant_id: int
    key: str
    movement: str
    debit: str
    credit: str
    amount: Money
    about: str
    at: datetime
    line: int = 1

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise LawBroken(f"{self.key}: a transfer of {self.amount}")
        if self.debit == self.credit:
            raise LawBroken(f"{self.key}: a transfer from {self.debit} to itself")
        if self.at.tzinfo is None:
            raise LawBroken(f"{self.key}: an instant without a time zone")


class Line(NamedTuple):
    """A transfer as it stands in the book: its number there, counted from 1, and its digest."""

    number: int
    transfer: Transfer
    digest: bytes


def seal(previous: bytes, number: int, transfer: Transfer) -> bytes:
    """The digest of a line: SHA-256 of the digest before it and of everything the line says.

    The fields are joined by NUL, which no text in PostgreSQL can hold, so that two different lines
    never read the same. The instant is written in UTC with six decimals.
    """
    amount = transfer.amount
    said = (
        f"{transfer.merchant_id}\0{number}\0{transfer.key}\0{transfer.line}\0{transfer.movement}\0"
        f"{transfer.debit}\0{transfer.credit}\0{amount.currency.code}\0{amount.currency.exponent}\0"
        f"{amount.minor}\0{transfer.about}\0{_instant(transfer.at)}"
    )
    return hashlib.sha256(previous + said.encode()).digest()


@lru_cache(maxsize=1024)
def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def read_line(row: asyncpg.Record) -> Line:
    """A line from a row that has the table's columns; `amount` may be text."""
    transfer = Transfer(
        merchant_id=row["merchant_id"],
        key=row["key"],
        line=row["line"],
        movement=row["movement"],
        debit=row["debit"],
        credit=row["credit"],
        amount=Money(int(row["amount"]), Currency(row["currency"], row["exponent"])),
        about=row["about"],
        at=row["at"],
    )
    return Line(row["number"], transfer, row["digest"])
