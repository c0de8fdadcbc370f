"""The only SQL of merchants."""

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import cast

import asyncpg

from nonstopay.business.merchants.merchant import (
    FeePlan,
    FeeTier,
    LateSuccess,
    Merchant,
    Network,
    Wallet,
)
from nonstopay.store.db import Connection

_PROFILE = """
    SELECT m.*,
           ARRAY(SELECT network FROM merchant_ip WHERE merchant_id = m.id ORDER BY network) AS networks,
           ARRAY(SELECT currency FROM merchant_limit WHERE merchant_id = m.id ORDER BY currency) AS limited,
           ARRAY(SELECT minimum FROM merchant_limit WHERE merchant_id = m.id ORDER BY currency) AS minima,
           ARRAY(SELECT maximum FROM merchant_limit WHERE merchant_id = m.id ORDER BY currency) AS maxima,
           ARRAY(SELECT ROW(method, above, percent, fixed, minimum) FROM merchant_fee
                  WHERE merchant_id = m.id ORDER BY method, above) AS tiers,
           ARRAY(SELECT ROW(currency, volume) FROM merchant_volume WHERE merchant_id = m.id) AS volumes
      FROM merchant m
"""


async def by_id(conn: Connection, merchant_id: int) -> Merchant | None:
    row = await conn.fetchrow(_PROFILE + " WHERE m.id = $1", merchant_id)
    return _merchant(row) if row else None


async def by_key_hash(conn: Connection, key_hash: bytes) -> Merchant | None:
    """The merchant whose unrevoked API key has this hash."""
    row = await conn.fetchrow(
        _PROFILE
        + " JOIN api_key k ON k.merchant_id = m.id AND k.revoked_at IS NULL WHERE k.hash = $1",
        key_hash,
    )
    return _merchant(row) if row else None


async def insert(
    tx: Connection, *, email: str, name: str, methods: Sequence[str], at: datetime
) -> int:
    return cast(
        int,
        await tx.fetchval(
            "INSERT INTO merchant (email, name, methods, created_at) VALUES ($1, $2, $3, $4) RETURNING id",
            email,
            name,
            list(methods),
            at,
        ),
    )


async def update(tx: Connection, merchant_id: int, **columns: object) -> None:
    """Set the columns given; `None` leaves one as it is."""
    await tx.execute(
        """UPDATE merchant
              SET methods = coalesce($2, methods),
                  wallet_address = coalesce($3, wallet_address),
                  wallet_active = coalesce($4, wallet_active),
                  fee_percent = coalesce($5, fee_percent),
                  fee_fixed = coalesce($6, fee_fixed),
                  late_success = coalesce($7, late_success),
                  card_capture = coalesce($8, card_capture),
                  card_direct = coalesce($9, card_direct)
            WHERE id = $1""",
        merchant_id,
        columns["methods"],
        columns["wallet_address"],
        columns["wallet_active"],
        columns["fee_percent"],
        columns["fee_fixed"],
        columns["late_success"],
        columns["card_capture"],
        columns["card_direct"],
    )


async def replace_networks(tx: Connection, merchant_id: int, networks: Sequence[Network]) -> None:
    await tx.execute("DELETE FROM merchant_ip WHERE merchant_id = $1", merchant_id)
    await tx.executemany(
        "INSERT INTO merchant_ip (merchant_id, network) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [(merchant_id, network) for network in networks],
    )


async def set_limit(
    tx: Connection,
    merchant_id: int,
    currency: str,
    minimum: Decimal | None,
    maximum: Decimal | None,
) -> None:
    """Set the bounds given and keep the other ones."""
    await tx.execute(
        """INSERT INTO merchant_limit (merchant_id, currency, minimum, maximum) VALUES ($1, $2, $3, $4)
           ON CONFLICT (merchant_id, currency) DO UPDATE
           SET minimum = coalesce(excluded.minimum, merchant_limit.minimum),
               maximum = coalesce(excluded.maximum, merchant_limit.maximum)""",
        merchant_id,
        currency,
        minimum,
        maximum,
    )


