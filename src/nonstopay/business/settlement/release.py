"""Releasing: what was set aside is the merchant's again when its date has come."""

from datetime import datetime

from nonstopay.business.payments.repay import repay
from nonstopay.business.settlement import records
from nonstopay.business.settlement.batch import OBJECT
from nonstopay.ledger import movements, post
from nonstopay.ledger.movements import Facts
from nonstopay.store.db import Connection


async def release_due(tx: Connection, merchant_id: int, at: datetime) -> None:
    """Release what is due of the merchant's reserves; what he owes is paid of it first.

    The caller holds his book.
    """
    for batch_id, amount in await records.reserves_due(tx, merchant_id, at):
        about = f"{OBJECT}:{batch_id}"
        key = f"{about}/{movements.RESERVE_RELEASED}/{amount.currency}"
        facts = Facts(
            merchant_id=merchant_id, key=key, about=about, at=at, connector="", reserved=amount
        )
        await post.post(tx, movements.lines(movements.RESERVE_RELEASED, facts))
        await repay(tx, merchant_id, amount, key=f"{key}/repay", at=at)
        await records.mark_released(tx, merchant_id, batch_id, amount.currency.code, at)
