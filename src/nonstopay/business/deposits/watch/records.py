"""The SQL of watching: cursors, known blocks, and what reading changes of deposits."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

import asyncpg

from nonstopay.business.deposits.deposit import Deposit
from nonstopay.business.deposits.records import deposit_of
from nonstopay.business.deposits.states import State
from nonstopay.business.deposits.watch.cursor import LEASE, Cursor
from nonstopay.connectors.crypto.reader import Head
from nonstopay.store.db import Connection


async def cursor(conn: Connection, network: str) -> Cursor | None:
    row = await conn.fetchrow("SELECT * FROM chain_cursor WHERE network = $1", network)
    return _cursor(row) if row else None


async def cursors(conn: Connection) -> list[Cursor]:
    """Those of all networks that were ever read."""
    return [_cursor(row) for row in await conn.fetch("SELECT * FROM chain_cursor ORDER BY network")]


async def begin(
    tx: Connection, network: str, start: int, below: Sequence[Head], now: datetime
) -> None:
    """Start to read at a block, knowing those below it; nothing happens if somebody has started."""
    row = await tx.fetchrow(
        """INSERT INTO chain_cursor (network, start, number, head, looked_at)
           VALUES ($1, $2::bigint, $2::bigint - 1, $2::bigint, $3)
           ON CONFLICT (network) DO NOTHING RETURNING 1""",
        network,
        start,
        now,
    )
    if row is not None:
        await save_blocks(tx, network, below)


async def renew(
    conn: Connection, known: Cursor, name: str, head: int, now: datetime
) -> Cursor | None:
    """Lease the network, for the first time or again; `None` if somebody else has it."""
    row = await conn.fetchrow(
        """UPDATE chain_cursor SET watcher = $2, leased_until = $3, looked_at = $4, head = $5
            WHERE network = $1
              AND (watcher = $2 OR leased_until IS NULL OR leased_until <= $4)
        RETURNING *""",
        known.network,
        name,
        now + LEASE,
        now,
        head,
    )
    return _cursor(row) if row else None


async def leave(conn: Connection, network: str, name: str) -> None:
    """Give the lease back, so that the next one need not wait for its end."""
    await conn.execute(
        "UPDATE chain_cursor SET leased_until = NULL WHERE network = $1 AND watcher = $2",
        network,
        name,
    )


async def lock(tx: Connection, network: str) -> Cursor | None:
    """The network's cursor, its row locked: nobody writes what he read until the transaction ends."""
    row = await tx.fetchrow("SELECT * FROM chain_cursor WHERE network = $1 FOR UPDATE", network)
    return _cursor(row) if row else None


async def advance(tx: Connection, ahead: Cursor, now: datetime) -> bool:
    """Write how far we are; False if somebody else wrote since the cursor was read."""
    row = await tx.fetchrow(
        """UPDATE chain_cursor
              SET start = $3, number = $4, head = $5, looked_at = $6, version = version + 1
            WHERE network = $1 AND version = $2 RETURNING 1""",
        ahead.network,
        ahead.version,
        ahead.start,
        ahead.number,
        ahead.head,
        now,
    )
    return row is not None


async def hashes(conn: Connection, network: str, first: int, last: int) -> dict[int, str]:
    """The blocks that we know, by number."""
    rows = await conn.fetch(
        "SELECT number, hash FROM chain_block WHERE network = $1 AND number BETWEEN $2 AND $3",
        network,
        first,
        last,
    )
    return {row["number"]: row["hash"] for row in rows}


async def save_blocks(tx: Connection, network: str, blocks: Sequence[Head]) -> None:
    await tx.execute(
        """INSERT INTO chain_block (network, number, hash, parent_hash, timestamp)
           SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[])
           ON CONFLICT (network, number) DO UPDATE
           SET hash = excluded.hash, parent_hash = excluded.parent_hash,
               timestamp = excluded.timestamp""",
        network,
        [one.number for one in blocks],
        [one.hash for one in blocks],
        [one.parent_hash for one in blocks],
        [one.timestamp for one in blocks],
    )


