"""The only SQL of transactions. They belong to the whole installation, so their key comes first."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import cast

import asyncpg

from nonstopay.business.transactions.states import State
from nonstopay.business.transactions.transaction import Signed, Transaction
from nonstopay.store.db import Connection


async def insert(tx: Connection, one: Transaction) -> bool:
    """Keep a new order; False if its key is there already."""
    row = await tx.fetchrow(
        """INSERT INTO coin_transaction (key, merchant_id, network, coin, exponent, amount, address,
                  data, state, problem, counted_on, not_before, asked_at, state_at)
           VALUES ($1, $2, $3, $4, $5, $6::text::numeric, $7, $8, $9, $10, $11, $12, $13, $13)
           ON CONFLICT (key) DO NOTHING RETURNING key""",
        one.key,
        one.merchant_id,
        one.network,
        one.coin,
        one.exponent,
        str(one.units),
        one.address,
        one.data,
        one.state,
        one.problem,
        one.counted_on,
        one.not_before,
        one.asked_at,
    )
    return row is not None


async def find(conn: Connection, key: str) -> Transaction | None:
    row = await conn.fetchrow("SELECT * FROM coin_transaction WHERE key = $1", key)
    return _transaction(row) if row else None


async def newest(conn: Connection, states: Sequence[State], limit: int) -> list[Transaction]:
    rows = await conn.fetch(
        """SELECT * FROM coin_transaction WHERE state = ANY($1)
            ORDER BY asked_at DESC, key LIMIT $2""",
        list(states),
        limit,
    )
    return [_transaction(row) for row in rows]


async def open_networks(conn: Connection) -> list[str]:
    rows = await conn.fetch(
        """SELECT DISTINCT network FROM coin_transaction
            WHERE state NOT IN ('confirmed', 'failed', 'refused') ORDER BY network"""
    )
    return [row["network"] for row in rows]


async def open_ones(conn: Connection, network: str, at: datetime, limit: int) -> list[Transaction]:
    """Those to be seen to: first those that have a nonce, in its order, then the longest asked."""
    rows = await conn.fetch(
        """SELECT * FROM coin_transaction
            WHERE network = $1 AND state NOT IN ('confirmed', 'failed', 'refused')
              AND (nonce IS NOT NULL OR not_before <= $2)
            ORDER BY nonce NULLS LAST, asked_at, key LIMIT $3""",
        network,
        at,
        limit,
    )
    return [_transaction(row) for row in rows]


async def save(tx: Connection, one: Transaction) -> bool:
    """Keep what became of it; False if somebody else has changed it since: then nothing is kept."""
    row = await tx.fetchrow(
        """UPDATE coin_transaction
              SET state = $3, version = $2 + 1, sender = $4, nonce = $5, tx_hash = $6,
                  block_hash = $7, block_number = $8, problem = $9, state_at = $10
            WHERE key = $1 AND version = $2 RETURNING key""",
        one.key,
        one.version,
        one.state,
        one.sender,
        one.nonce,
        one.tx_hash,
        one.block_hash,
        one.block_number,
        one.problem,
        one.state_at,
    )
    return row is not None


async def wait_until(tx: Connection, key: str, not_before: datetime) -> None:
    await tx.execute("UPDATE coin_transaction SET not_before = $2 WHERE key = $1", key, not_before)


async def count_by_state(conn: Connection) -> Mapping[str, int]:
    """How many are in each state that is not the good end."""
    rows = await conn.fetch(
        """SELECT state, count(*) AS number FROM coin_transaction
            WHERE state NOT IN ('confirmed', 'refused') GROUP BY state"""
    )
    return {row["state"]: row["number"] for row in rows}


# ------------------------------------------------------------------------------------------- nonces


async def lease(
    tx: Connection,
    network: str,
    address: str,
    holder: str,
    *,
    at: datetime,
    until: datetime,
) -> bool:
    """Be the one who sends for this account, until then; False if somebody else is."""
    row = await tx.fetchrow(
        """UPDATE hot_account SET holder = $3, leased_until = $5
            WHERE network = $1 AND address = $2
              AND (holder = $3 OR leased_until IS NULL OR leased_until <= $4)
        RETURNING network""",
        network,
        address,
        holder,
        at,
        until,
    )
    return row is not None


async def has_account(conn: Connection, network: str, address: str) -> bool:
    found = await conn.fetchval(
        "SELECT 1 FROM hot_account WHERE network = $1 AND address = $2", network, address
    )
    return found is not None


async def begin_account(tx: Connection, network: str, address: str, next_nonce: int) -> None:
    await tx.execute(
        """INSERT INTO hot_account (network, address, next_nonce) VALUES ($1, $2, $3)
           ON CONFLICT (network, address) DO NOTHING""",
        network,
        address,
        next_nonce,
    )


async def take_nonce(tx: Connection, network: str, address: str) -> int:
    """The next nonce, ours if this transaction commits; if it does not, the next one's."""
    taken = await tx.fetchval(
        """UPDATE hot_account SET next_nonce = next_nonce + 1
            WHERE network = $1 AND address = $2 RETURNING next_nonce - 1""",
        network,
        address,
    )
    return cast(int, taken)


