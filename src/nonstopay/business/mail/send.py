"""Send what is due: claim, hand over with no transaction open, record.

At least once: a worker that dies between the relay's answer and ours leaves a lease that runs out,
and the letter goes again under the same Message-ID.
"""

import asyncio
from datetime import datetime, timedelta

import structlog

from nonstopay import clock, ids
from nonstopay.business.mail import records
from nonstopay.business.mail.mail import Mail
from nonstopay.business.mail.states import MAIL, Happening, State
from nonstopay.connectors.mail import Letter, Outcome, Verdict
from nonstopay.connectors.mail.smtp import Relay
from nonstopay.store.db import Database

# Relays are back after minutes or the next morning; to give up takes four to five days
# (RFC 5321, 4.5.4.1).
PLAN = (
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=16),
    timedelta(hours=24),
    timedelta(hours=24),
    timedelta(hours=24),
)
LEASE = timedelta(minutes=2)
AT_ONCE = 5
_JITTER_DIVISOR = 10

_log = structlog.get_logger()


async def send_due(db: Database, relay: Relay) -> bool:
    """Send up to five letters that are due; whether there were any."""
    now = clock.now()
    async with db.reading() as conn:
        claimed = await records.claim(conn, now, now + LEASE, AT_ONCE)
    await asyncio.gather(*(_send(db, relay, mail) for mail in claimed))
    return bool(claimed)


async def _send(db: Database, relay: Relay, mail: Mail) -> None:
    outcome = await relay.send(
        Letter(
            id=f"mail-{mail.merchant_id}-{mail.id}",
            recipient=mail.recipient,
            subject=mail.subject,
            text=mail.text,
        )
    )
    at = clock.now()
    again_at = next_try(mail.attempts, at)
    after = MAIL.step(State.WAITING, _happening(outcome, again_at)).after
    async with db.reading() as conn:
        await records.record(conn, mail, after, outcome.problem or None, again_at, at)
    if after is State.DEAD:
        _log.error("a mail was given up", merchant_id=mail.merchant_id, mail_id=mail.id)


def next_try(attempts: int, now: datetime) -> datetime | None:
    """When to try again after `attempts` attempts, or None at the plan's end.

    Up to a tenth is added by chance, so that what failed together does not come back together.
    """
    if attempts > len(PLAN):
        return None
    pause = PLAN[attempts - 1]
    return now + pause + pause / _JITTER_DIVISOR * ids.random_fraction()


def _happening(outcome: Outcome, again_at: datetime | None) -> Happening:
    match outcome.verdict:
        case Verdict.ACCEPTED:
            return Happening.ACCEPTED
        case Verdict.REFUSED:
            return Happening.REFUSED
        case Verdict.LATER:
            return Happening.DEFERRED if again_at else Happening.EXHAUSTED
