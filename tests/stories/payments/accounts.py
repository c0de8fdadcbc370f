"""The auditor: he reads the gateway's database and believes nobody else."""

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg

from nonstopay.store.db import Connection
from nonstopay.store.embedded import EmbeddedPostgres
from tests.stories.gateway import Gateway, nonstopay

Line = tuple[str, str, str, str, str]
"""movement, debit, credit, amount, currency"""


@dataclass
class Auditor:
    """Reads the books, the payments and the pretend bank's memory."""

    conn: Connection

    async def states(self, invoice: int) -> list[str]:
        """The states of an invoice's payments, oldest first."""
        rows = await self.conn.fetch(
            "SELECT state FROM payment WHERE invoice_id = $1 ORDER BY id", invoice
        )
        return [row["state"] for row in rows]

    async def news(self, invoice: int) -> list[str]:
        """What was told of an invoice's payments, in order: `notification: captured`."""
        rows = await self.conn.fetch(
            """SELECT n.source, n.outcome FROM payment_news n
                 JOIN payment p ON p.merchant_id = n.merchant_id AND p.id = n.payment_id
                WHERE p.invoice_id = $1 ORDER BY n.payment_id, n.number""",
            invoice,
        )
        return [f"{row['source']}: {row['outcome']}" for row in rows]

    async def charged(self, invoice: int) -> str:
        """What the payer is asked by the newest payment, in rupees."""
        minor = await self.conn.fetchval(
            "SELECT charged_minor FROM payment WHERE invoice_id = $1 ORDER BY id DESC LIMIT 1",
            invoice,
        )
        return _decimal(minor, 2)

    async def lines(self, invoice: int) -> list[Line]:
        """The lines of the book about an invoice's payments, in order."""
        rows = await self.conn.fetch(
            """SELECT t.movement, t.debit, t.credit, t.amount, t.exponent, t.currency
                 FROM transfer t
                 JOIN payment p ON p.merchant_id = t.merchant_id AND t.about = 'payment:' || p.id
                WHERE p.invoice_id = $1 ORDER BY t.number""",
            invoice,
        )
        return [
            (
                row["movement"],
                row["debit"],
                row["credit"],
                _decimal(row["amount"], row["exponent"]),
                row["currency"],
            )
            for row in rows
        ]

    async def balances(self, merchant: int) -> dict[str, str]:
        """Credits less debits of every account in a merchant's book: `{"merchant USD": "4.20"}`."""
        rows = await self.conn.fetch(
            """SELECT name, currency, exponent, credits - debits AS balance FROM account
                WHERE merchant_id = $1""",
            merchant,
        )
        return {
            f"{row['name']} {row['currency']}": _decimal(row["balance"], row["exponent"])
            for row in rows
        }

    async def refunds_at_the_bank(self, invoice: int) -> list[str]:
        """What the pretend bank sent back to the payer."""
        rows = await self.conn.fetch(
            """SELECT r.amount_minor FROM sandbox_upi_refund r
                 JOIN payment p ON p.reference = r.reference WHERE p.invoice_id = $1""",
            invoice,
        )
        return [_decimal(row["amount_minor"], 2) for row in rows]


@asynccontextmanager
async def audit(gateway: Gateway, *, role: str = "nonstopay") -> AsyncIterator[Auditor]:
    """Look into a running gateway's database, as the role that the gateway itself logs in as."""
    url = EmbeddedPostgres.attach(gateway.data).replace("nonstopay@", f"{role}@", 1)
    conn: Connection = await asyncpg.connect(url)
    try:
        yield Auditor(conn)
    finally:
        await conn.close()


def prove(gateway: Gateway, *words: str) -> tuple[int, Any]:
    """Exit status and answer of `nonstopay proof --json`."""
    command = [*nonstopay("proof", "--json", *words), "--data", str(gateway.data)]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode, json.loads(done.stdout)


def must_hold(gateway: Gateway, *words: str) -> None:
    """Everything that `nonstopay proof` checks must hold."""
    status, proof = prove(gateway, *words)
    broken = [check for check in proof["checks"] if not check["holds"]]
    assert (status, proof["holds"], broken) == (0, True, [])


def captured(charged: str, credited: str, fee: str) -> list[Line]:
    """The lines of a payment that was credited."""
    return [
        ("capture", "provider:upi_sandbox", "exchange", charged, "INR"),
        ("capture", "exchange", "merchant", credited, "USD"),
        ("capture", "merchant", "platform:fees", fee, "USD"),
    ]


def returned(charged: str) -> list[Line]:
    """The lines of a payment that went back to the payer."""
    return [
        ("capture_to_return", "provider:upi_sandbox", "payer", charged, "INR"),
        ("refund_to_payer", "payer", "provider:upi_sandbox", charged, "INR"),
    ]


def _decimal(minor: Any, exponent: int) -> str:
    return str(Decimal(int(minor)).scaleb(-exponent))
