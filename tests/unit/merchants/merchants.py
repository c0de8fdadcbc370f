"""Merchants for tests, as the operator makes them."""

from nonstopay import clock
from nonstopay.business.merchants import change, records
from nonstopay.business.merchants.change import Changes
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.store.db import Database


async def enrol(db: Database, changes: Changes | None = None) -> int:
    async with db.transaction() as tx:
        return await change.create(
            tx,
            email="shop@example.com",
            name="A shop",
            changes=changes or Changes(),
            at=clock.now(),
        )


async def apply(db: Database, merchant_id: int, changes: Changes) -> Merchant:
    """The merchant after the changes."""
    async with db.transaction() as tx:
        await change.change(tx, merchant_id, changes)
    return await known(db, merchant_id)


async def known(db: Database, merchant_id: int) -> Merchant:
    async with db.reading() as conn:
        merchant = await records.by_id(conn, merchant_id)
    assert merchant is not None
    return merchant
