"""`webhooks`: deliveries signed, sent, received and recorded; how soon the first attempt comes; and what
a neighbour who hangs does to it.

The worker is a process of its own, as `nonstopay serve` starts it. The receiver lives in the bench's
process, on another core, and checks the signature of every message.
"""

import asyncio
import base64
import hmac
import os
import statistics
import subprocess
import sys
import time
from array import array
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import cast

from nonstopay import clock
from nonstopay.bench.figures import Goal, Latency, Plan, Report, Round, at, median_rate
from nonstopay.bench.scratch import STOP_SECONDS, Scratch, new_customer
from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.rotate import rotate
from nonstopay.config import PREFIX
from nonstopay.errors import LawBroken
from nonstopay.store.db import Database
from nonstopay.store.seal import Sealer, derive

ABOUT = "deliver webhooks: dispatched, signed, sent, checked by the receiver, recorded"
RATE_MIN = 1000
FIRST_ATTEMPT_P95_MS_MAX = 250.0
NEIGHBOUR_MAX = 0.20
STEADY_RATE = 100
HANGING_RATE = 20
BACKLOG, WARM_UP = "backlog", "warm-up"
ALONE, NEIGHBOURED = "alone", "beside one who hangs"
_DRAIN_SECONDS = 60.0
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_END_OF_HEAD = b"\r\n\r\n"
_INVOICES_WITH_EVENTS = """
WITH invoices AS (
    INSERT INTO invoice (merchant_id, id, state, version, currency, amount_minor, email, created_at,
                         state_at, direct, callback_json)
    SELECT $1, nextval('invoice_id'), 'created', 1, 'USD', 500, 'payer@example.com', $2, $2, false,
           '{"order":"' || n || '","basket":["tea","cup"]}'
      FROM generate_series(1, $3) AS n
 RETURNING id)
INSERT INTO event (merchant_id, kind, object, object_id, version, facts, created_at)
SELECT $1, 'invoice:created', 'invoice', id, 1, '{}', $2 FROM invoices RETURNING id"""


async def measure(scratch: Scratch, seconds: float, say: Callable[[str], None]) -> Report:
    """A backlog delivered as fast as it goes; then a steady trickle, alone and beside one who hangs.

    Raises:
        LawBroken: a message that did not come, or not with a signature that holds.
        TimeoutError: one that is not on record.
    """
    db = await scratch.open_database()
    try:
        bench = _Bench(scratch, db)
        rounds = await bench.backlogs(Plan.of(seconds), say)
        trickles = await bench.trickles(max(3, round(seconds / 2)), say)
    finally:
        await db.close()
    return _report(rounds, trickles, bench.first_attempts)


@dataclass
class _Sink:
    """A receiver: checks each signature, answers 200, notes when the message came."""

    secret: str = ""
    arrived: dict[str, float] = field(default_factory=dict)
    port: int = 0

    def receive(self, id: str, timestamp: str, signature: str, body: bytes) -> None:
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, "sha256")
        if not hmac.compare_digest(signature, "v1," + base64.b64encode(digest).decode()):
            return  # it never arrived, then; the bench will miss it
        self.arrived.setdefault(id, time.perf_counter())


class _Visit(asyncio.Protocol):
    """One connection of the worker to the sink."""

    def __init__(self, sink: _Sink, *, hangs: bool) -> None:
        self._sink, self._hangs = sink, hangs
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._hangs:
            return
        self._buffer += data
        while (end := self._buffer.find(_END_OF_HEAD)) >= 0:
            headers = _headers(self._buffer[:end])
            begin = end + len(_END_OF_HEAD)
            whole = begin + int(headers["content-length"])
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[begin:whole], self._buffer[whole:]
            self._sink.receive(
                headers["webhook-id"],
                headers["webhook-timestamp"],
                headers["webhook-signature"],
                body,
            )
            self._transport.write(_OK)


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value for name, _, value in lines}


