"""The only SQL of wallets. The merchant comes first."""

from datetime import datetime
from typing import cast

import asyncpg

from nonstopay.business.settlement.wallets.states import State
from nonstopay.business.settlement.wallets.wallet import Wallet
from nonstopay.store.db import Connection


async def next_id(conn: Connection) -> int:
    return cast(int, await conn.fetchval("SELECT nextval('wallet_id')"))


async def insert(tx: Connection, wallet: Wallet) -> None:
    await tx.execute(
        """INSERT INTO wallet (merchant_id, id, state, version, address, coin, network, challenge,
                  proposed_at, state_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)""",
        wallet.merchant_id,
        wallet.id,
        wallet.state,
        wallet.version,
        wallet.address,
        wallet.coin,
        wallet.network,
        wallet.challenge,
        wallet.proposed_at,
    )


async def lock_all(tx: Connection, merchant_id: int) -> list[Wallet]:
    """The merchant's wallets, newest first; nobody else changes them until the transaction ends."""
    await tx.execute("SELECT FROM merchant WHERE id = $1 FOR NO KEY UPDATE", merchant_id)
    return await of_merchant(tx, merchant_id)


async def of_merchant(conn: Connection, merchant_id: int) -> list[Wallet]:
    """The merchant's wallets, newest first."""
    rows = await conn.fetch(
        "SELECT * FROM wallet WHERE merchant_id = $1 ORDER BY id DESC", merchant_id
    )
    return [_wallet(row) for row in rows]


async def whose_day_has_come(conn: Connection, at: datetime) -> list[int]:
    """The merchants with a confirmed wallet that is to be used by now."""
    rows = await conn.fetch(
        "SELECT merchant_id FROM wallet WHERE state = 'confirmed' AND starts_at <= $1", at
    )
    return [row["merchant_id"] for row in rows]


async def save(tx: Connection, wallet: Wallet) -> None:
    """Write what a step changed."""
    await tx.execute(
        """UPDATE wallet SET state = $3, version = $4, proof = $5, starts_at = $6, state_at = $7
            WHERE merchant_id = $1 AND id = $2""",
        wallet.merchant_id,
        wallet.id,
        wallet.state,
        wallet.version,
        wallet.proof,
        wallet.starts_at,
        wallet.state_at,
    )


def _wallet(row: asyncpg.Record) -> Wallet:
    return Wallet(
        merchant_id=row["merchant_id"],
        id=row["id"],
        state=State(row["state"]),
        version=row["version"],
        address=row["address"],
        coin=row["coin"],
        network=row["network"],
        challenge=row["challenge"],
        proof=row["proof"],
        proposed_at=row["proposed_at"],
        starts_at=row["starts_at"],
        state_at=row["state_at"],
    )