async def insert_signed(tx: Connection, one: Transaction, signed: Signed) -> None:
    await tx.execute(
        """INSERT INTO signed_transaction (network, sender, nonce, number, hash, raw, max_fee, tip,
                  signed_at, bump_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7::text::numeric, $8::text::numeric, $9, $10)
           ON CONFLICT (network, sender, nonce, number) DO NOTHING""",
        one.network,
        one.sender,
        one.nonce,
        signed.number,
        signed.hash,
        signed.raw,
        str(signed.max_fee),
        str(signed.tip),
        signed.signed_at,
        signed.bump_at,
    )


async def signed_of(conn: Connection, one: Transaction) -> list[Signed]:
    """All bytes at its nonce, the newest last."""
    rows = await conn.fetch(
        """SELECT * FROM signed_transaction
            WHERE network = $1 AND sender = $2 AND nonce = $3 ORDER BY number""",
        one.network,
        one.sender,
        one.nonce,
    )
    return [_signed(row) for row in rows]


async def signed_between(
    conn: Connection, network: str, sender: str, first: int, end: int, limit: int
) -> list[bytes]:
    """The newest bytes of each nonce from `first` on, before `end`."""
    rows = await conn.fetch(
        """SELECT DISTINCT ON (nonce) raw FROM signed_transaction
            WHERE network = $1 AND sender = $2 AND nonce >= $3 AND nonce < $4
            ORDER BY nonce, number DESC LIMIT $5""",
        network,
        sender,
        first,
        end,
        limit,
    )
    return [row["raw"] for row in rows]


async def hurry(tx: Connection, one: Transaction, at: datetime, *, bump: bool) -> None:
    """Have it handed in again at the next turn; for more, if `bump`."""
    await tx.execute(
        """UPDATE signed_transaction s
              SET sent_at = NULL, bump_at = CASE WHEN $4 THEN $5 ELSE bump_at END
            WHERE network = $1 AND sender = $2 AND nonce = $3
              AND number = (SELECT max(number) FROM signed_transaction m
                             WHERE m.network = $1 AND m.sender = $2 AND m.nonce = $3)""",
        one.network,
        one.sender,
        one.nonce,
        bump,
        at,
    )


async def mark_sent(tx: Connection, network: str, hash_: str, at: datetime) -> None:
    await tx.execute(
        "UPDATE signed_transaction SET sent_at = $3 WHERE network = $1 AND hash = $2",
        network,
        hash_,
        at,
    )


# ------------------------------------------------------------------------------------------- limits


async def count_in(
    tx: Connection, network: str, coin: str, day: date, units: int, daily: int
) -> bool:
    """Count an order into its day; False if it does not fit under the limit, and then it is not counted."""
    await tx.execute(
        """INSERT INTO hot_day (network, coin, day, units) VALUES ($1, $2, $3, 0)
           ON CONFLICT (network, coin, day) DO NOTHING""",
        network,
        coin,
        day,
    )
    row = await tx.fetchrow(
        """UPDATE hot_day SET units = units + $4::text::numeric
            WHERE network = $1 AND coin = $2 AND day = $3
              AND units + $4::text::numeric <= $5::text::numeric
        RETURNING units""",
        network,
        coin,
        day,
        str(units),
        str(daily),
    )
    return row is not None


async def count_out(tx: Connection, one: Transaction) -> None:
    """Take an order out of its day again."""
    await tx.execute(
        """UPDATE hot_day SET units = units - $4::text::numeric
            WHERE network = $1 AND coin = $2 AND day = $3""",
        one.network,
        one.coin,
        one.counted_on,
        str(one.units),
    )


async def counted(conn: Connection, day: date) -> Mapping[tuple[str, str], int]:
    """Units that were ordered on a day, by network and coin."""
    rows = await conn.fetch("SELECT * FROM hot_day WHERE day = $1", day)
    return {(row["network"], row["coin"]): int(row["units"]) for row in rows}


async def known_since(tx: Connection, network: str, address: str, at: datetime) -> datetime:
    """Since when we know a receiver: from now on, if he is new."""
    since = await tx.fetchval(
        """INSERT INTO hot_receiver (network, address, since) VALUES ($1, $2, $3)
           ON CONFLICT (network, address) DO UPDATE SET since = hot_receiver.since
        RETURNING since""",
        network,
        address,
        at,
    )
    return cast(datetime, since)


def _transaction(row: asyncpg.Record) -> Transaction:
    return Transaction(
        key=row["key"],
        merchant_id=row["merchant_id"],
        network=row["network"],
        coin=row["coin"],
        exponent=row["exponent"],
        units=int(row["amount"]),
        address=row["address"],
        data=row["data"],
        state=State(row["state"]),
        version=row["version"],
        sender=row["sender"],
        nonce=row["nonce"],
        tx_hash=row["tx_hash"],
        block_hash=row["block_hash"],
        block_number=row["block_number"],
        problem=row["problem"],
        counted_on=row["counted_on"],
        not_before=row["not_before"],
        asked_at=row["asked_at"],
        state_at=row["state_at"],
    )


def _signed(row: asyncpg.Record) -> Signed:
    return Signed(
        number=row["number"],
        hash=row["hash"],
        raw=row["raw"],
        max_fee=int(row["max_fee"]),
        tip=int(row["tip"]),
        signed_at=row["signed_at"],
        bump_at=row["bump_at"],
        sent_at=row["sent_at"],
    )
