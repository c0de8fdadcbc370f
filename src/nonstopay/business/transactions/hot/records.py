"""The only SQL of the hot wallet's balances."""

from nonstopay.business.transactions.hot.balance import Balance
from nonstopay.money import Money, coin
from nonstopay.store.db import Connection


async def save(tx: Connection, one: Balance) -> None:
    await tx.execute(
        """INSERT INTO hot_balance (network, coin, address, exponent, units, is_low, looked_at)
           VALUES ($1, $2, $3, $4, $5::text::numeric, $6, $7)
           ON CONFLICT (network, coin) DO UPDATE
           SET address = excluded.address, exponent = excluded.exponent, units = excluded.units,
               is_low = excluded.is_low, looked_at = excluded.looked_at""",
        one.network,
        one.coin,
        one.address,
        one.amount.currency.exponent,
        str(one.amount.minor),
        one.is_low,
        one.looked_at,
    )


async def balances(conn: Connection) -> list[Balance]:
    """By network and coin."""
    rows = await conn.fetch("SELECT * FROM hot_balance ORDER BY network, coin")
    return [
        Balance(
            network=row["network"],
            coin=row["coin"],
            address=row["address"],
            amount=Money(int(row["units"]), coin(row["coin"], row["exponent"])),
            is_low=row["is_low"],
            looked_at=row["looked_at"],
        )
        for row in rows
    ]
