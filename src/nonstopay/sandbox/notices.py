"""The pretend banks' notifications: written with what they tell, signed when sent, tried again.

Signature: header `x-upi-signature: t=<unix seconds>,v1=<hex>`, where v1 is HMAC-SHA256 over
`<t>.<body>`; the card bank's is called `x-card-signature`. Each try is signed anew, so that a receiver
may refuse old ones.
"""

import asyncio
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import msgspec

from nonstopay import clock
from nonstopay.sandbox import faults
from nonstopay.sandbox.faults import Mode, Target
from nonstopay.store.db import Connection, Database, forbid_transaction

LIMIT_SECONDS = 4
SENT_AT_ONCE = 64
# From one try to the next; each is longer than a try can take, so that two never overlap.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300))


@dataclass(frozen=True, slots=True)
class _Notice:
    id: int
    target: Target
    reference: str
    url: str
    body: bytes
    attempts: int


async def enqueue(
    tx: Connection, target: Target, reference: str, url: str, body: Mapping[str, Any]
) -> None:
    """Tell something, twice while the bank's fault is `double_answer`.

    Args:
        target: which bank tells it.
        reference: of what; notifications of one thing are sent one after the other.
    """
    text = msgspec.json.encode(body).decode()
    copies = 2 if await faults.current(tx, target) is Mode.DOUBLE_ANSWER else 1
    for _ in range(copies):
        await tx.execute(
            """INSERT INTO sandbox_notice (target, reference, url, body, next_attempt_at)
               VALUES ($1, $2, $3, $4, $5)""",
            target,
            reference,
            url,
            text,
            clock.now(),
        )


async def send_due(db: Database, secret: bytes) -> None:
    """Send every notification that is due; those of one thing one after the other."""
    claimed = await _claim(db, clock.now())
    if not claimed:
        return
    forbid_transaction("a notification of the sandbox bank")
    lanes: dict[tuple[Target, str], list[_Notice]] = defaultdict(list)
    for notice in claimed:
        lanes[notice.target, notice.reference].append(notice)
    limit = aiohttp.ClientTimeout(total=LIMIT_SECONDS)
    async with aiohttp.ClientSession(timeout=limit) as session:
        await asyncio.gather(*(_send_lane(db, session, secret, lane) for lane in lanes.values()))


def signature_header(target: Target) -> str:
    """The name of the header in which this bank signs."""
    return f"x-{target}-signature"


def sign(secret: bytes, at: datetime, body: bytes) -> str:
    """The signature header's value for a notification sent at `at`."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret, b"%d." % seconds + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


async def _claim(db: Database, now: datetime) -> list[_Notice]:
    """Take due notifications; the next try's time is set already, and holds if this one fails."""
    rows = await db.fetch(
        """UPDATE sandbox_notice
              SET attempts = attempts + 1,
                  next_attempt_at = $1 + ($2::interval[])[least(attempts + 1, array_length($2, 1))]
            WHERE id IN (SELECT id FROM sandbox_notice
                          WHERE next_attempt_at <= $1 ORDER BY id LIMIT $3)
              AND next_attempt_at <= $1
        RETURNING id, target, reference, url, body, attempts""",
        now,
        list(PAUSES),
        SENT_AT_ONCE,
    )
    claimed = [
        _Notice(
            id=row["id"],
            target=Target(row["target"]),
            reference=row["reference"],
            url=row["url"],
            body=row["body"].encode(),
            attempts=row["attempts"],
        )
        for row in rows
    ]
    return sorted(claimed, key=lambda notice: notice.id)


async def _send_lane(
    db: Database, session: aiohttp.ClientSession, secret: bytes, lane: list[_Notice]
) -> None:
    for notice in lane:
        received = await _send(session, secret, notice)
        if received or notice.attempts > len(PAUSES):
            await db.execute("DELETE FROM sandbox_notice WHERE id = $1", notice.id)


async def _send(session: aiohttp.ClientSession, secret: bytes, notice: _Notice) -> bool:
    headers = {
        "content-type": "application/json",
        signature_header(notice.target): sign(secret, clock.now(), notice.body),
    }
    try:
        async with session.post(
            notice.url, data=notice.body, headers=headers, allow_redirects=False
        ) as response:
            return 200 <= response.status < 300
    except (aiohttp.ClientError, TimeoutError):
        return False
