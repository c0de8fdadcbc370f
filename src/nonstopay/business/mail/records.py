"""The only SQL of mail."""

from datetime import datetime
from typing import cast

import asyncpg

from nonstopay.business.mail.mail import Mail
from nonstopay.business.mail.states import State
from nonstopay.store.db import Connection


async def insert(
    tx: Connection, merchant_id: int, recipient: str, subject: str, text: str, at: datetime
) -> int:
    return cast(
        int,
        await tx.fetchval(
            """INSERT INTO mail (merchant_id, recipient, subject, text, state, created_at,
                                 next_attempt_at)
               VALUES ($1, $2, $3, $4, 'waiting', $5, $5) RETURNING id""",
            merchant_id,
            recipient,
            subject,
            text,
            at,
        ),
    )


async def claim(conn: Connection, now: datetime, until: datetime, limit: int) -> list[Mail]:
    """Take letters that are due for one worker until `until`; each claim begins an attempt.

    The update's own condition decides between workers who see the same letter.
    """
    rows = await conn.fetch(
        """UPDATE mail SET leased_until = $2, attempts = attempts + 1
            WHERE (merchant_id, id) IN (
                  SELECT merchant_id, id FROM mail
                   WHERE state = 'waiting' AND next_attempt_at <= $1
                     AND (leased_until IS NULL OR leased_until <= $1)
                   ORDER BY next_attempt_at LIMIT $3)
              AND state = 'waiting' AND (leased_until IS NULL OR leased_until <= $1)
        RETURNING *""",
        now,
        until,
        limit,
    )
    return [_mail(row) for row in rows]


async def record(
    conn: Connection,
    mail: Mail,
    after: State,
    problem: str | None,
    next_attempt_at: datetime | None,
    at: datetime,
) -> None:
    """What came of the attempt that `mail` was claimed for.

    If somebody else has claimed it since, only that it was taken still counts.
    """
    await conn.execute(
        """UPDATE mail
              SET state = $3, problem = $4, next_attempt_at = coalesce($5, next_attempt_at),
                  leased_until = NULL, sent_at = CASE WHEN $3 = 'sent' THEN $6::timestamptz END
            WHERE merchant_id = $1 AND id = $2
              AND (state = 'waiting' AND attempts = $7 OR state <> 'sent' AND $3 = 'sent')""",
        mail.merchant_id,
        mail.id,
        after,
        problem,
        next_attempt_at,
        at,
        mail.attempts,
    )


async def latest(conn: Connection, limit: int) -> list[Mail]:
    """Letters of all merchants, the newest first: for the sandbox and the operator."""
    rows = await conn.fetch("SELECT * FROM mail ORDER BY id DESC LIMIT $1", limit)
    return [_mail(row) for row in rows]


def _mail(row: asyncpg.Record) -> Mail:
    return Mail(
        merchant_id=row["merchant_id"],
        id=row["id"],
        recipient=row["recipient"],
        subject=row["subject"],
        text=row["text"],
        state=State(row["state"]),
        attempts=row["attempts"],
        problem=row["problem"],
        created_at=row["created_at"],
        sent_at=row["sent_at"],
    )
