"""Reading the books: what an account holds, and the lines about an object."""

from datetime import datetime
from typing import NamedTuple

from nonstopay.ledger import chart
from nonstopay.ledger.transfer import Line, read_line
from nonstopay.money import Currency, Money
from nonstopay.store.db import Connection


class Balance(NamedTuple):
    """What an account of a book holds, positive on the side on which it grows (`chart.Side`)."""

    account: str
    money: Money


async def balance(tx: Connection, merchant_id: int, account: str, currency: Currency) -> Money:
    """What one account holds; zero if nothing was ever booked to it.

    Raises:
        LawBroken: there is no such account in the chart.
    """
    row = await tx.fetchrow(
        """SELECT debits::text, credits::text FROM account
            WHERE merchant_id = $1 AND name = $2 AND currency = $3 AND exponent = $4""",
        merchant_id,
        account,
        currency.code,
        currency.exponent,
    )
    side = chart.find(account).side
    return Money(side.balance(int(row["debits"]), int(row["credits"])) if row else 0, currency)


async def balances(tx: Connection, merchant_id: int) -> list[Balance]:
    """What every account of a book holds, in the order of name and currency."""
    rows = await tx.fetch(
        """SELECT name, currency, exponent, debits::text, credits::text FROM account
            WHERE merchant_id = $1 ORDER BY name, currency""",
        merchant_id,
    )
    return [
        Balance(
            row["name"],
            Money(
                chart.find(row["name"]).side.balance(int(row["debits"]), int(row["credits"])),
                Currency(row["currency"], row["exponent"]),
            ),
        )
        for row in rows
    ]


async def turnover(
    tx: Connection, merchant_id: int, movement: str, account: str, since: datetime, until: datetime
) -> list[Money]:
    """What a movement credited to an account in [since, until), currency by currency."""
    rows = await tx.fetch(
        """SELECT currency, exponent, sum(amount)::text AS amount FROM transfer
            WHERE merchant_id = $1 AND movement = $2 AND credit = $3 AND at >= $4 AND at < $5
            GROUP BY currency, exponent ORDER BY currency""",
        merchant_id,
        movement,
        account,
        since,
        until,
    )
    return [Money(int(row["amount"]), Currency(row["currency"], row["exponent"])) for row in rows]


async def statement(tx: Connection, merchant_id: int, about: str) -> list[Line]:
    """The lines about an object (`payment:12`), in the order in which they were posted."""
    rows = await tx.fetch(
        """SELECT merchant_id, number, key, line, movement, debit, credit, currency, exponent,
                  amount::text AS amount, about, at, digest
             FROM transfer WHERE merchant_id = $1 AND about = $2 ORDER BY number""",
        merchant_id,
        about,
    )
    return [read_line(row) for row in rows]
