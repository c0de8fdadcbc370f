"""What must hold between invoices, payments, events and the books, at any moment."""

from collections.abc import Callable, Iterable

from asyncpg import Record

from nonstopay.business.payments import records
from nonstopay.ledger.proof import Check
from nonstopay.store.db import Connection

FAILURES_MAX = 100


async def prove(conn: Connection) -> tuple[Check, ...]:
    """Examine everything from one snapshot; nothing is locked."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        return (
            _check(
                "every captured payment is credited to its merchant, exactly, and no other is",
                await records.wrongly_credited(conn, FAILURES_MAX),
                lambda row: (
                    f"payment {row['id']} of merchant {row['merchant_id']} is {row['state']} for "
                    f"{row['amount_minor']} {row['currency']}, credited are {row['credited']}"
                ),
            ),
            _check(
                "money for payers is held while it is returning, and gone when it is returned",
                await records.wrongly_returned(conn, FAILURES_MAX),
                lambda row: (
                    f"payment {row['id']} of merchant {row['merchant_id']} is {row['state']}: "
                    f"held for the payer {row['held']}, given back {row['given']}"
                ),
            ),
            _check(
                "every line about a payment has its payment",
                await records.orphan_lines(conn, FAILURES_MAX),
                lambda row: (
                    f"line {row['number']} of merchant {row['merchant_id']} is about "
                    f"{row['about']}, which is not there"
                ),
            ),
            _check(
                "every paid invoice has exactly one captured payment, and no other has one",
                await records.wrongly_earned(conn, FAILURES_MAX),
                lambda row: (
                    f"invoice {row['id']} of merchant {row['merchant_id']} is {row['state']} with "
                    f"{row['captured']} captured payments"
                ),
            ),
            _check(
                "every change of an invoice has exactly one event",
                await records.wrongly_told(conn, FAILURES_MAX),
                lambda row: (
                    f"invoice {row['id']} of merchant {row['merchant_id']} changed "
                    f"{row['version']} times and has {row['events']} events"
                ),
            ),
            _check(
                "the tally that the history counts with is exact",
                await records.wrongly_counted(conn, FAILURES_MAX),
                lambda row: (
                    f"merchant {row['merchant_id']} has {row['found']} invoices {row['state']} in "
                    f"block {row['block']}, the tally says {row['told']}"
                ),
            ),
        )


def _check(name: str, rows: Iterable[Record], sentence: Callable[[Record], str]) -> Check:
    return Check(name, tuple(sentence(row) for row in rows))
