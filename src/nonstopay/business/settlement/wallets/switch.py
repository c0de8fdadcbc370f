"""A confirmed wallet's day has come: from now on it is the one that the merchant is settled to."""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.mail.letters import wallet_activated
from nonstopay.business.merchants import records as merchants
from nonstopay.business.settlement.wallets import records
from nonstopay.business.settlement.wallets.states import MACHINE, Event, State
from nonstopay.business.settlement.wallets.wallet import Wallet
from nonstopay.store.db import Connection, Database


async def switch_all_due(db: Database, at: datetime) -> None:
    """Switch whoever's day has come, merchant by merchant."""
    async with db.reading() as conn:
        due = await records.whose_day_has_come(conn, at)
    for merchant_id in due:
        async with db.transaction() as tx:
            await switch_due(tx, merchant_id, at)


async def switch_due(tx: Connection, merchant_id: int, at: datetime) -> Wallet | None:
    """Use the merchant's confirmed wallet if its day has come; `None` if there is none such."""
    wallets = await records.lock_all(tx, merchant_id)
    due = [
        wallet
        for wallet in wallets
        if wallet.state is State.CONFIRMED and wallet.starts_at and wallet.starts_at <= at
    ]
    if not due:
        return None
    for earlier in wallets:
        if earlier.state is State.ACTIVE:
            await step(tx, earlier, Event.REPLACE, at)
    after = await step(tx, due[0], Event.SWITCH, at)
    await merchants.set_wallet(
        tx, merchant_id, address=after.address, coin=after.coin, network=after.network
    )
    await wallet_activated(tx, merchant_id, at)
    return after


async def step(tx: Connection, wallet: Wallet, event: Event, at: datetime) -> Wallet:
    """Take a step of a wallet's table and write it; the caller holds the merchant's wallets."""
    moved = MACHINE.step(wallet.state, event)
    if not moved.moved:
        return wallet
    after = replace(wallet, state=moved.after, version=wallet.version + 1, state_at=at)
    await records.save(tx, after)
    return after
