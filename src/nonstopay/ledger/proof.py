"""The proof of the books: everything is recomputed from the lines and compared with what is stored.

The chain of digests shows any line that was changed, removed, inserted or swapped by somebody who
did not seal the whole rest of the book anew. For one who could (he has the database and knows this
file) hand in the heads of an earlier proof, kept elsewhere: they must still lie on the chain.
"""

import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import asyncpg

from nonstopay.errors import LawBroken
from nonstopay.ledger import chart
from nonstopay.ledger.transfer import GENESIS, Line, read_line, seal
from nonstopay.money import Currency, Money
from nonstopay.store.db import Connection

ROWS_AT_A_TIME = 2000
SENTENCES_MAX = 100


class Head(NamedTuple):
    """How far a book goes: its last line's number (0: no lines) and digest."""

    number: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Check:
    """A law of the books, and every place where it does not hold, one sentence each.

    Of a great many places the first hundred are told, and then how many more there are.
    """

    name: str
    failures: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.failures


@dataclass(frozen=True, slots=True)
class Proof:
    """What was examined and found. Keep `heads` elsewhere, to hold the next proof against."""

    books: int
    lines: int
    accounts: int
    checks: tuple[Check, ...]
    heads: Mapping[int, Head]

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    @property
    def failures(self) -> list[str]:
        return [failure for check in self.checks for failure in check.failures]


async def prove(connection: Connection, earlier: Mapping[int, Head] | None = None) -> Proof:
    """Recompute all books, one after the other, from one snapshot; nothing is locked.

    Args:
        connection: outside a transaction, or in a REPEATABLE READ one.
        earlier: heads of an earlier proof by merchant.
    """
    earlier = earlier or {}
    findings = _Findings()
    heads: dict[int, Head] = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        merchants = await connection.fetch(
            """SELECT merchant_id FROM book UNION SELECT merchant_id FROM account
                UNION SELECT merchant_id FROM transfer ORDER BY merchant_id"""
        )
        for merchant_id in sorted({row["merchant_id"] for row in merchants} | set(earlier)):
            heads[merchant_id] = await _prove_book(
                connection, merchant_id, earlier.get(merchant_id), findings
            )
    return Proof(
        books=len(heads),
        lines=findings.lines,
        accounts=findings.accounts,
        checks=findings.checks(),
        heads=heads,
    )


CHAIN = "every book is an unbroken chain of lines, numbered without gaps, up to its head"
BALANCES = "every account holds exactly what its lines say, and every line has its accounts"
ZERO = "debits equal credits in every currency of every book"
GUARDED = "no guarded account is overdrawn, and every account is as the chart has it"
EARLIER = "every head of an earlier proof still lies on its chain"


@dataclass(slots=True)
class _Findings:
    lines: int = 0
    accounts: int = 0
    failures: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    untold: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def note(self, check: str, merchant_id: int, sentence: str) -> None:
        if len(self.failures[check]) < SENTENCES_MAX:
            self.failures[check].append(f"merchant {merchant_id}: {sentence}")
        else:
            self.untold[check] += 1

    def checks(self) -> tuple[Check, ...]:
        return tuple(
            Check(name, tuple(self._sentences(name)))
            for name in (CHAIN, BALANCES, ZERO, GUARDED, EARLIER)
        )

    def _sentences(self, check: str) -> Iterable[str]:
        yield from self.failures[check]
        if self.untold[check]:
            yield f"and {self.untold[check]} more"


class _AccountKey(NamedTuple):
    name: str
    currency: Currency

    def __str__(self) -> str:
        return f"{self.name} in {self.currency} ({self.currency.exponent} decimals)"


@dataclass(slots=True)
class _Sums:
    debits: int = 0
    credits: int = 0


