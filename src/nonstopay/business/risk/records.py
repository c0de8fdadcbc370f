"""The only SQL of risk. The merchant comes first."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from nonstopay.business.risk.address import counted_as
from nonstopay.business.risk.entry import EVERYBODY, About, Entry, List
from nonstopay.business.risk.limits import Limits
from nonstopay.business.risk.rules import VERSION
from nonstopay.business.risk.verdict import Decision, Facts, Subject, Verdict
from nonstopay.store.db import Connection

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A decision as it was kept: with what the rules were told, and their version."""

    verdict: Verdict
    rules: int
    facts: Facts
    limits: Limits
    at: datetime


async def listed(
    conn: Connection, merchant_id: int, traits: Sequence[tuple[About, str]]
) -> dict[List, tuple[str, ...]]:
    """What of these stands on which list, of this merchant or of all."""
    rows = await conn.fetch(
        """SELECT DISTINCT e.list, e.about
             FROM unnest($2::text[], $3::text[]) AS t (about, value)
             JOIN risk_entry e ON e.merchant_id IN ($1, 0) AND e.about = t.about AND e.value = t.value
            ORDER BY e.list, e.about""",
        merchant_id,
        [about for about, _ in traits],
        [value for _, value in traits],
    )
    return {one: tuple(row["about"] for row in rows if row["list"] == one) for one in List}


async def counts(conn: Connection, subject: Subject, at: datetime) -> dict[str, int]:
    """How often this card and this e-mail were tried at the merchant, the present attempt counted."""
    row = await conn.fetchrow(
        """SELECT (SELECT count(DISTINCT invoice_id) FROM risk_decision
                    WHERE merchant_id = $1 AND fingerprint = $3 AND at > $5 AND invoice_id <> $2)
                  AS invoices_of_card,
                  count(DISTINCT invoice_id) FILTER (WHERE at > $5 AND invoice_id <> $2)
                  AS invoices_of_email,
                  count(DISTINCT fingerprint) FILTER (WHERE fingerprint <> $3) AS cards_of_email
             FROM risk_decision WHERE merchant_id = $1 AND email = $4 AND at > $6""",
        subject.merchant_id,
        subject.invoice_id,
        subject.fingerprint,
        _email(subject),
        at - HOUR,
        at - DAY,
    )
    return _with_the_present(row)


async def counts_of_address(conn: Connection, subject: Subject, at: datetime) -> dict[str, int]:
    """How often this address was used, at whichever merchant. A card has a fingerprint at each."""
    row = await conn.fetchrow(
        """SELECT count(DISTINCT (merchant_id, invoice_id))
                      FILTER (WHERE at > $5 AND (merchant_id, invoice_id) <> ($1, $2))
                  AS invoices_of_address,
                  count(DISTINCT fingerprint) FILTER (WHERE fingerprint <> $3) AS cards_of_address
             FROM risk_decision WHERE payer_ip = $4 AND at > $6""",
        subject.merchant_id,
        subject.invoice_id,
        subject.fingerprint,
        counted_as(subject.payer_ip),
        at - HOUR,
        at - DAY,
    )
    return _with_the_present(row)


async def insert(
    tx: Connection,
    subject: Subject,
    payment_id: int,
    verdict: Verdict,
    facts: Facts,
    limits: Limits,
    at: datetime,
) -> None:
    await tx.execute(
        """INSERT INTO risk_decision (merchant_id, payment_id, invoice_id, at, decision, reasons, rules,
                                      facts, fingerprint, email, payer_ip, payer_country)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10, $11, $12)""",
        subject.merchant_id,
        payment_id,
        subject.invoice_id,
        at,
        verdict.decision,
        list(verdict.reasons),
        VERSION,
        msgspec.json.encode({"facts": asdict(facts), "limits": asdict(limits)}).decode(),
        subject.fingerprint,
        _email(subject),
        counted_as(subject.payer_ip),
        subject.payer_country,
    )


async def find(conn: Connection, merchant_id: int, payment_id: int) -> Kept | None:
    """What was decided of an attempt, and from what."""
    row = await conn.fetchrow(
        """SELECT decision, reasons, rules, facts::text, at FROM risk_decision
            WHERE merchant_id = $1 AND payment_id = $2""",
        merchant_id,
        payment_id,
    )
    if row is None:
        return None
    told = msgspec.json.decode(row["facts"])
    return Kept(
        verdict=Verdict(Decision(row["decision"]), tuple(row["reasons"])),
        rules=row["rules"],
        facts=msgspec.convert(told["facts"], Facts),
        limits=msgspec.convert(told["limits"], Limits),
        at=row["at"],
    )


async def decision_of(conn: Connection, merchant_id: int, payment_id: int) -> Decision | None:
    """What was decided of an attempt; `None` if it was never judged."""
    decision = await conn.fetchval(
        "SELECT decision FROM risk_decision WHERE merchant_id = $1 AND payment_id = $2",
        merchant_id,
        payment_id,
    )
    return Decision(decision) if decision else None


async def enter(tx: Connection, entry: Entry) -> None:
    """Put an entry on its list; entered again it gets the new note."""
    await tx.execute(
        """INSERT INTO risk_entry (merchant_id, list, about, value, note, entered_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (merchant_id, about, value, list) DO UPDATE SET note = excluded.note""",
        entry.merchant_id,
        entry.list,
        entry.about,
        entry.value,
        entry.note,
        entry.entered_at,
    )


async def strike(tx: Connection, merchant_id: int, one: List, about: About, value: str) -> bool:
    """Take an entry off its list; whether it was there."""
    done: str = await tx.execute(
        """DELETE FROM risk_entry
            WHERE merchant_id = $1 AND list = $2 AND about = $3 AND value = $4""",
        merchant_id,
        one,
        about,
        value,
    )
    return done != "DELETE 0"


async def entries(conn: Connection, merchant_id: int | None) -> list[Entry]:
    """The lists of everybody and of a merchant, or of all merchants; the newest entry first."""
    rows = await conn.fetch(
        """SELECT * FROM risk_entry WHERE $1::bigint IS NULL OR merchant_id IN ($1, $2)
            ORDER BY entered_at DESC, about, value""",
        merchant_id,
        EVERYBODY,
    )
    return [
        Entry(
            merchant_id=row["merchant_id"],
            list=List(row["list"]),
            about=About(row["about"]),
            value=row["value"],
            note=row["note"],
            entered_at=row["entered_at"],
        )
        for row in rows
    ]


def _email(subject: Subject) -> bytes:
    return hashlib.sha256(subject.email.encode()).digest()


def _with_the_present(row: asyncpg.Record | None) -> dict[str, Any]:
    assert row is not None
    return {name: count + 1 for name, count in row.items()}
