"""`create-invoice`: the hottest call over HTTP, beside pgbench writing the same two rows."""

import itertools
import statistics
from collections.abc import Callable
from functools import partial

from nonstopay import clock
from nonstopay.bench import http_load, pgbench
from nonstopay.bench.figures import Goal, Plan, Report, Round, median_rate, spread_of_ratios
from nonstopay.bench.http_load import HttpLoad
from nonstopay.bench.scratch import Customer, Scratch, api_processes, new_customer
from nonstopay.bench.side_by_side import alternate
from nonstopay.errors import LawBroken
from nonstopay.store.db import Database

ABOUT = "create an invoice: HTTP, checks, invoice + event durable, reply"
CONNECTIONS = 64
RATIO_MIN = 2.0
P99_MS_MAX = 25.0
LONE_MS_MAX = 1.0
_FIRST = 100_000_000  # so that every number has nine digits, and every row the same length

# pgbench reads a colon before a letter as a variable, in a literal too: so the kind comes as one.
TWO_ROWS = r"""
\set n random(100000000, 999999999)
\set minor random(1000, 99999)
BEGIN;
INSERT INTO invoice (merchant_id, id, state, version, currency, amount_minor, email, created_at,
                     state_at, direct, success_url, cancel_url, callback_json)
VALUES (:merchant, nextval('invoice_id'), 'created', 1, 'USD', :minor,
        'payer' || :n || '@example.com', :at, :at, false,
        'https://shop.example.com/orders/' || :n || '/paid',
        'https://shop.example.com/orders/' || :n || '/cancelled',
        '{"order":"' || :n || '","basket":["tea","cup"]}');
INSERT INTO event (merchant_id, kind, object, object_id, version, facts, created_at)
VALUES (:merchant, :kind, 'invoice', currval('invoice_id'), 1, '{}', :at);
COMMIT;
"""
_BODY = (
    b'{"email":"payer%d@example.com","amount":%d.%02d,"devise":"USD",'
    b'"success_url":"https://shop.example.com/orders/%d/paid",'
    b'"cancel_url":"https://shop.example.com/orders/%d/cancelled",'
    b'"callbackJson":{"order":"%d","basket":["tea","cup"]}}'
)


async def measure(scratch: Scratch, seconds: float, say: Callable[[str], None]) -> Report:
    """Alternate the two sides, `seconds` each in all; then a lone client of each."""
    db = await scratch.open_database()
    try:
        with api_processes(scratch):
            bench = _Bench(
                scratch,
                db,
                await new_customer(db, scratch.settings),
                await new_customer(db, scratch.settings),
            )
            rounds = await bench.alternate(Plan.of(seconds), CONNECTIONS, say)
            lone = await bench.alternate(Plan(3, 1), 1, say)
    finally:
        await db.close()
    return _report(rounds, lone)


class _Bench:
    """The two sides, and the counts of what each has written."""

    def __init__(self, scratch: Scratch, db: Database, ours: Customer, theirs: Customer) -> None:
        self._scratch = scratch
        self._db = db
        self._load = HttpLoad(
            scratch.settings.host, scratch.settings.port, _requests(scratch.settings.port, ours)
        )
        self._written = {ours.merchant_id: 0, theirs.merchant_id: 0}
        self._ours, self._theirs = ours.merchant_id, theirs.merchant_id

    async def alternate(self, plan: Plan, clients: int, say: Callable[[str], None]) -> list[Round]:
        return await alternate(
            self._scratch,
            plan,
            (partial(self._http, clients), partial(self._pgbench, clients)),
            lambda line: say(f"{clients} at once, {line}"),
        )

    async def _http(self, clients: int, seconds: int) -> Round:
        one = await self._load.run(connections=clients, seconds=seconds)
        await self._require_rows(self._ours, one)
        return one

    async def _pgbench(self, clients: int, seconds: int) -> Round:
        one = await self._scratch.pgbench.run(
            TWO_ROWS, variables(self._theirs), clients=clients, seconds=seconds
        )
        await self._require_rows(self._theirs, one)
        return one

    async def _require_rows(self, merchant_id: int, one: Round) -> None:
        """Every acknowledgement is a row in both tables, and there is no other row."""
        self._written[merchant_id] += one.done
        expected = self._written[merchant_id]
        row = await self._db.fetchrow(
            """SELECT (SELECT count(*) FROM invoice WHERE merchant_id = $1) AS invoices,
                      (SELECT count(*) FROM event WHERE merchant_id = $1) AS events""",
            merchant_id,
        )
        assert row is not None
        if (row["invoices"], row["events"]) != (expected, expected):
            raise LawBroken(
                f"{one.side}: {expected} acknowledged, but {row['invoices']} invoices "
                f"and {row['events']} events are stored"
            )


def variables(merchant_id: int) -> dict[str, object]:
    """What `TWO_ROWS` asks for; its rows will be this merchant's."""
    return {"merchant": merchant_id, "kind": "invoice:created", "at": clock.now().isoformat()}


def _requests(port: int, customer: Customer) -> Callable[[], bytes]:
    """A source of requests that are all different and all of the same length."""
    numbers = itertools.count(_FIRST)
    head = (
        "POST /api/btn-create-invoice/get/ HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\n"
        f"API-KEY: {customer.api_key}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(_body(_FIRST))}\r\n\r\n"
    ).encode()
    return lambda: head + _body(next(numbers))


def _body(n: int) -> bytes:
    return _BODY % (n, 10 + n % 90, n % 100, n, n, n)


def _report(rounds: list[Round], lone: list[Round]) -> Report:
    ours, theirs = (median_rate(rounds, side) for side in (http_load.SIDE, pgbench.SIDE))
    ratio = ours / theirs
    least, most = spread_of_ratios(rounds, http_load.SIDE)
    p99s = [one.latency.p99_ms for one in rounds if one.side == http_load.SIDE]
    p99 = statistics.median(p99s)
    lone_ms = {side: 1000 / median_rate(lone, side) for side in (http_load.SIDE, pgbench.SIDE)}
    dearer = lone_ms[http_load.SIDE] - lone_ms[pgbench.SIDE]
    return Report(
        "create-invoice",
        ABOUT,
        [*rounds, *lone],
        {
            "connections": CONNECTIONS,
            "requests_per_second": round(ours),
            "pgbench_transactions_per_second": round(theirs),
            "ratio": round(ratio, 2),
            "ratio_min": round(least, 2),
            "ratio_max": round(most, 2),
            "p99_ms": p99,
            "p99_ms_worst_round": max(p99s),
            "lone_request_ms": round(lone_ms[http_load.SIDE], 3),
            "lone_transaction_ms": round(lone_ms[pgbench.SIDE], 3),
            "rows": "every acknowledgement is one invoice and one event, counted after each round",
        },
        [
            Goal(f"at least {RATIO_MIN} × pgbench", f"{ratio:.2f} ×", ratio >= RATIO_MIN),
            Goal(f"p99 at most {P99_MS_MAX:.0f} ms", f"{p99:.1f} ms", p99 <= P99_MS_MAX),
            Goal(
                f"a lone request at most {LONE_MS_MAX} ms above a lone transaction",
                f"{dearer:+.2f} ms",
                dearer <= LONE_MS_MAX,
            ),
        ],
    )
