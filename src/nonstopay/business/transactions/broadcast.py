"""Handing signed bytes to a node: the same ones again and again until they are in a block.

A node's no is never a reason to pay at another nonce. If it says that the nonce is used, the receipts tell
by which of ours; if by none of ours, somebody else has the key.
"""

import logging
import re
from datetime import datetime

from nonstopay.business.transactions import records
from nonstopay.business.transactions.account import Account, Also, advance, note
from nonstopay.business.transactions.states import Event, State
from nonstopay.business.transactions.transaction import Signed, Transaction
from nonstopay.connectors.crypto.json_rpc import NodeRefuses
from nonstopay.store.db import Connection

HEALED_AT_ONCE = 50
_USED = re.compile(r"nonce.{0,10}too low|nonce has already been used|old nonce", re.IGNORECASE)
_log = logging.getLogger(__name__)


async def send(account: Account, one: Transaction, signed: Signed, at: datetime) -> Transaction:
    """Hand it in.

    Raises:
        NodeTrouble: nobody knows whether it is on its way; the receipts will tell, or the next time.
    """
    account.crash("before_broadcast")
    try:
        await hand_in(account, signed.raw)
    except NodeRefuses as refusal:
        # If its nonce is used, by one of ours as a rule, the next look at the receipts tells.
        problem = f"the node says: {refusal.words[:200]}"
        if problem != one.problem:
            level = logging.WARNING if _USED.search(refusal.words) else logging.ERROR
            facts = {"key": one.key, "nonce": one.nonce, "why": refusal.words}
            _log.log(level, "a node does not take a transaction", extra=facts)
        return await note(account, one, problem)
    account.crash("after_broadcast")
    if one.state is State.SIGNED or signed.sent_at is None:
        return await advance(account, one, Event.SEND, at, also=_mark(signed, at))
    async with account.db.transaction() as tx:
        await records.mark_sent(tx, account.network, signed.hash, at)
    return one


async def hand_in(account: Account, raw: bytes) -> None:
    """Give bytes to the first node that takes them. Raises `NodeTrouble`."""
    await account.chain.ask(lambda node: node.send(raw))


async def send_lost(account: Account, first_open: int) -> None:
    """Hand in again what the chain no longer knows, from its own count of our nonces on.

    A reorganisation may undo what was final by our count, and nothing later can be mined without it.
    """
    count = await account.chain.ask(lambda node: node.nonce(account.address, "latest"))
    async with account.db.reading() as conn:
        lost = await records.signed_between(
            conn, account.network, account.address, count, first_open, HEALED_AT_ONCE
        )
    for raw in lost:
        _log.error("a transaction that was final is gone from the chain; it is sent again")
        await hand_in(account, raw)


def _mark(signed: Signed, at: datetime) -> Also:
    async def mark(tx: Connection, after: Transaction) -> Transaction:
        await records.mark_sent(tx, after.network, signed.hash, at)
        return after

    return mark