class _Bench:
    """The sinks, the merchants that own them, and what was seen."""

    def __init__(self, scratch: Scratch, db: Database) -> None:
        self._scratch, self._db = scratch, db
        self._sealer = Sealer([derive(scratch.settings.secret_key.encode(), "seal")])
        self._sink = _Sink()
        self._recorded = 0
        self.first_attempts = array("d")

    async def backlogs(self, plan: Plan, say: Callable[[str], None]) -> list[Round]:
        """Rounds of deliveries as fast as they go; a first one warms up."""
        rounds: list[Round] = []
        async with _listening(self._sink):
            merchant_id = await self._merchant(self._sink)
            for number in range(plan.rounds + 1):
                await self._scratch.rest()
                one = await self._backlog(merchant_id, RATE_MIN * plan.seconds)
                if number:
                    rounds.append(one)
                say(f"{f'round {number}' if number else 'warm-up'}: {one.rate:,.0f} deliveries/s")
        return rounds

    async def trickles(self, seconds: int, say: Callable[[str], None]) -> list[Round]:
        """A steady rate, four times: alone and beside one who hangs, in turn."""
        rounds: list[Round] = []
        self._sink = _Sink()
        async with _listening(self._sink), _listening(_Sink(), hangs=True) as hanging:
            healthy = await self._merchant(self._sink)
            troubled = await self._merchant(hanging)
            with worker_process(self._scratch):
                await self._trickle(WARM_UP, healthy, None, 2)
                for side in (ALONE, NEIGHBOURED, ALONE, NEIGHBOURED):
                    neighbour = troubled if side == NEIGHBOURED else None
                    one = await self._trickle(side, healthy, neighbour, seconds)
                    rounds.append(one)
                    say(f"{side}: first attempt p99 {one.latency.p99_ms:.0f} ms after commit")
        return rounds

    async def _backlog(self, merchant_id: int, count: int) -> Round:
        await self._happen(merchant_id, count)
        self._sink.arrived.clear()
        with worker_process(self._scratch):
            await _until(lambda: bool(self._sink.arrived))
            began = time.perf_counter()
            await _until(lambda: len(self._sink.arrived) >= count)
            await self._require_on_record(merchant_id, count)
            seconds = time.perf_counter() - began
        took = [came - began for came in self._sink.arrived.values()]
        return Round(BACKLOG, count, count / seconds, Latency.of(took))

    async def _trickle(
        self, side: str, merchant_id: int, neighbour: int | None, seconds: int
    ) -> Round:
        committed: dict[str, float] = {}
        began = time.perf_counter()
        for number in range(seconds * STEADY_RATE):
            await asyncio.sleep(max(0, began + number / STEADY_RATE - time.perf_counter()))
            if neighbour is not None and number % (STEADY_RATE // HANGING_RATE) == 0:
                await self._happen(neighbour, 1)
            [event_id] = await self._happen(merchant_id, 1)
            committed[f"evt_{event_id}"] = time.perf_counter()
        await _until(lambda: committed.keys() <= self._sink.arrived.keys())
        waits = [self._sink.arrived[name] - since for name, since in committed.items()]
        if side == ALONE:
            self.first_attempts.extend(waits)
        return Round(side, len(waits), len(waits) / seconds, Latency.of(waits))

    async def _happen(self, merchant_id: int, count: int) -> list[int]:
        """That many invoices are created, with their events, in one transaction."""
        rows = await self._db.fetch(_INVOICES_WITH_EVENTS, merchant_id, clock.now(), count)
        return [row["id"] for row in rows]

    async def _require_on_record(self, merchant_id: int, count: int) -> None:
        """Wait until that many more attempts, each with a 200, are in the books."""
        self._recorded += count
        async with asyncio.timeout(_DRAIN_SECONDS):
            while True:
                found = await self._db.fetchval(
                    "SELECT count(*) FROM delivery_attempt WHERE merchant_id = $1 AND status = 200",
                    merchant_id,
                )
                if found >= self._recorded:
                    break
                await asyncio.sleep(0.02)

    async def _merchant(self, sink: _Sink) -> int:
        customer = await new_customer(self._db, self._scratch.settings)
        async with self._db.transaction() as tx:
            sink.secret = await rotate(tx, self._sealer, customer.merchant_id, clock.now())
            url = f"http://127.0.0.1:{sink.port}/hook"
            await records.insert_endpoint(tx, customer.merchant_id, url, clock.now())
        return customer.merchant_id


@asynccontextmanager
async def _listening(sink: _Sink, *, hangs: bool = False) -> AsyncIterator[_Sink]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Visit(sink, hangs=hangs), "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()


@contextmanager
def worker_process(scratch: Scratch) -> Iterator[None]:
    """One worker of the scratch installation, as `nonstopay serve` starts it."""
    lifeline, ours = os.pipe()
    command = [sys.executable, "-m", "nonstopay", "worker", "--lifeline", str(lifeline)]
    command += ["--data", scratch.settings.data, "--database", scratch.url]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    process = subprocess.Popen(command, pass_fds=[lifeline], env=environment)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(lifeline)
        os.close(ours)


async def _until(condition: Callable[[], bool]) -> None:
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while not condition():  # noqa: ASYNC110 what is waited for comes from another process
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise LawBroken("webhooks were lost: they did not come within a minute") from None


def _report(rounds: list[Round], trickles: list[Round], waits: Sequence[float]) -> Report:
    rate = median_rate(rounds, BACKLOG)
    p95_ms = 1000 * at(sorted(waits), 0.95)
    p99_ms = {
        side: statistics.median(one.latency.p99_ms for one in trickles if one.side == side)
        for side in (ALONE, NEIGHBOURED)
    }
    change = p99_ms[NEIGHBOURED] / p99_ms[ALONE] - 1
    return Report(
        "webhooks",
        ABOUT,
        [*rounds, *trickles],
        {
            "deliveries_per_second": round(rate),
            "deliveries_per_second_min": round(min(one.rate for one in rounds)),
            "first_attempt_p95_ms": round(p95_ms, 1),
            "p99_alone_ms": round(p99_ms[ALONE], 1),
            "p99_beside_one_who_hangs_ms": round(p99_ms[NEIGHBOURED], 1),
            "steady_rate": STEADY_RATE,
            "messages": "every one was checked by the receiver and is on record",
        },
        [
            Goal(f"at least {RATE_MIN:,} deliveries/s", f"{rate:,.0f}/s", rate >= RATE_MIN),
            Goal(
                f"commit to first attempt, p95, at most {FIRST_ATTEMPT_P95_MS_MAX:.0f} ms",
                f"{p95_ms:.0f} ms",
                p95_ms <= FIRST_ATTEMPT_P95_MS_MAX,
            ),
            Goal(
                f"a neighbour who hangs changes p99 by less than {NEIGHBOUR_MAX:.0%}",
                f"{change:+.0%}",
                change < NEIGHBOUR_MAX,
            ),
        ],
    )