async def forget_blocks(tx: Connection, network: str, below: int, above: int) -> None:
    """Those that are too old to be replaced, and those beyond the end of the chain."""
    await tx.execute(
        "DELETE FROM chain_block WHERE network = $1 AND (number < $2 OR number > $3)",
        network,
        below,
        above,
    )


async def from_block(conn: Connection, network: str, first: int) -> list[Deposit]:
    """Deposits in this block and those above it, whatever became of them."""
    rows = await conn.fetch(
        """SELECT *, 0 AS depth FROM deposit WHERE network = $1 AND block_number >= $2
            ORDER BY block_number, transaction, place""",
        network,
        first,
    )
    return [deposit_of(row) for row in rows]


async def deep_enough(conn: Connection, network: str, limit: int) -> list[Deposit]:
    """Deposits to be confirmed: in the chain, under as many blocks as they need; oldest first.

    A block that is too old to be known was never replaced while it was.
    """
    rows = await conn.fetch(
        """SELECT d.*, c.number - d.block_number + 1 AS depth
             FROM deposit d
             JOIN chain_cursor c ON c.network = d.network
             LEFT JOIN chain_block b ON b.network = d.network AND b.number = d.block_number
            WHERE d.network = $1 AND d.state IN ('seen', 'frozen')
              AND d.block_number + d.needed - 1 <= c.number
              AND (b.hash = d.block_hash OR (b.hash IS NULL AND d.state = 'seen'))
            ORDER BY d.block_number, d.transaction, d.place LIMIT $2""",
        network,
        limit,
    )
    return [deposit_of(row) for row in rows]


async def ignored(conn: Connection, family: str, addresses: Collection[str]) -> dict[str, int]:
    """How many ignored deposits these addresses have."""
    rows = await conn.fetch(
        """SELECT address, count(*) AS number FROM deposit
            WHERE family = $1 AND address = ANY($2::text[]) AND state = 'ignored'
            GROUP BY address""",
        family,
        list(addresses),
    )
    return {row["address"]: row["number"] for row in rows}


async def insert(tx: Connection, family: str, deposit: Deposit) -> None:
    await tx.execute(
        """INSERT INTO deposit (network, block_hash, transaction, place, block_number, contract,
                  coin, exponent, amount, family, address, merchant_id, invoice_id, needed,
                  needs_final, witnesses, state, seen_at, state_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::numeric, $10, $11, $12, $13, $14, $15,
                   $16, $17, $18, $19)""",
        deposit.network,
        deposit.block_hash,
        deposit.transaction,
        deposit.place,
        deposit.block_number,
        deposit.contract,
        deposit.coin,
        deposit.amount.currency.exponent,
        str(deposit.amount.minor),
        family,
        deposit.address,
        deposit.merchant_id,
        deposit.invoice_id,
        deposit.needed,
        deposit.needs_final,
        deposit.witnesses,
        deposit.state,
        deposit.seen_at,
        deposit.state_at,
    )


async def set_state(tx: Connection, deposit: Deposit, to: State, at: datetime) -> Deposit | None:
    """Step a deposit; `None` if it is no longer in the state that we know it in."""
    row = await tx.fetchrow(
        """UPDATE deposit SET state = $6, state_at = $7
            WHERE network = $1 AND block_hash = $2 AND transaction = $3 AND place = $4
              AND state = $5
        RETURNING 1""",
        deposit.network,
        deposit.block_hash,
        deposit.transaction,
        deposit.place,
        deposit.state,
        to,
        at,
    )
    return replace(deposit, state=to, state_at=at) if row else None


async def is_in_chain(tx: Connection, deposit: Deposit) -> bool:
    """Whether no other block stands where its own did. The cursor must be locked."""
    known = await hashes(tx, deposit.network, deposit.block_number, deposit.block_number)
    return known.get(deposit.block_number, deposit.block_hash) == deposit.block_hash


def _cursor(row: asyncpg.Record) -> Cursor:
    return Cursor(
        network=row["network"],
        start=row["start"],
        number=row["number"],
        head=row["head"],
        version=row["version"],
        watcher=row["watcher"],
        leased_until=row["leased_until"],
        looked_at=row["looked_at"],
    )
