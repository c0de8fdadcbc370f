"""The SQL of addresses and of what came to them; that of watching stands in `watch/records.py`."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import cast

import asyncpg

from nonstopay.business.deposits.address import DepositAddress
from nonstopay.business.deposits.deposit import Deposit
from nonstopay.business.deposits.states import State
from nonstopay.money import Currency, Money
from nonstopay.store.db import Connection, Database

AT_ONCE = 5000
_WITH_DEPTH = """
    SELECT d.*, CASE WHEN d.state IN ('gone', 'frozen') THEN 0
                     ELSE greatest(coalesce(c.number, 0) - d.block_number + 1, 0) END AS depth
      FROM deposit d LEFT JOIN chain_cursor c ON c.network = d.network
"""


async def of_invoice(conn: Connection, merchant_id: int, invoice_id: int) -> list[Deposit]:
    """What came for the invoice, on every network, oldest first."""
    rows = await conn.fetch(
        f"""{_WITH_DEPTH} WHERE d.merchant_id = $1 AND d.invoice_id = $2
             ORDER BY d.seen_at, d.network, d.block_number, d.transaction, d.place""",
        merchant_id,
        invoice_id,
    )
    return [deposit_of(row) for row in rows]


async def of_network(conn: Connection, network: str, last: int) -> list[Deposit]:
    """All that came on a network up to this block."""
    rows = await conn.fetch(
        f"""{_WITH_DEPTH} WHERE d.network = $1 AND d.block_number <= $2
             ORDER BY d.block_number, d.transaction, d.place""",
        network,
        last,
    )
    return [deposit_of(row) for row in rows]


async def addresses_of(
    conn: Connection, merchant_id: int, invoice_id: int
) -> dict[str, DepositAddress]:
    """The invoice's addresses, by family."""
    rows = await conn.fetch(
        "SELECT * FROM deposit_address WHERE merchant_id = $1 AND invoice_id = $2",
        merchant_id,
        invoice_id,
    )
    return {row["family"]: address_of(row) for row in rows}


async def owners(
    conn: Connection, family: str, addresses: Sequence[str]
) -> dict[str, DepositAddress]:
    """Whose they are, of those that are ours."""
    rows = await conn.fetch(
        "SELECT * FROM deposit_address WHERE family = $1 AND address = ANY($2::text[])",
        family,
        list(addresses),
    )
    return {row["address"]: address_of(row) for row in rows}


async def known(db: Database, family: str, addresses: Sequence[str]) -> set[str]:
    """Which of them are ours."""
    rows = await db.fetch(
        "SELECT address FROM deposit_address WHERE family = $1 AND address = ANY($2::text[])",
        family,
        addresses,
    )
    return {row["address"] for row in rows}


async def next_index(tx: Connection, family: str, account: str) -> int:
    """The next number below this account; a transaction that fails leaves a gap."""
    await tx.execute(
        """INSERT INTO deposit_account (family, account, base)
           SELECT $1, $2, nextval(('deposit_index_' || $1)::regclass)
            WHERE NOT EXISTS (SELECT FROM deposit_account WHERE family = $1 AND account = $2)
           ON CONFLICT (family, account) DO NOTHING""",
        family,
        account,
    )
    found = await tx.fetchval(
        """SELECT nextval(('deposit_index_' || $1)::regclass) - base - 1 FROM deposit_account
            WHERE family = $1 AND account = $2""",
        family,
        account,
    )
    return cast(int, found)


async def insert_address(
    tx: Connection, made: DepositAddress, account: str, at: datetime
) -> DepositAddress:
    """Write the invoice's address, unless somebody was faster; the one that holds."""
    row = await tx.fetchrow(
        """INSERT INTO deposit_address (family, address, account, path_index, merchant_id,
                  invoice_id, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (merchant_id, invoice_id, family) DO NOTHING
           RETURNING *""",
        made.family,
        made.address,
        account,
        made.path_index,
        made.merchant_id,
        made.invoice_id,
        at,
    )
    if row is not None:
        return made
    return (await addresses_of(tx, made.merchant_id, made.invoice_id))[made.family]


async def oldest_address_at(conn: Connection, family: str) -> datetime | None:
    """When the family's first address was given."""
    found = await conn.fetchval(
        "SELECT min(created_at) FROM deposit_address WHERE family = $1", family
    )
    return cast("datetime | None", found)


async def all_addresses(conn: Connection) -> AsyncIterator[tuple[DepositAddress, str]]:
    """Every address and its account, by family, account and number."""
    after: tuple[str, str, int] = ("", "", -1)
    while True:
        rows = await conn.fetch(
            """SELECT * FROM deposit_address WHERE (family, account, path_index) > ($1, $2, $3)
                ORDER BY family, account, path_index LIMIT $4""",
            *after,
            AT_ONCE,
        )
        for row in rows:
            yield address_of(row), row["account"]
        if len(rows) < AT_ONCE:
            return
        after = (rows[-1]["family"], rows[-1]["account"], rows[-1]["path_index"])


async def usage(conn: Connection) -> list[asyncpg.Record]:
    """Per account: addresses given, the highest number given and paid to, the longest unpaid run before
    a paid one: what a wallet's gap limit must exceed to find everything."""
    return await conn.fetch(
        """WITH paid AS (
               SELECT a.family, a.account, a.path_index,
                      a.path_index - lag(a.path_index, 1, -1::bigint) OVER (
                          PARTITION BY a.family, a.account ORDER BY a.path_index) - 1 AS gap
                 FROM deposit_address a
                WHERE EXISTS (SELECT FROM deposit d
                               WHERE d.merchant_id = a.merchant_id AND d.invoice_id = a.invoice_id
                                 AND d.address = a.address AND d.state <> 'ignored')),
           longest AS (
               SELECT family, account, max(path_index) AS last_paid, max(gap) AS gap
                 FROM paid GROUP BY family, account)
           SELECT a.family, a.account, count(*) AS given, max(a.path_index) AS last,
                  l.last_paid, coalesce(l.gap, 0) AS gap
             FROM deposit_address a LEFT JOIN longest l USING (family, account)
            GROUP BY a.family, a.account, l.last_paid, l.gap
            ORDER BY a.family, a.account"""
    )


async def open_counts(conn: Connection) -> dict[tuple[str, str], int]:
    """How many deposits are under way or frozen, by network and state."""
    rows = await conn.fetch(
        """SELECT network, state, count(*) AS number FROM deposit
            WHERE state IN ('seen', 'frozen') GROUP BY network, state"""
    )
    return {(row["network"], row["state"]): row["number"] for row in rows}


def address_of(row: asyncpg.Record) -> DepositAddress:
    return DepositAddress(
        family=row["family"],
        address=row["address"],
        path_index=row["path_index"],
        merchant_id=row["merchant_id"],
        invoice_id=row["invoice_id"],
    )


def deposit_of(row: asyncpg.Record) -> Deposit:
    """A row of `deposit`, with its depth."""
    return Deposit(
        network=row["network"],
        coin=row["coin"],
        contract=row["contract"],
        transaction=row["transaction"],
        place=row["place"],
        block_number=row["block_number"],
        block_hash=row["block_hash"],
        address=row["address"],
        merchant_id=row["merchant_id"],
        invoice_id=row["invoice_id"],
        amount=Money(int(row["amount"]), Currency(row["coin"], row["exponent"])),
        confirmations=row["depth"],
        needed=row["needed"],
        needs_final=row["needs_final"],
        witnesses=row["witnesses"],
        state=State(row["state"]),
        seen_at=row["seen_at"],
        state_at=row["state_at"],
    )
