"""The worker's part: events out of the outbox, deliveries to their endpoints, results into the
books.

Three loops that meet in the database and in a queue, and one that counts for the metrics:

    fan out   undispatched events → deliveries
    claim     due deliveries, heads of lanes only → attempts, each a task of its own
    record    results, as many as have gathered → one transaction

Any number of workers may run. A claim is a lease: what a killed worker had comes back when it ends,
and is sent again under the same `webhook-id`. Nothing waits for a notification; an idle worker
looks into the outbox every few hundredths of a second, and once a second for what became due by
itself.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import asyncpg
import structlog

from nonstopay import clock
from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.delivery import Claimed, EndpointKey, Result
from nonstopay.business.webhooks.endpoint import Endpoint
from nonstopay.business.webhooks.fan_out import fan_out
from nonstopay.business.webhooks.lanes import records as lanes
from nonstopay.business.webhooks.payload import Describe, build_each
from nonstopay.business.webhooks.rotate import open_all
from nonstopay.business.webhooks.send import send
from nonstopay.business.webhooks.switch_off import judge_endpoints
from nonstopay.business.webhooks.throttle import Throttle
from nonstopay.business.webhooks.upkeep.tally import Tally
from nonstopay.connectors.public_http import PublicHttp
from nonstopay.errors import Unavailable
from nonstopay.store.db import Database
from nonstopay.store.seal import Sealer

LEASE = timedelta(seconds=60)
_FAN_OUT_MAX = 500
_BATCH_MAX = 256
_RESULTS_WAITING_MAX = 1024
_ENDPOINTS_MAX = 10_000
_IDLE_SECONDS = 0.05
_LOOK_AROUND_SECONDS = 1
_PAUSE_AFTER_TROUBLE_SECONDS = 1
_TELL_SECONDS = 1
_RECORDING_TRIES = 5
# What passes by itself. Any other error of the database is a bug of ours, and ends the worker.
_DATABASE_TROUBLE = (
    Unavailable,
    asyncpg.TransactionRollbackError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)

log = structlog.get_logger()


class Deliverer:
    """Delivers webhooks until told to stop.

    Args:
        http: open already; with `allow_loopback` in the sandbox only.
        describers: who writes the body for each kind of object; see `payload.py`.
        concurrency: attempts on their way at once, to all endpoints.
        per_endpoint: and to one endpoint; half of all by default.
    """

    def __init__(
        self,
        db: Database,
        http: PublicHttp,
        sealer: Sealer,
        describers: Mapping[str, Describe],
        *,
        concurrency: int = 64,
        per_endpoint: int | None = None,
    ) -> None:
        self._db = db
        self._http = http
        self._sealer = sealer
        self._describers = describers
        self._throttle = Throttle(concurrency, per_endpoint or max(concurrency // 2, 1))
        self._results: asyncio.Queue[Result | None] = asyncio.Queue(_RESULTS_WAITING_MAX)
        self._on_their_way: set[asyncio.Task[None]] = set()
        # Endpoints that may have something due, in the order in which they are served.
        self._active: dict[EndpointKey, None] = {}
        self._looked_around_at = clock.stopwatch() - _LOOK_AROUND_SECONDS
        self._news = asyncio.Event()
        self._tally = Tally()
        # Endpoints that are on record as failing, as far as this worker knows.
        self._failing: set[EndpointKey] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then finish and record what is on its way, and return."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._fan_out_until(stop))
            loops.create_task(self._tell_until(stop))
            loops.create_task(self._record_until_closed())
            await self._claim_until(stop)
            await asyncio.gather(*self._on_their_way)
            await self._results.put(None)
        await self._tell()

    async def _fan_out_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            count = 0
            try:
                count, endpoints = await fan_out(self._db, clock.now(), _FAN_OUT_MAX)
                self._activate(endpoints)
            except _DATABASE_TROUBLE as error:
                await _pause_after(error, "fan_out")
            if count < _FAN_OUT_MAX:
                await asyncio.sleep(_IDLE_SECONDS)

    async def _tell_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._tell()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _TELL_SECONDS)

    async def _tell(self) -> None:
        """Add what was counted to everybody's counters."""
        try:
            await self._tally.flush(self._db)
        except _DATABASE_TROUBLE as error:
            log.warning("webhooks_interrupted", doing="tell", error=type(error).__name__)

    async def _claim_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._news.clear()
            try:
                await self._claim()
            except _DATABASE_TROUBLE as error:
                await _pause_after(error, "claim")
            # A claim took all there was or all there was room for: the next is worth its round trip
            # when the outbox brought more or a batch of results made room.
            await self._wait_for_news()

    async def _wait_for_news(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._news.wait()

    async def _claim(self) -> None:
        """Claim what there is room for and begin the attempts."""
        now = clock.now()
        await self._look_around()
        room = self._throttle.share_out(self._active)
        if not room:
            return
        async with self._db.reading() as conn:
            claimed = await lanes.claim(conn, room, now, now + LEASE)
            keys = list({one.endpoint for one in claimed})
            endpoints = await records.endpoints_by_key(conn, keys) if keys else {}
            sealed = await records.endpoint_secrets(conn, keys, now) if keys else {}
        self._failing |= {key for key, one in endpoints.items() if one.failing_since}
        self._serve_in_turn(room, claimed)
        secrets = {key: open_all(self._sealer, key, found) for key, found in sealed.items()}
        bodies = await build_each(self._db, self._describers, [one.event for one in claimed])
        for one in claimed:
            key = one.endpoint
            self._begin(one, endpoints.get(key), secrets.get(key, []), bodies[one.event.id])

    async def _look_around(self) -> None:
        """Find what became due by itself: retries, and what other workers left behind."""
        if clock.stopwatch() - self._looked_around_at < _LOOK_AROUND_SECONDS:
            return
        self._looked_around_at = clock.stopwatch()
        async with self._db.reading() as conn:
            self._activate(await lanes.due_endpoints(conn, clock.now(), _ENDPOINTS_MAX))

    def _serve_in_turn(self, room: Mapping[EndpointKey, int], claimed: list[Claimed]) -> None:
        """Who had all that is due leaves the line; the others go to its end."""
        counts: dict[EndpointKey, int] = {}
        for one in claimed:
            counts[one.endpoint] = counts.get(one.endpoint, 0) + 1
        for key in room:
            self._active.pop(key, None)
            if counts.get(key, 0) >= room[key]:
                self._active[key] = None

    def _begin(
        self,
        claimed: Claimed,
        endpoint: Endpoint | None,
        secrets: list[str],
        body: bytes | Exception,
    ) -> None:
        self._throttle.begin(claimed.endpoint)
        task = asyncio.create_task(self._attempt(claimed, endpoint, secrets, body))
        self._on_their_way.add(task)
        task.add_done_callback(self._on_their_way.discard)

    async def _attempt(
        self,
        claimed: Claimed,
        endpoint: Endpoint | None,
        secrets: list[str],
        body: bytes | Exception,
    ) -> None:
        received = False
        try:
            result = await send(self._http, claimed, endpoint, secrets, body)
            received = result.attempt.received
            await self._results.put(result)
        finally:
            self._throttle.end(claimed.endpoint, received)

    async def _record_until_closed(self) -> None:
        """Write whatever results have gathered while the batch before was on its way."""
        closed = False
        while not closed:
            batch = [await self._results.get()]
            while len(batch) < _BATCH_MAX and not self._results.empty():
                batch.append(self._results.get_nowait())
            closed = batch[-1] is None
            if results := [result for result in batch if result is not None]:
                await self._record(results)

    async def _record(self, results: list[Result]) -> None:
        """Record a batch. What the database will not take comes back when its lease ends."""
        for _ in range(_RECORDING_TRIES):
            try:
                await self._write(results)
                self._tally.note(results)
                break
            except _DATABASE_TROUBLE as error:
                await _pause_after(error, "record")
        self._activate({result.claimed.endpoint for result in results})

    async def _write(self, results: list[Result]) -> None:
        """One statement if all went well, as it mostly does.

        Another worker may just have noted a failure of which we do not know; then the endpoint
        stands as failing until its next receipt.
        """
        now = clock.now()
        health = {one.claimed.endpoint: not one.attempt.received for one in results}
        news = {key: bad for key, bad in health.items() if bad or key in self._failing}
        if not news:
            async with self._db.reading() as conn:
                await lanes.record_results(conn, results, now)
            return
        async with self._db.transaction() as tx:
            await lanes.record_results(tx, results, now)
            await records.note_health(tx, news, now)
            await judge_endpoints(tx, results, now)
        self._failing = self._failing - news.keys() | {key for key, bad in news.items() if bad}

    def _activate(self, endpoints: set[EndpointKey]) -> None:
        for key in endpoints:
            self._active.setdefault(key)
        if endpoints:
            self._news.set()


async def _pause_after(error: Exception, doing: str) -> None:
    log.warning("webhooks_interrupted", doing=doing, error=type(error).__name__)
    await asyncio.sleep(_PAUSE_AFTER_TROUBLE_SECONDS)
