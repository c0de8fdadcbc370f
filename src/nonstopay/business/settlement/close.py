"""Closing a batch: its rows, its movements, its job, in one transaction and once.

Whoever closes holds the merchant's book, so nobody else moves his money or closes meanwhile; the key of a
line keeps an invoice out of a second batch whatever happens.
"""

import logging
from dataclasses import replace
from datetime import datetime

from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.settlement import coins, records
from nonstopay.business.settlement.batch import Batch, Part
from nonstopay.business.settlement.collect import collect
from nonstopay.business.settlement.release import release_due
from nonstopay.business.settlement.rules import Rules
from nonstopay.business.settlement.statements.merkle import root_of
from nonstopay.business.settlement.statements.rows import leaves
from nonstopay.business.settlement.states import MACHINE, Event, State
from nonstopay.business.settlement.wallets.switch import switch_due
from nonstopay.errors import LawBroken, NonstopayError
from nonstopay.ledger import movements, post
from nonstopay.ledger.movements import Facts
from nonstopay.ledger.transfer import Transfer
from nonstopay.money import Money
from nonstopay.store import jobs
from nonstopay.store.db import Connection, Database

PAY = "settlement:pay"
_log = logging.getLogger(__name__)


async def close_due(db: Database, rules: Rules, at: datetime) -> int:
    """Close what is ripe, merchant by merchant; how many batches. One's trouble is not another's."""
    async with db.reading() as conn:
        candidates = await records.with_money(conn, at)
    closed = 0
    for merchant_id in candidates:
        try:
            async with db.transaction() as tx:
                closed += await close(tx, merchant_id, rules, at) is not None
        except NonstopayError as error:
            _log.error("no batch: %s", error.message, extra={"merchant": merchant_id})
    return closed


async def close(
    tx: Connection, merchant_id: int, rules: Rules, at: datetime, *, now: bool = False
) -> Batch | None:
    """Close the merchant's batch if it is ripe; `None` if there is none to close.

    Args:
        now: whatever the cadence says; what has not cleared still waits.
    """
    await post.hold(tx, merchant_id)
    await switch_due(tx, merchant_id, at)
    merchant = await merchants.by_id(tx, merchant_id)
    if merchant is None or not merchant.wallet.active or merchant.wallet.address is None:
        return None
    terms = await records.terms(tx, merchant_id)
    coin = coins.find(merchant.wallet.network, merchant.wallet.coin)
    await release_due(tx, merchant_id, at)
    parts = await collect(tx, merchant_id, terms, coin, rules, at)
    total = sum((part.total for part in parts), Money(0, coin.currency))
    last_closed_at = await records.last_closed_at(tx, merchant_id)
    if not parts or not (now or terms.is_ripe(total, last_closed_at, at)):
        return None
    return await _write(tx, await _new(tx, merchant, total, at), parts)


async def _new(tx: Connection, merchant: Merchant, total: Money, at: datetime) -> Batch:
    assert merchant.wallet.address is not None
    return Batch(
        merchant_id=merchant.id,
        id=await records.next_id(tx),
        state=State.OPEN,
        version=0,
        network=merchant.wallet.network,
        amount=total,
        address=merchant.wallet.address,
        attempt=0,
        tx_hash=None,
        refusal=None,
        root=b"",
        closed_at=at,
        state_at=at,
    )


async def _write(tx: Connection, batch: Batch, parts: list[Part]) -> Batch:
    step = MACHINE.step(batch.state, Event.CLOSE)
    if step.movement is None:
        raise LawBroken("a batch closes without a movement")
    after = replace(batch, state=step.after, version=1, root=root_of(leaves(batch, parts)))
    await records.insert(tx, after)
    for part in parts:
        await records.insert_part(tx, after, part)
    await post.post(tx, [line for part in parts for line in _lines(after, part, step.movement)])
    terms = await records.terms(tx, after.merchant_id)
    for part in parts:
        if part.reserve.minor:
            await records.insert_reserve(tx, after, part.reserve, terms.release_at(after.closed_at))
    await jobs.enqueue(tx, after.merchant_id, PAY, str(after.id), {}, after.closed_at)
    return after


def _lines(batch: Batch, part: Part, movement: str) -> list[Transfer]:
    facts = Facts(
        merchant_id=batch.merchant_id,
        key=f"{batch.about}/{movement}/{part.payable.currency}",
        about=batch.about,
        at=batch.closed_at,
        connector="",
        reserved=part.reserve,
        share=part.share,
        payable=part.payable,
        converted=part.converted,
        markup=part.markup,
        partner=part.partner or "",
    )
    return movements.lines(movement, facts)
