"""What the merchant owes us is paid by what he earns."""

from datetime import datetime

from nonstopay.ledger import balances, movements, post
from nonstopay.ledger.chart import MERCHANT, OWES
from nonstopay.ledger.movements import Facts
from nonstopay.money import Money
from nonstopay.store.db import Connection


async def repay(tx: Connection, merchant_id: int, earned: Money, *, key: str, at: datetime) -> None:
    """Pay what the merchant owes us in this currency, out of what he has now."""
    if (await balances.balance(tx, merchant_id, OWES, earned.currency)).minor <= 0:
        return
    await post.hold(tx, merchant_id)
    owed = await balances.balance(tx, merchant_id, OWES, earned.currency)
    held = await balances.balance(tx, merchant_id, MERCHANT, earned.currency)
    facts = Facts(
        merchant_id=merchant_id,
        key=key,
        about=key.partition("/")[0],
        at=at,
        connector="",
        owed=min(owed, held),
    )
    await post.post(tx, movements.lines(movements.REPAY, facts))
