"""`ledger`: transfers posted in batches on one hot merchant account, beside one transaction a transfer.

The yardstick is how it is usually done: pgbench updates the row of the balance and inserts the line,
each transfer a transaction of its own, into tables of the same shape.
"""

import asyncio
import itertools
import time
from array import array
from collections.abc import Callable

from nonstopay import clock
from nonstopay.bench import pgbench
from nonstopay.bench.figures import (
    Goal,
    Latency,
    Plan,
    Report,
    Round,
    median_rate,
    spread_of_ratios,
)
from nonstopay.bench.scratch import Scratch, new_customer
from nonstopay.bench.side_by_side import alternate
from nonstopay.errors import LawBroken
from nonstopay.ledger import chart, movements
from nonstopay.ledger.post import post
from nonstopay.ledger.proof import prove
from nonstopay.ledger.transfer import Transfer
from nonstopay.money import Money, fiat
from nonstopay.store.db import Database

ABOUT = "post transfers in batches on one merchant's account: sealed, chained, durable"
SIDE = "nonstopay"
BATCH = 256
POSTERS = 2
PGBENCH_CLIENTS = 16
RATE_MIN = 50_000
_TABLES = """
CREATE TABLE bench_account (LIKE account INCLUDING ALL);
CREATE TABLE bench_transfer (LIKE transfer INCLUDING ALL);
CREATE SEQUENCE bench_number;
INSERT INTO bench_account (merchant_id, name, currency, exponent, guarded)
VALUES (1, 'merchant', 'USD', 2, true), (1, 'provider', 'USD', 2, false)
"""
_SCRIPT = r"""
\set n random(100000000, 999999999)
\set minor random(1000, 99999)
BEGIN;
UPDATE bench_account SET credits = credits + :minor
 WHERE merchant_id = 1 AND name = 'merchant' AND currency = 'USD';
INSERT INTO bench_transfer (merchant_id, number, key, line, movement, debit, credit, currency,
                            exponent, amount, about, at, digest)
VALUES (1, nextval('bench_number'), 'payment/' || :n || '/' || currval('bench_number'), 1, 'capture',
        'provider', 'merchant', 'USD', 2, :minor, 'payment/' || :n, :at, sha256('digest'));
COMMIT;
"""


async def measure(scratch: Scratch, seconds: float, say: Callable[[str], None]) -> Report:
    """Alternate the two sides, `seconds` each in all; then prove the book."""
    db = await scratch.open_database()
    try:
        await db.execute(_TABLES)
        bench = _Bench(scratch, db, (await new_customer(db, scratch.settings)).merchant_id)
        rounds = await alternate(scratch, Plan.of(seconds), (bench.post, bench.update), say)
        say("proving the book")
        await bench.require_proof()
    finally:
        await db.close()
    return _report(rounds, bench.posted)


class _Bench:
    """The two sides; `posted` counts the transfers that were acknowledged."""

    def __init__(self, scratch: Scratch, db: Database, merchant_id: int) -> None:
        self._scratch, self._db = scratch, db
        self._merchant_id = merchant_id
        self._numbers = itertools.count(1)
        self.posted = 0

    async def post(self, seconds: int) -> Round:
        """Two posters, one batch after the other each; a batch's transfers are made within its time."""
        took = array("d")
        began = time.perf_counter()
        await asyncio.gather(*(self._poster(began + seconds, took) for _ in range(POSTERS)))
        rate = len(took) * BATCH / (time.perf_counter() - began)
        return Round(SIDE, len(took) * BATCH, round(rate, 1), Latency.of(took))

    async def update(self, seconds: int) -> Round:
        """One transaction a transfer."""
        return await self._scratch.pgbench.run(
            _SCRIPT, {"at": clock.now().isoformat()}, clients=PGBENCH_CLIENTS, seconds=seconds
        )

    async def require_proof(self) -> None:
        """The book holds every acknowledged transfer and no other, chained, its sums zero."""
        async with self._db.reading() as conn:
            proof = await prove(conn)
        if not proof.holds or proof.lines != self.posted:
            raise LawBroken(
                f"{self.posted} transfers were acknowledged and {proof.lines} are in the book; "
                + "; ".join(proof.failures)
            )

    async def _poster(self, ends: float, took: "array[float]") -> None:
        while (began := time.perf_counter()) < ends:
            batch = self._batch()
            async with self._db.transaction() as tx:
                await post(tx, batch)
            self.posted += len(batch)
            took.append(time.perf_counter() - began)

    def _batch(self) -> list[Transfer]:
        at, currency = clock.now(), fiat("USD")
        provider = chart.PROVIDER.replace("<connector>", "bench")
        return [
            Transfer(
                merchant_id=self._merchant_id,
                key=f"payment:{number}/{movements.CAPTURE}",
                movement=movements.CAPTURE,
                debit=provider,
                credit=chart.MERCHANT,
                amount=Money(1000 + number % 99_000, currency),
                about=f"payment:{number}",
                at=at,
            )
            for number in itertools.islice(self._numbers, BATCH)
        ]


def _report(rounds: list[Round], posted: int) -> Report:
    ours, theirs = (median_rate(rounds, side) for side in (SIDE, pgbench.SIDE))
    least, most = spread_of_ratios(rounds, SIDE)
    return Report(
        "ledger",
        ABOUT,
        rounds,
        {
            "transfers_per_second": round(ours),
            "pgbench_transfers_per_second": round(theirs),
            "ratio": round(ours / theirs, 2),
            "ratio_min": round(least, 2),
            "ratio_max": round(most, 2),
            "batch": BATCH,
            "posters": POSTERS,
            "pgbench_clients": PGBENCH_CLIENTS,
            "book": f"{posted} lines, proved: unbroken chain, balances as the lines say, sum zero",
        },
        [Goal(f"at least {RATE_MIN:,} transfers/s", f"{ours:,.0f}/s", ours >= RATE_MIN)],
    )
