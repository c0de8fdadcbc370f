"""A wallet is confirmed: its owner signed, or the operator answers for it.

The first wallet of a merchant is used at once. A change waits for its cool-down, in which the old wallet is
used and the merchant, who was written to, can cancel: whoever got hold of his account does not get his money.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from nonstopay.business.mail.letters import wallet_changes
from nonstopay.business.merchants import records as merchants
from nonstopay.business.settlement.wallets import records
from nonstopay.business.settlement.wallets.address import signer_of
from nonstopay.business.settlement.wallets.states import Event, State
from nonstopay.business.settlement.wallets.switch import step, switch_due
from nonstopay.business.settlement.wallets.wallet import Wallet
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.store.db import Connection


async def prove(
    tx: Connection, merchant_id: int, signature: str, *, cooldown: timedelta, at: datetime
) -> Wallet:
    """Take the owner's signature under the wallet's challenge.

    Raises:
        NotFound: no wallet of this merchant waits for it.
        InvalidInput: no signature, or another account's.
    """
    wallet = await _proposed(tx, merchant_id)
    if signer_of(wallet.challenge, signature) != wallet.address:
        raise InvalidInput(
            "signature",
            "another account signed, or another text; a contract's wallet is approved by hand",
        )
    return await _confirm(tx, wallet, signature, cooldown, at)


async def approve(
    tx: Connection, merchant_id: int, note: str, *, cooldown: timedelta, at: datetime
) -> Wallet:
    """The operator answers for it that the wallet is the merchant's.

    Args:
        note: how he knows, for those who wonder later.

    Raises:
        NotFound: no wallet of this merchant waits for it.
        InvalidInput: no note.
    """
    if not note.strip():
        raise InvalidInput("note", "say how you know that the wallet is his")
    return await _confirm(tx, await _proposed(tx, merchant_id), note, cooldown, at)


async def cancel(tx: Connection, merchant_id: int, at: datetime) -> Wallet:
    """Forget the wallet that is under way; the one in use stays.

    Raises:
        NotFound: none is under way.
    """
    for wallet in await records.lock_all(tx, merchant_id):
        if wallet.state in (State.PROPOSED, State.CONFIRMED):
            return await step(tx, wallet, Event.CANCEL, at)
    raise NotFound(f"no wallet of merchant {merchant_id} is under way")


async def _proposed(tx: Connection, merchant_id: int) -> Wallet:
    for wallet in await records.lock_all(tx, merchant_id):
        if wallet.state is State.PROPOSED:
            return wallet
    raise NotFound(f"no wallet of merchant {merchant_id} waits to be confirmed")


async def _confirm(
    tx: Connection, wallet: Wallet, proof: str, cooldown: timedelta, at: datetime
) -> Wallet:
    merchant = await merchants.by_id(tx, wallet.merchant_id)
    is_change = merchant is not None and merchant.wallet.active
    starts_at = at + cooldown if is_change else at
    after = await step(tx, replace(wallet, proof=proof, starts_at=starts_at), Event.CONFIRM, at)
    if starts_at > at:
        await wallet_changes(tx, wallet.merchant_id, wallet.address, starts_at, at)
        return after
    return await switch_due(tx, wallet.merchant_id, at) or after
