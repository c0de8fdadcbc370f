"""The worker: a handful of loops, each of which survives the trouble of the others.

Any number of workers may run on one database: deliveries and jobs are claimed by lease, sweeps and the
pretend bank bear being run twice.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from nonstopay import clock
from nonstopay.business.assembly import DESCRIBERS, Gateway
from nonstopay.business.deposits.check import check_until_answered
from nonstopay.business.deposits.watch.watcher import Watcher
from nonstopay.business.exchange.coin_prices import refresh_coins
from nonstopay.business.exchange.refresh import refresh
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.expire import expire_old
from nonstopay.business.invoices.invoice import METHODS
from nonstopay.business.mail.send import send_due
from nonstopay.business.payments.health.judge import judge
from nonstopay.business.payments.records import has_doubt
from nonstopay.business.settlement.close import close_due
from nonstopay.business.settlement.volume import count_all
from nonstopay.business.settlement.wallets.switch import switch_all_due
from nonstopay.business.transactions.hot.balance import Low
from nonstopay.business.transactions.hot.look import look as look_at_balances
from nonstopay.business.webhooks.deliver import Deliverer
from nonstopay.business.webhooks.upkeep.forget import forget_attempts
from nonstopay.connectors.mail.smtp import Relay, relay
from nonstopay.connectors.public_http import PublicHttp
from nonstopay.errors import NonstopayError
from nonstopay.sandbox import clock as sandbox_clock
from nonstopay.sandbox import upi as sandbox_upi
from nonstopay.sandbox.card import bank as sandbox_cards
from nonstopay.store import heartbeat, idempotency, jobs
from nonstopay.store.vault import retention
from nonstopay.worker.reactions import REACTIONS

JOB_LEASE = timedelta(seconds=60)
JOBS_AT_ONCE = 20
TALLY_AT_ONCE = 10_000
_AFTER_TROUBLE_SECONDS = 1.0
_log = structlog.get_logger()

Turn = Callable[[], Awaitable[bool]]
"""One turn of a loop; True if there was work, so that the next turn follows at once."""


class Worker:
    """The loops of one process."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._name = f"worker@{socket.gethostname()}:{os.getpid()}"
        self._judge_next = clock.stopwatch()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is under way."""
        gateway = self._gateway
        loops = [
            self._loop(stop, self._beat, heartbeat.BEAT_SECONDS),
            self._loop(stop, self._do_jobs, 0.1),
            self._loop(stop, self._expire, 0.5),
            self._loop(stop, self._fold_tally, 1.0),
            self._loop(stop, self._judge_health, 5.0),
            self._loop(stop, self._switch_wallets, 10.0),
            self._loop(stop, self._count_volumes, 600),
            self._loop(stop, self._forget, 3600),
            self._loop(stop, self._forget_attempts, 600),
            self._loop(stop, self._forget_cards, 3600),
        ]
        watchers = [
            Watcher(gateway.db, gateway.chains, reader, self._name)
            for reader in gateway.chains.readers.values()
        ]
        loops += [self._loop(stop, one.turn, one.pause_seconds) for one in watchers]
        if gateway.payout is not None:
            loops.append(self._loop(stop, self._close_batches, 1.0))
        if gateway.sender is not None:
            loops.append(self._loop(stop, gateway.sender.turn, 0.25))
            loops.append(self._loop(stop, self._look_at_balances, 30))
        if post := relay(gateway.settings):
            loops.append(self._loop(stop, partial(self._send_mail, post), 0.5))
        if gateway.settings.live:
            loops.append(self._loop(stop, self._refresh_rates, 3600))
            loops.append(self._loop(stop, self._refresh_coins, 15))
        else:
            loops.append(self._loop(stop, self._follow_clock, 0.1))
            loops.append(self._loop(stop, self._run_bank, 0.1))
        async with PublicHttp(
            allow_loopback=not gateway.settings.live, forbidden=gateway.settings.webhook_forbidden
        ) as http:
            deliverer = Deliverer(
                gateway.db,
                http,
                gateway.sealer,
                DESCRIBERS,
                concurrency=gateway.settings.webhook_concurrency,
            )
            checking = asyncio.create_task(check_until_answered(gateway.chains))
            try:
                await asyncio.gather(deliverer.run(stop), *loops)
            finally:
                checking.cancel()
        with suppress(NonstopayError):
            for watcher in watchers:
                await watcher.leave()
            await heartbeat.leave(gateway.db, self._name)

    async def _loop(self, stop: asyncio.Event, turn: Turn, pause_seconds: float) -> None:
        while not stop.is_set():
            pause = pause_seconds
            try:
                if await turn():
                    continue
            except Exception as error:
                _log.error(
                    "a loop stumbled",
                    loop=getattr(turn, "__name__", "?"),
                    error=type(error).__name__,
                    exc_info=not isinstance(error, NonstopayError),
                )
                pause = max(pause, _AFTER_TROUBLE_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def _beat(self) -> bool:
        await heartbeat.beat(self._gateway.db, self._name, "worker")
        return False

    async def _do_jobs(self) -> bool:
        db = self._gateway.db
        async with db.reading() as conn:
            claimed = await jobs.claim(conn, list(REACTIONS), clock.now(), JOB_LEASE, JOBS_AT_ONCE)
        await asyncio.gather(*(self._do_job(job) for job in claimed))
        return bool(claimed)

    async def _do_job(self, job: jobs.Job) -> None:
        try:
            again_at = await REACTIONS[job.kind](self._gateway, job)
        except Exception as error:
            # The lease brings it back; what it did is idempotent.
            _log.error("a job failed", kind=job.kind, key=job.key, error=type(error).__name__)
            return
        async with self._gateway.db.reading() as conn:
            if again_at is None:
                await jobs.done(conn, job)
            else:
                await jobs.again_at(conn, job, again_at)

    async def _expire(self) -> bool:
        looked_at = await expire_old(self._gateway.db, now=clock.now(), in_doubt=has_doubt)
        return looked_at > 0

    async def _fold_tally(self) -> bool:
        async with self._gateway.db.transaction() as tx:
            return await invoices.fold_tally(tx, TALLY_AT_ONCE) == TALLY_AT_ONCE

    async def _judge_health(self) -> bool:
        began = clock.stopwatch()
        if began < self._judge_next:
            return False
        rails = self._gateway.rails
        solutions = {method: rails.solutions(method) for method in METHODS}
        await judge(self._gateway.db, solutions, clock.now())
        # Ten minutes of a very busy installation take a while to look at: a twentieth of the time.
        self._judge_next = clock.stopwatch() + 20 * (clock.stopwatch() - began)
        return False

    async def _switch_wallets(self) -> bool:
        await switch_all_due(self._gateway.db, clock.now())
        return False

    async def _count_volumes(self) -> bool:
        await count_all(self._gateway.db, clock.now())
        return False

    async def _close_batches(self) -> bool:
        return await close_due(self._gateway.db, self._gateway.settlement, clock.now()) > 0

    async def _look_at_balances(self) -> bool:
        gateway = self._gateway
        assert gateway.sender is not None
        low = Low(gateway.settings.hot_low_balance, gateway.settings.hot_low_gas)
        await look_at_balances(gateway.db, gateway.sender, low, clock.now())
        return False

    async def _send_mail(self, post: Relay) -> bool:
        return await send_due(self._gateway.db, post)

    async def _forget(self) -> bool:
        await idempotency.forget_old(self._gateway.db, clock.now())
        return False

    async def _forget_attempts(self) -> bool:
        gateway = self._gateway
        settings, now = gateway.settings, clock.now()
        archive = settings.webhook_attempts_archive
        folder = Path(archive) if archive else None
        return await forget_attempts(gateway.db, now, settings.webhook_attempts_days, folder)

    async def _forget_cards(self) -> bool:
        gateway = self._gateway
        days = gateway.settings.vault_unused_days
        gone = await retention.forget_unused(gateway.db, clock.now(), days)
        if gone:
            _log.info("unused cards were deleted from the vault", count=gone, unused_days=days)
        return gone == retention.AT_ONCE

    async def _refresh_rates(self) -> bool:
        await refresh(self._gateway.db, self._gateway.http, self._gateway.settings.rates_url)
        return False

    async def _refresh_coins(self) -> bool:
        if self._gateway.chains.coins_offered():
            await refresh_coins(self._gateway.db, self._gateway.http, clock.now())
        return False

    async def _follow_clock(self) -> bool:
        await sandbox_clock.step(self._gateway.db)
        return False

    async def _run_bank(self) -> bool:
        await sandbox_upi.settle_due(self._gateway.db, self._gateway.sandbox_secret)
        await sandbox_cards.settle_due(self._gateway.db, self._gateway.sandbox_secret)
        return False
