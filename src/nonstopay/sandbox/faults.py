"""Misbehaviour on demand: for some seconds, a part of the pretend outside world is unwell."""

from datetime import datetime, timedelta
from enum import StrEnum

from nonstopay import clock
from nonstopay.errors import InvalidInput
from nonstopay.store.db import Connection, Database

SECONDS_MAX = 86_400


class Target(StrEnum):
    """Who misbehaves."""

    CARD = "card"
    UPI = "upi"
    PAYOUT = "payout"
    CHAIN = "chain"


class Mode(StrEnum):
    """How."""

    TIMEOUT = "timeout"
    """Hangs for longer than anybody waits, and does nothing."""
    ERROR_500 = "error_500"
    """Answers 500 and does nothing."""
    DOUBLE_ANSWER = "double_answer"
    """Notifies twice."""
    LOST_ANSWER = "lost_answer"
    """Does the work, then the answer is lost."""
    NONE = "none"
    """Well again."""


async def begin(db: Database, target: str, mode: str, seconds: int) -> datetime:
    """Let `target` misbehave from now on; a new fault replaces the old one.

    Args:
        target: a word of `Target`.
        mode: a word of `Mode`; `none` ends the fault.
        seconds: how long, by the sandbox's clock, 1 to 86,400.

    Returns:
        Until when, UTC.

    Raises:
        InvalidInput: an unknown target or mode, seconds out of bounds.
    """
    if target not in list(Target):
        raise InvalidInput("target", f"target must be one of: {', '.join(Target)}")
    if mode not in list(Mode):
        raise InvalidInput("mode", f"mode must be one of: {', '.join(Mode)}")
    if not 1 <= seconds <= SECONDS_MAX:
        raise InvalidInput("seconds", f"seconds must be 1 to {SECONDS_MAX}")
    until = clock.now() + timedelta(seconds=seconds)
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM sandbox_fault WHERE target = $1", target)
        if mode == Mode.NONE:
            return clock.now()
        await tx.execute(
            """INSERT INTO sandbox_fault (target, mode, until) VALUES ($1, $2, $3)
               ON CONFLICT (target) DO UPDATE SET mode = excluded.mode, until = excluded.until""",
            target,
            mode,
            until,
        )
    return until


async def current(db: Database | Connection, target: Target) -> Mode:
    """How `target` misbehaves at this moment; `Mode.NONE` if it does not."""
    row = await db.fetchrow(
        "SELECT mode FROM sandbox_fault WHERE target = $1 AND until > $2", target, clock.now()
    )
    return Mode(row["mode"]) if row else Mode.NONE
