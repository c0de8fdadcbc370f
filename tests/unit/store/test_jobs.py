"""Jobs: kept with what made them necessary, done by one worker at a time, never lost."""

import asyncio
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.store import jobs
from nonstopay.store.db import Database
from nonstopay.store.jobs import Job

LEASE = timedelta(seconds=30)
MERCHANT = 1


async def ask(db: Database, key: str, *, ahead: int = 0, kind: str = "look_up") -> None:
    async with db.transaction() as tx:
        await jobs.enqueue(
            tx, MERCHANT, kind, key, {"n": ahead}, clock.now() + timedelta(seconds=ahead)
        )


async def claim(
    db: Database, *, ahead: int = 0, limit: int = 10, kind: str = "look_up"
) -> list[Job]:
    async with db.reading() as conn:
        return await jobs.claim(conn, [kind], clock.now() + timedelta(seconds=ahead), LEASE, limit)


async def finish(db: Database, job: Job) -> bool:
    async with db.transaction() as tx:
        return await jobs.done(tx, job)


async def test_a_job_is_claimed_once_and_gone_when_done(database: Database) -> None:
    await ask(database, "a")

    [job] = await claim(database)

    assert (job.key, job.payload, job.attempts) == ("a", {"n": 0}, 1)
    assert await claim(database) == []
    assert await finish(database, job)
    assert await claim(database, ahead=3600) == []


async def test_a_job_of_a_transaction_that_failed_never_was(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await jobs.enqueue(tx, MERCHANT, "look_up", "a", {}, clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await claim(database, ahead=3600) == []


async def test_a_job_waits_for_its_time_and_others_for_their_kind(database: Database) -> None:
    await ask(database, "later", ahead=60)
    await ask(database, "other", kind="expire")

    assert await claim(database) == []
    assert [job.key for job in await claim(database, ahead=61)] == ["later"]
    assert [job.key for job in await claim(database, kind="expire")] == ["other"]


async def test_asking_twice_is_asking_once_at_the_earlier_time(database: Database) -> None:
    await ask(database, "a", ahead=60)
    await ask(database, "a", ahead=10)
    await ask(database, "a", ahead=90)

    [job] = await claim(database, ahead=11)

    assert job.payload == {"n": 60}
    assert await finish(database, job)
    assert await claim(database, ahead=3600) == []


async def test_a_wish_that_comes_while_the_job_runs_makes_it_run_again(database: Database) -> None:
    await ask(database, "a")
    [job] = await claim(database)
    await ask(database, "a")

    assert await finish(database, job)

    [again] = await claim(database)
    assert again.attempts == 1
    assert await finish(database, again)
    assert await claim(database, ahead=3600) == []


async def test_the_oldest_come_first_and_no_more_than_asked_for(database: Database) -> None:
    for key, ahead in (("third", 3), ("first", 1), ("second", 2)):
        await ask(database, key, ahead=ahead)

    assert [job.key for job in await claim(database, ahead=5, limit=2)] == ["first", "second"]


async def test_a_dead_workers_job_comes_back_and_he_can_no_longer_finish_it(
    database: Database,
) -> None:
    await ask(database, "a")
    [lost] = await claim(database)

    [taken_over] = await claim(database, ahead=31)

    assert taken_over.attempts == 2
    assert not await finish(database, lost)
    async with database.transaction() as tx:
        assert not await jobs.again_at(tx, lost, clock.now(), "late")
    assert await finish(database, taken_over)


async def test_a_late_worker_cannot_finish_a_namesake_of_his_job(database: Database) -> None:
    await ask(database, "a")
    [lost] = await claim(database)
    [taken_over] = await claim(database, ahead=31)
    assert await finish(database, taken_over)
    await ask(database, "a")
    [namesake] = await claim(database, ahead=32)

    assert not await finish(database, lost)
    assert await finish(database, namesake)


async def test_a_job_put_off_keeps_its_problem_and_comes_back_then(database: Database) -> None:
    await ask(database, "a")
    [job] = await claim(database)

    async with database.transaction() as tx:
        assert await jobs.again_at(tx, job, clock.now() + timedelta(seconds=60), "no answer")

    assert await claim(database, ahead=59) == []
    [again] = await claim(database, ahead=61)
    assert (again.problem, again.attempts) == ("no answer", 2)


async def test_a_job_put_off_while_it_was_asked_for_again_is_due_at_once(
    database: Database,
) -> None:
    await ask(database, "a")
    [job] = await claim(database)
    await ask(database, "a")

    async with database.transaction() as tx:
        assert await jobs.again_at(tx, job, clock.now() + timedelta(days=1))

    assert [one.key for one in await claim(database, ahead=1)] == ["a"]


async def test_many_workers_share_the_work_without_doing_any_twice(database: Database) -> None:
    for number in range(100):
        await ask(database, str(number))

    async def work() -> list[str]:
        mine = []
        while found := await claim(database, limit=7):
            for job in found:
                assert await finish(database, job)
                mine.append(job.key)
        return mine

    shares = await asyncio.gather(*(work() for _ in range(4)))

    assert sorted(key for share in shares for key in share) == sorted(
        str(number) for number in range(100)
    )
