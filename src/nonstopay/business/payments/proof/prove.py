"""Examine every invariant, and say what breaks it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from asyncpg import Record

from nonstopay.business.payments.captures import records as captures
from nonstopay.business.payments.crypto import records as crypto
from nonstopay.business.payments.disputes import records as disputes
from nonstopay.business.payments.proof import records
from nonstopay.business.payments.refunds import records as refunds
from nonstopay.business.payments.review import records as reviews
from nonstopay.ledger.proof import Check
from nonstopay.store.db import Connection

FAILURES_MAX = 100


@dataclass(frozen=True, slots=True)
class Law:
    """What must hold; how to find what breaks it; a sentence about each such row."""

    name: str
    broken: Callable[[Connection, int], Awaitable[list[Record]]]
    sentence: Callable[[Record], str]


def _of(thing: str, rest: str) -> Callable[[Record], str]:
    """A sentence about a row that has an id and a merchant; `rest` names columns in braces."""
    words = f"{thing} {{id}} of merchant {{merchant_id}}{rest}"
    return lambda row: words.format(**dict(row))


LAWS = (
    Law(
        "every captured payment is credited to its merchant, exactly, and no other is",
        records.wrongly_credited,
        _of("payment", " is {state} for {captured_minor} {currency}, credited are {credited}"),
    ),
    Law(
        "money for payers is held while it is returning, and gone when it is returned",
        records.wrongly_returned,
        _of("payment", " is {state}: held for the payer {held}, given back {given}"),
    ),
    Law(
        "what is captured by hand is the sum of its captures",
        captures.does_not_add_up,
        _of("payment", ": captured is {captured_minor}, its captures are {parts}"),
    ),
    Law(
        "what is refunded is the sum of the refunds",
        refunds.wrongly_refunded,
        _of("payment", ": refunded is {refunded_minor}, its refunds are {refunds}"),
    ),
    Law(
        "every refund's money is set aside, given or back, as its state says",
        refunds.wrongly_booked,
        _of("refund", " is {state}: set aside {set_aside}, given {given}"),
    ),
    Law(
        "every dispute's money is with the bank or here, as its state says",
        disputes.wrongly_booked,
        _of(
            "dispute",
            " is {state} about {amount_minor}, borne by the {bearer}: taken {taken}, won back "
            "{won_back}",
        ),
    ),
    Law(
        "what is withheld in the books is what the reviews hold",
        reviews.wrongly_held,
        lambda row: (
            f"merchant {row['merchant_id']}: reviews hold {row['held']} {row['currency']} in minor "
            f"units, withheld in the book are {row['booked']}"
        ),
    ),
    Law(
        "an invoice is withheld while its review holds the money or refused it",
        reviews.wrongly_withheld,
        _of("invoice", " is {state}, its review is {review}"),
    ),
    Law(
        "every sure deposit is in the book once, and no other is",
        crypto.wrongly_booked,
        lambda row: (
            f"merchant {row['merchant_id']}: {row['key']} came to {row['came']}, booked {row['booked']}"
        ),
    ),
    Law(
        "no more coins were accepted and sent back for an invoice than came",
        crypto.wrongly_accepted,
        lambda row: (
            f"merchant {row['merchant_id']}, {row['about']}: {row['came']} {row['currency']} came, "
            f"{row['taken']} were taken"
        ),
    ),
    Law(
        "coins that went back to their payer are booked when they arrived, and not before",
        crypto.wrongly_sent,
        _of("crypto refund", " of {amount} units of {coin} is {tx_hash}, booked are {booked}"),
    ),
    Law(
        "every line about a payment has its payment",
        records.orphan_lines,
        lambda row: (
            f"line {row['number']} of merchant {row['merchant_id']} is about {row['about']}, which "
            "is not there"
        ),
    ),
    Law(
        "every paid invoice has exactly one captured payment, and no other has one",
        records.wrongly_earned,
        _of("invoice", " is {state} with {captured} captured payments"),
    ),
    Law(
        "every change of an invoice has exactly one event",
        records.wrongly_told,
        _of("invoice", " changed {version} times and has {events} events"),
    ),
    Law(
        "the tally that the history counts with is exact",
        records.wrongly_counted,
        lambda row: (
            f"merchant {row['merchant_id']} has {row['found']} invoices {row['state']} in block "
            f"{row['block']}, the tally says {row['told']}"
        ),
    ),
)


async def prove(conn: Connection, laws: Sequence[Law] = LAWS) -> tuple[Check, ...]:
    """Examine everything from one snapshot; nothing is locked."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        return tuple([await _examine(conn, law) for law in laws])


async def _examine(conn: Connection, law: Law) -> Check:
    rows = await law.broken(conn, FAILURES_MAX)
    return Check(law.name, tuple(law.sentence(row) for row in rows))
