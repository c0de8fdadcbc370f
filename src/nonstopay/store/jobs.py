"""Work for later, written in the transaction that makes it necessary.

A job has a key: asking again for one that waits is asking once, at the earliest of the instants
asked for, with the first payload. Asking again while it runs makes it run once more, since its
worker may have looked before the new reason was there.

Workers claim jobs by a lease, with an update under a condition; a dead worker's jobs come back when
the lease has run out. So a job may run twice, and must bear it. A lease is known by its end, which
is later with every claim: a worker whose job was taken over finds that his `done` and `again_at`
answer False and change nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from nonstopay.store.db import Connection

_PROBLEM_MAX = 500


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job.

    Attributes:
        attempts: how often it was claimed, this time included.
        wanted: how often it had been asked for when it was claimed.
        problem: why the last attempt did not finish it, if one said so.
        leased_until: the end of this claim, and its name.
    """

    merchant_id: int
    kind: str
    key: str
    payload: Mapping[str, Any]
    run_at: datetime
    wanted: int
    attempts: int
    problem: str | None
    leased_until: datetime


async def enqueue(
    tx: Connection,
    merchant_id: int,
    kind: str,
    key: str,
    payload: Mapping[str, Any],
    run_at: datetime,
) -> None:
    """Ask for a job in the caller's transaction, to run at `run_at` or soon after."""
    await tx.execute(
        """INSERT INTO job (merchant_id, kind, key, payload, run_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (merchant_id, kind, key) DO UPDATE
           SET run_at = least(job.run_at, excluded.run_at), wanted = job.wanted + 1""",
        merchant_id,
        kind,
        key,
        payload,
        run_at,
    )


async def claim(
    db: Connection, kinds: Sequence[str], now: datetime, lease: timedelta, limit: int
) -> list[Job]:
    """Claim up to `limit` due jobs of these kinds until `now + lease`, the longest due first."""
    rows = await db.fetch(
        """UPDATE job SET leased_until = $3, attempts = attempts + 1
            WHERE (merchant_id, kind, key) IN (
                  SELECT merchant_id, kind, key FROM job
                   WHERE kind = ANY($1) AND run_at <= $2
                     AND (leased_until IS NULL OR leased_until <= $2)
                   ORDER BY run_at LIMIT $4)
              AND run_at <= $2 AND (leased_until IS NULL OR leased_until <= $2)
        RETURNING merchant_id, kind, key, payload, run_at, wanted, leased_until, attempts,
                  problem""",
        list(kinds),
        now,
        now + lease,
        limit,
    )
    return sorted((_job(row) for row in rows), key=lambda job: job.run_at)


async def done(tx: Connection, job: Job) -> bool:
    """The job is finished and goes; it stays, free and due, if it was asked for again meanwhile.

    Returns:
        False when somebody else has claimed it since: then roll back what was done for it.
    """
    row = await tx.fetchrow(
        """WITH finished AS (
               DELETE FROM job
                WHERE merchant_id = $1 AND kind = $2 AND key = $3 AND leased_until = $4
                  AND wanted = $5
            RETURNING 1),
           wanted_again AS (
               UPDATE job SET leased_until = NULL, attempts = 0, problem = NULL
                WHERE merchant_id = $1 AND kind = $2 AND key = $3 AND leased_until = $4
                  AND wanted > $5
            RETURNING 1)
           SELECT FROM finished UNION ALL SELECT FROM wanted_again""",
        *_claimed(job),
        job.wanted,
    )
    return row is not None


async def again_at(tx: Connection, job: Job, run_at: datetime, problem: str | None = None) -> bool:
    """Set the job free to run at `run_at`, or at once if it was asked for again meanwhile.

    Args:
        problem: why it is not finished, for people; at most 500 characters are kept, no secrets.

    Returns:
        False when somebody else has claimed it since.
    """
    row = await tx.fetchrow(
        """UPDATE job SET leased_until = NULL, problem = $7,
                  run_at = CASE WHEN wanted > $5 THEN least(run_at, $6) ELSE $6 END
            WHERE merchant_id = $1 AND kind = $2 AND key = $3 AND leased_until = $4
        RETURNING 1""",
        *_claimed(job),
        job.wanted,
        run_at,
        problem and problem[:_PROBLEM_MAX],
    )
    return row is not None


def _claimed(job: Job) -> tuple[int, str, str, datetime]:
    return job.merchant_id, job.kind, job.key, job.leased_until


def _job(row: asyncpg.Record) -> Job:
    return Job(
        merchant_id=row["merchant_id"],
        kind=row["kind"],
        key=row["key"],
        payload=row["payload"],
        run_at=row["run_at"],
        wanted=row["wanted"],
        attempts=row["attempts"],
        problem=row["problem"],
        leased_until=row["leased_until"],
    )
