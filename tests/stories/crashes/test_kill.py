"""kill -9 at any moment, again and again: what was acknowledged is there, once, and is told.

`NSP_KILLS=50` kills more often than the five times of every test run.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import pytest

from tests.stories.crashes.crowd import Crowd
from tests.stories.gateway import Gateway
from tests.stories.payments.accounts import audit, must_hold
from tests.stories.payments.till import eventually, eventually_so
from tests.stories.shop import Shop, open_shop

KILLS = int(os.environ.get("NSP_KILLS", "5"))
LOAD_SECONDS = 1.0
# The goal is 3 s on a quiet machine; a test run shares two cores with other work.
RESTART_SECONDS = 15.0
_log = logging.getLogger(__name__)


def kill_supervisor(gateway: Gateway) -> None:
    """Its children end with their lifeline; what answers after that is the next one's."""
    gateway.kill()
    deadline = time.monotonic() + RESTART_SECONDS
    while gateway.is_ready():
        assert time.monotonic() < deadline, gateway.log.read_text()
        time.sleep(0.02)
    gateway.start()


def kill_everybody(gateway: Gateway) -> None:
    gateway.kill(group=True)
    gateway.start()


def kill_api(gateway: Gateway) -> None:
    _kill_child(gateway, "api")


def kill_worker(gateway: Gateway) -> None:
    """In the middle of its deliveries: the crowd goes on making more."""
    _kill_child(gateway, "worker")


def kill_database(gateway: Gateway) -> None:
    """Gone with all that it had not written to disk: what was acknowledged must not be among it."""
    _kill_child(gateway, "postgres")


# Each way once, and then the worker, as often as all others together: it has the most in its hands.
WAYS: list[Callable[[Gateway], None]] = [
    kill_database,
    kill_api,
    kill_worker,
    kill_everybody,
    kill_supervisor,
    kill_worker,
    kill_worker,
    kill_worker,
]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds children in Linux /proc")
@pytest.mark.timeout(120 + 20 * KILLS)
async def test_kill_9_loses_nothing_and_does_nothing_twice(own_gateway: Gateway) -> None:
    with open_shop() as shop:
        merchant = own_gateway.merchant("--callback-url", shop.url)
        with Crowd(merchant) as crowd:
            restarts = _kill_again_and_again(own_gateway, crowd)

        assert crowd.refusals == []
        assert crowd.cut_off > 0, "nobody was cut off: nothing was tested"
        await _every_answer_is_true_once(own_gateway, crowd)
        _every_repeat_finds_the_same(crowd)
        await _everything_is_told(own_gateway, crowd, shop)
    must_hold(own_gateway)
    assert max(seconds for _, seconds in restarts) < RESTART_SECONDS


def _kill_again_and_again(gateway: Gateway, crowd: Crowd) -> list[tuple[str, float]]:
    """How it was killed, and the seconds until it was ready again."""
    restarts = []
    for kill in islice(cycle(WAYS), KILLS):
        before = len(crowd.answers)
        time.sleep(LOAD_SECONDS)
        assert len(crowd.answers) > before, f"nothing was created before {kill.__name__}"
        started = time.monotonic()
        kill(gateway)
        restarts.append((kill.__name__, round(time.monotonic() - started, 2)))
    time.sleep(LOAD_SECONDS)
    _log.info("restarts in seconds: %s", restarts)
    return restarts


async def _every_answer_is_true_once(gateway: Gateway, crowd: Crowd) -> None:
    """An invoice for each number that was answered, and one event for each invoice."""
    async with audit(gateway) as auditor:
        rows = await auditor.conn.fetch(
            """SELECT i.id, i.callback_json::jsonb ->> 'n' AS number, count(e.id) AS events
                 FROM invoice i LEFT JOIN event e
                   ON e.merchant_id = i.merchant_id AND e.object = 'invoice' AND e.object_id = i.id
                GROUP BY i.merchant_id, i.id ORDER BY i.id"""
        )
        keys = await auditor.conn.fetchval("SELECT count(*) FROM idempotency")
    numbers = [int(row["number"]) for row in rows]
    assert len(numbers) == len(set(numbers)), "an invoice was created twice"
    assert sorted(numbers) == sorted(crowd.answers), "an acknowledged invoice is gone"
    assert len(set(crowd.answers.values())) == len(numbers)
    assert {row["events"] for row in rows} == {1}
    assert keys == len(numbers)


def _every_repeat_finds_the_same(crowd: Crowd) -> None:
    """Numbers from all over the run, asked for again."""
    for number in sorted(crowd.answers)[:: max(1, len(crowd.answers) // 100)]:
        assert crowd.ask(number) == (crowd.answers[number], True)


async def _everything_is_told(gateway: Gateway, crowd: Crowd, shop: Shop) -> None:
    """Each invoice's webhook arrived; a killed worker's leases run out first."""
    gateway.sandbox("clock", advance_seconds=300)

    def told() -> int:
        return len({message.body["callbackJson"]["n"] for message in list(shop.messages)})

    await eventually(told, len(crowd.answers), seconds=60)
    async with audit(gateway) as auditor:
        pending = "SELECT count(*) FROM delivery WHERE finished_at IS NULL"
        await eventually_so(lambda: auditor.conn.fetchval(pending), 0)


def _kill_child(gateway: Gateway, name: str) -> None:
    """Kill it, and wait until the supervisor has put another in its place that is ready."""
    killed = _child(gateway, name)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + RESTART_SECONDS
    while _child(gateway, name) in (None, killed) or not gateway.is_ready():
        assert time.monotonic() < deadline, gateway.log.read_text()
        time.sleep(0.02)


def _child(gateway: Gateway, name: str) -> int | None:
    """The pid of the supervisor's living child, `nonstopay <name>` or a program of that name."""
    assert gateway.process is not None
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            words = (process / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == gateway.process.pid and name in {Path(word.decode()).name for word in words}:
            return int(process.name)
    return None
