"""The worker of a counter: does the jobs that are due, as `worker/run.py` does."""

from datetime import timedelta
from typing import cast

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.store import jobs
from nonstopay.worker.reactions import REACTIONS
from tests.unit.payments.counter import Counter, move_to

_LEASE = timedelta(seconds=60)


async def work(counter: Counter, *kinds: str) -> int:
    """Do what is due once, of these kinds or of all; how many jobs that were."""
    async with counter.db.reading() as conn:
        due = await jobs.claim(conn, kinds or list(REACTIONS), clock.now(), _LEASE, 100)
    for job in due:
        again_at = await REACTIONS[job.kind](cast(Gateway, counter), job)
        async with counter.db.reading() as conn:
            if again_at is None:
                await jobs.done(conn, job)
            else:
                await jobs.again_at(conn, job, again_at)
    return len(due)


async def work_on(counter: Counter, *, turns: int = 4) -> None:
    """Let hours go by, and do what comes due."""
    for _ in range(turns):
        await work(counter)
        move_to(clock.now() + timedelta(hours=1))
    await work(counter)