async def insert_key(
    tx: Connection, merchant_id: int, *, key_hash: bytes, prefix: str, last4: str, at: datetime
) -> None:
    await tx.execute(
        "INSERT INTO api_key (hash, merchant_id, prefix, last4, created_at) VALUES ($1, $2, $3, $4, $5)",
        key_hash,
        merchant_id,
        prefix,
        last4,
        at,
    )


async def keys(conn: Connection, merchant_id: int) -> list[asyncpg.Record]:
    return await conn.fetch(
        """SELECT prefix, last4, created_at, revoked_at FROM api_key
            WHERE merchant_id = $1 ORDER BY created_at""",
        merchant_id,
    )


async def revoke_key(
    tx: Connection, merchant_id: int, prefix: str, last4: str, at: datetime
) -> int:
    """Revoke the merchant's live keys that begin and end so; how many there were."""
    rows = await tx.fetch(
        """UPDATE api_key SET revoked_at = $4
            WHERE merchant_id = $1 AND prefix = $2 AND last4 = $3 AND revoked_at IS NULL RETURNING hash""",
        merchant_id,
        prefix,
        last4,
        at,
    )
    return len(rows)


async def replace_tiers(
    tx: Connection, merchant_id: int, method: str, tiers: Sequence[FeeTier]
) -> None:
    """Give a method these tiers, and no others."""
    await tx.execute(
        "DELETE FROM merchant_fee WHERE merchant_id = $1 AND method = $2", merchant_id, method
    )
    await tx.executemany(
        """INSERT INTO merchant_fee (merchant_id, method, above, percent, fixed, minimum)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        [
            (
                merchant_id,
                method,
                tier.above,
                tier.plan.percent,
                tier.plan.fixed,
                tier.plan.minimum,
            )
            for tier in tiers
        ],
    )


async def set_wallet(
    tx: Connection, merchant_id: int, *, address: str, coin: str, network: str
) -> None:
    """Settle the merchant to this wallet from now on; it is validated."""
    await tx.execute(
        """UPDATE merchant SET wallet_address = $2, wallet_coin = $3, wallet_network = $4,
                  wallet_active = true
            WHERE id = $1""",
        merchant_id,
        address,
        coin,
        network,
    )


async def with_tiers(conn: Connection) -> list[int]:
    """The merchants whose fees depend on their volume."""
    rows = await conn.fetch(
        "SELECT DISTINCT merchant_id FROM merchant_fee WHERE above > 0 ORDER BY merchant_id"
    )
    return [row["merchant_id"] for row in rows]


async def set_volumes(
    tx: Connection, merchant_id: int, month: date, volumes: Mapping[str, Decimal]
) -> None:
    """Keep what was captured in a month, by currency; a currency without any had none."""
    await tx.execute("DELETE FROM merchant_volume WHERE merchant_id = $1", merchant_id)
    await tx.executemany(
        """INSERT INTO merchant_volume (merchant_id, currency, month, volume)
           VALUES ($1, $2, $3, $4)""",
        [(merchant_id, currency, month, volume) for currency, volume in volumes.items()],
    )


def _merchant(row: asyncpg.Record) -> Merchant:
    return Merchant(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        methods=frozenset(row["methods"]),
        wallet=Wallet(
            row["wallet_address"], row["wallet_coin"], row["wallet_network"], row["wallet_active"]
        ),
        fees=FeePlan(row["fee_percent"], row["fee_fixed"]),
        late_success=LateSuccess(row["late_success"]),
        limits={
            currency: (low, high)
            for currency, low, high in zip(
                row["limited"], row["minima"], row["maxima"], strict=True
            )
        },
        captures_by_hand=row["card_capture"] == "manual",
        card_direct=row["card_direct"],
        tiers=tuple(
            FeeTier(method, above, FeePlan(percent, fixed, minimum))
            for method, above, percent, fixed, minimum in row["tiers"]
        ),
        volumes=dict(tuple(volume) for volume in row["volumes"]),
        networks=tuple(ipaddress.ip_network(str(network)) for network in row["networks"]),
    )
