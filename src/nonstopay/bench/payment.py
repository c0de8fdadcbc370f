"""`payment`: a provider says that a payment was captured, and everything that follows is durable.

That is one transaction: the payment's step and history, the network's reference, three lines in the
merchant's book, the invoice's step, its event. The yardstick is that of `create-invoice`: pgbench
writing two rows.
"""

import asyncio
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from nonstopay import clock
from nonstopay.bench import pgbench
from nonstopay.bench.create_invoice import TWO_ROWS, variables
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
from nonstopay.business.merchants import change
from nonstopay.business.merchants.change import Changes
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.states import State
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.errors import LawBroken
from nonstopay.ledger.proof import prove
from nonstopay.money import Money, fiat
from nonstopay.store.db import Database

ABOUT = "confirm payments: state, history, books, invoice and event in one durable transaction"
SIDE = "nonstopay"
MERCHANTS = 64
CONCURRENT = 16
PGBENCH_CLIENTS = 64
RATIO_MIN = 0.5
LINES = 3
_CONNECTOR = "bench"
_CHARGED = Money(83_250, fiat("INR"))
_PREPARED_PER_SECOND = 4_000
_WAITING = """
WITH wanted AS (
    SELECT n, nextval('invoice_id') AS invoice_id, nextval('payment_id') AS payment_id,
           ($1::bigint[])[1 + n % cardinality($1::bigint[])] AS merchant_id
      FROM generate_series($2::bigint, $2::bigint + $3::bigint - 1) AS n
), invoices AS (
    INSERT INTO invoice (merchant_id, id, state, version, currency, amount_minor, email, created_at,
                         state_at, method, direct)
    SELECT merchant_id, invoice_id, 'created', 1, 'USD', 1000, 'payer@example.com', $4, $4, 'UPI', false
      FROM wanted
), payments AS (
    INSERT INTO payment (merchant_id, id, invoice_id, method, connector, reference, state, version,
                         direct, currency, amount_minor, charged_currency, charged_minor, rate,
                         rate_source, rate_at, started_at, state_at, expires_at)
    SELECT merchant_id, payment_id, invoice_id, 'UPI', $5, 'BENCH' || n, 'waiting', 2, false, 'USD',
           1000, 'INR', $6, 83.25, 'bench', $4, $4, $4, $4::timestamptz + interval '8 minutes'
      FROM wanted
)
INSERT INTO payment_reference (connector, reference, merchant_id, payment_id)
SELECT $5, 'BENCH' || n, merchant_id, payment_id FROM wanted
"""


async def measure(scratch: Scratch, seconds: float, say: Callable[[str], None]) -> Report:
    """Alternate the two sides, `seconds` each in all; then prove the books."""
    db = await scratch.open_database(CONCURRENT)
    try:
        bench = _Bench(scratch, db, await _merchants(scratch, db))
        rounds = await alternate(scratch, Plan.of(seconds), (bench.confirm, bench.pgbench), say)
        say("proving the books")
        await bench.require_proof()
    finally:
        await db.close()
    return _report(rounds, bench.confirmed)


@dataclass
class _Bench:
    """The two sides. `confirmed` counts acknowledgements, `prepared` the payments that were made."""

    scratch: Scratch
    db: Database
    merchants: list[int]
    confirmed: int = 0
    prepared: int = 0

    async def confirm(self, seconds: int) -> Round:
        """Prepare payments that wait for their payer, then let the news of their money come."""
        first, self.prepared = self.prepared, self.prepared + seconds * _PREPARED_PER_SECOND
        await self.db.execute(
            _WAITING,
            self.merchants,
            first,
            self.prepared - first,
            clock.now(),
            _CONNECTOR,
            _CHARGED.minor,
        )
        await self.scratch.rest()
        numbers = iter(range(first, self.prepared))
        took = array("d")
        began = time.perf_counter()

        async def bring_news() -> None:
            for number in numbers:
                since = time.perf_counter()
                if since >= began + seconds:
                    return
                await self._capture(number)
                took.append(time.perf_counter() - since)

        await asyncio.gather(*(bring_news() for _ in range(CONCURRENT)))
        rate = len(took) / (time.perf_counter() - began)
        self.confirmed += len(took)
        return Round(SIDE, len(took), round(rate, 1), Latency.of(took))

    async def pgbench(self, seconds: int) -> Round:
        """Two rows a transaction, as beside `create-invoice`."""
        return await self.scratch.pgbench.run(
            TWO_ROWS, variables(0), clients=PGBENCH_CLIENTS, seconds=seconds
        )

    async def require_proof(self) -> None:
        """The books hold what every acknowledged payment posts and nothing else; each has its event."""
        async with self.db.reading() as conn:
            proof = await prove(conn)
            events = await conn.fetchval(
                "SELECT count(*) FROM event WHERE merchant_id = ANY($1)", self.merchants
            )
        if not proof.holds or (proof.lines, events) != (LINES * self.confirmed, self.confirmed):
            raise LawBroken(
                f"{self.confirmed} payments were confirmed, with {proof.lines} lines and {events} "
                f"events; {'; '.join(proof.failures)}"
            )

    async def _capture(self, number: int) -> None:
        at = clock.now()
        outcome = Outcome(
            kind=Kind.CAPTURED,
            at=at,
            amount=_CHARGED,
            provider_reference=f"order_{number}",
            network_reference=f"{number:012d}",
        )
        payment = await record_outcome(
            self.db, _CONNECTOR, f"BENCH{number}", outcome, source="notification", at=at
        )
        if payment.state is not State.CAPTURED:
            raise LawBroken(f"payment {payment.id} is {payment.state}")


async def _merchants(scratch: Scratch, db: Database) -> list[int]:
    """Merchants with a fee, so that a capture has all its lines."""
    merchants = [(await new_customer(db, scratch.settings)).merchant_id for _ in range(MERCHANTS)]
    async with db.transaction() as tx:
        for merchant_id in merchants:
            await change.change(tx, merchant_id, Changes(fee_percent=Decimal("2.5")))
    return merchants


def _report(rounds: list[Round], confirmed: int) -> Report:
    ours, theirs = (median_rate(rounds, side) for side in (SIDE, pgbench.SIDE))
    ratio = ours / theirs
    least, most = spread_of_ratios(rounds, SIDE)
    return Report(
        "payment",
        ABOUT,
        rounds,
        {
            "payments_per_second": round(ours),
            "pgbench_transactions_per_second": round(theirs),
            "ratio": round(ratio, 2),
            "ratio_min": round(least, 2),
            "ratio_max": round(most, 2),
            "merchants": MERCHANTS,
            "concurrent": CONCURRENT,
            "books": f"{confirmed} payments, {LINES} lines and an event each, proved",
        },
        [Goal(f"at least {RATIO_MIN} × pgbench", f"{ratio:.2f} ×", ratio >= RATIO_MIN)],
    )