async def _prove_book(
    connection: Connection, merchant_id: int, earlier: Head | None, findings: _Findings
) -> Head:
    sums: dict[_AccountKey, _Sums] = defaultdict(_Sums)
    head = Head(0, GENESIS)
    seen = earlier is None or _same(earlier, head)
    async for row in connection.cursor(
        """SELECT merchant_id, number, key, line, movement, debit, credit, currency, exponent,
                  amount::text AS amount, about, at, digest
             FROM transfer WHERE merchant_id = $1 ORDER BY number""",
        merchant_id,
        prefetch=ROWS_AT_A_TIME,
    ):
        try:
            line = read_line(row)
        except LawBroken as broken:
            findings.note(CHAIN, merchant_id, f"line {row['number']} cannot be: {broken.message}")
            head = Head(row["number"], row["digest"])
            continue
        _prove_link(head, line, findings)
        _add(sums, line)
        head = Head(line.number, line.digest)
        seen = seen or (earlier is not None and _same(earlier, head))
        findings.lines += 1
    if earlier is not None and not seen:
        findings.note(EARLIER, merchant_id, f"line {earlier.number} is not the one proved before")
    await _prove_head(connection, merchant_id, head, findings)
    await _prove_accounts(connection, merchant_id, sums, findings)
    return head


def _prove_link(before: Head, line: Line, findings: _Findings) -> None:
    merchant_id = line.transfer.merchant_id
    if line.number != before.number + 1:
        findings.note(CHAIN, merchant_id, f"line {line.number} follows line {before.number}")
    if not hmac.compare_digest(seal(before.digest, line.number, line.transfer), line.digest):
        findings.note(CHAIN, merchant_id, f"line {line.number} does not match its digest")


def _add(sums: dict[_AccountKey, _Sums], line: Line) -> None:
    amount = line.transfer.amount
    sums[_AccountKey(line.transfer.debit, amount.currency)].debits += amount.minor
    sums[_AccountKey(line.transfer.credit, amount.currency)].credits += amount.minor


async def _prove_head(
    connection: Connection, merchant_id: int, last: Head, findings: _Findings
) -> None:
    row = await connection.fetchrow(
        "SELECT length, head FROM book WHERE merchant_id = $1", merchant_id
    )
    if row is None:
        findings.note(CHAIN, merchant_id, "there is no book")
    elif not _same(Head(row["length"], row["head"]), last):
        findings.note(
            CHAIN,
            merchant_id,
            f"the book's head is line {row['length']} with digest {row['head'].hex()[:12]}…, "
            f"its last line is {last.number} with {last.digest.hex()[:12]}…",
        )


async def _prove_accounts(
    connection: Connection, merchant_id: int, sums: dict[_AccountKey, _Sums], findings: _Findings
) -> None:
    rows = await connection.fetch(
        """SELECT name, currency, exponent, debits::text, credits::text, guarded FROM account
            WHERE merchant_id = $1 ORDER BY name, currency""",
        merchant_id,
    )
    totals: dict[Currency, int] = defaultdict(int)
    for row in rows:
        key = _AccountKey(row["name"], Currency(row["currency"], row["exponent"]))
        held = _Sums(int(row["debits"]), int(row["credits"]))
        totals[key.currency] += held.debits - held.credits
        _prove_balance(merchant_id, key, held, sums.pop(key, None), findings)
        _prove_guard(merchant_id, key, held, row, findings)
        findings.accounts += 1
    for key in sums:
        findings.note(BALANCES, merchant_id, f"{key} has lines but no account")
    for currency, total in totals.items():
        if total != 0:
            findings.note(ZERO, merchant_id, f"debits exceed credits by {Money(total, currency)}")


def _prove_balance(
    merchant_id: int, key: _AccountKey, held: _Sums, booked: _Sums | None, findings: _Findings
) -> None:
    if booked is None:
        findings.note(BALANCES, merchant_id, f"{key} has no lines")
    elif held != booked:
        findings.note(
            BALANCES,
            merchant_id,
            f"{key} holds debits {held.debits} and credits {held.credits}, "
            f"its lines say {booked.debits} and {booked.credits}",
        )


def _prove_guard(
    merchant_id: int, key: _AccountKey, held: _Sums, row: asyncpg.Record, findings: _Findings
) -> None:
    try:
        guarded = chart.find(key.name).guarded
    except LawBroken:
        findings.note(GUARDED, merchant_id, f"{key} is not in the chart")
        return
    if row["guarded"] != guarded:
        findings.note(GUARDED, merchant_id, f"{key} is {'not ' if guarded else ''}guarded")
    if guarded and held.debits > held.credits:
        overdrawn = Money(held.debits - held.credits, key.currency)
        findings.note(GUARDED, merchant_id, f"{key} is overdrawn by {overdrawn}")


def _same(one: Head, other: Head) -> bool:
    return one.number == other.number and hmac.compare_digest(one.digest, other.digest)
