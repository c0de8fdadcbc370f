"""Whatever is posted, in whatever batches and by two posters at once: the books equal a dict.

The model knows nothing of SQL. It keeps the content of every key and adds up what was accepted.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nonstopay.errors import NonstopayError
from nonstopay.ledger import chart
from nonstopay.ledger.balances import balances, statement
from nonstopay.ledger.post import Overdraft, PostedDifferently, post
from nonstopay.ledger.proof import prove
from nonstopay.ledger.transfer import Transfer
from nonstopay.store.db import Database
from tests.unit.ledger.payments import came_late, captured, sent_back

Posting = tuple[Transfer, ...]
MERCHANTS = 3
_first_merchant = count(1_000, MERCHANTS)


class Model:
    """The books as they ought to be."""

    def __init__(self) -> None:
        self.posted: dict[tuple[int, str], Posting] = {}
        self.debits: Counter[tuple[int, str, str]] = Counter()
        self.credits: Counter[tuple[int, str, str]] = Counter()

    def answer(self, batch: Sequence[Posting]) -> type[NonstopayError] | None:
        """What posting the batch must answer; the books change only if it is accepted."""
        known = dict(self.posted)
        for posting in batch:
            if known.setdefault((posting[0].merchant_id, posting[0].key), posting) != posting:
                return PostedDifferently
        debits, credits_ = self.debits.copy(), self.credits.copy()
        for key, posting in known.items():
            for line in posting if key not in self.posted else ():
                code = line.amount.currency.code
                debits[line.merchant_id, line.debit, code] += line.amount.minor
                credits_[line.merchant_id, line.credit, code] += line.amount.minor
        for account in debits:
            if chart.find(account[1]).guarded and debits[account] > credits_[account]:
                return Overdraft
        self.posted, self.debits, self.credits = known, debits, credits_
        return None

    def balances(self, merchant_id: int) -> dict[tuple[str, str], int]:
        return {
            (name, code): chart.find(name).side.balance(
                self.debits[merchant_id, name, code], self.credits[merchant_id, name, code]
            )
            for merchant, name, code in self.debits.keys() | self.credits.keys()
            if merchant == merchant_id
        }


@st.composite
def postings(draw: st.DrawFn) -> Posting:
    """Few payments and few amounts, so that repeats, contradictions and overdrafts are common."""
    merchant_id, payment = draw(st.integers(0, MERCHANTS - 1)), draw(st.integers(1, 4))
    amount = draw(st.sampled_from([100, 100, 250]))
    match draw(st.sampled_from(["capture", "late", "back"])):
        case "capture":
            return tuple(captured(merchant_id, payment, amount, draw(st.sampled_from([0, 3, 110]))))
        case "late":
            return tuple(came_late(merchant_id, payment, amount))
        case _:
            return tuple(sent_back(merchant_id, payment, amount))


batches = st.lists(postings(), min_size=1, max_size=6)


def moved(batch: Sequence[Posting], to: int) -> list[Posting]:
    """The batch with its merchants counted from `to`, so that every example has fresh books."""
    return [tuple(replace(t, merchant_id=t.merchant_id + to) for t in lines) for lines in batch]


async def say(database: Database, batch: Sequence[Posting]) -> type[Exception] | None:
    try:
        async with database.transaction() as tx:
            await post(tx, [line for posting in batch for line in posting])
    except (PostedDifferently, Overdraft) as refused:
        return type(refused)
    return None


async def require_books_equal(database: Database, model: Model, merchants: range) -> None:
    for merchant_id in merchants:
        async with database.transaction() as tx:
            held = {
                (name, money.currency.code): money.minor
                for name, money in await balances(tx, merchant_id)
            }
            about = [f"payment:{n}" for n in range(1, 5)]
            lines = [line for a in about for line in await statement(tx, merchant_id, a)]
        assert held == model.balances(merchant_id)
        expected = [t for k, p in model.posted.items() if k[0] == merchant_id for t in p]
        assert Counter(line.transfer for line in lines) == Counter(expected)
        assert sorted(line.number for line in lines) == list(range(1, len(expected) + 1))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(batches, min_size=1, max_size=8))
async def test_the_books_equal_the_model_after_every_batch(
    database: Database, said: list[list[Posting]]
) -> None:
    first = next(_first_merchant)
    model = Model()

    for batch in said:
        batch = moved(batch, to=first)
        assert await say(database, batch) == model.answer(batch)
        await require_books_equal(database, model, range(first, first + MERCHANTS))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(batches, max_size=6), st.lists(batches, max_size=6))
async def test_two_posters_at_once_leave_books_that_equal_what_was_accepted(
    database: Database, one: list[list[Posting]], other: list[list[Posting]]
) -> None:
    """Told what was accepted, the model arrives at the same books, and the chains hold."""
    first = next(_first_merchant)
    accepted: list[list[Posting]] = []

    async def poster(mine: list[list[Posting]]) -> None:
        for batch in mine:
            batch = moved(batch, to=first)
            if await say(database, batch) is None:
                accepted.append(batch)

    async with asyncio.timeout(20):
        await asyncio.gather(poster(one), poster(other))

    merchants = range(first, first + MERCHANTS)
    model = Model()
    model.posted = {(p[0].merchant_id, p[0].key): p for batch in accepted for p in batch}
    for posting in model.posted.values():
        for line in posting:
            model.debits[line.merchant_id, line.debit, line.amount.currency.code] += (
                line.amount.minor
            )
            model.credits[line.merchant_id, line.credit, line.amount.currency.code] += (
                line.amount.minor
            )
    await require_books_equal(database, model, merchants)
    async with database.reading() as connection:
        assert (await prove(connection)).failures == []
