"""Following a transaction that was handed in: into a block, out of it again, or until it is final."""

import logging
from datetime import datetime

from nonstopay.business.transactions import records
from nonstopay.business.transactions.account import Account, advance, note
from nonstopay.business.transactions.broadcast import hand_in, send
from nonstopay.business.transactions.prepare import bump
from nonstopay.business.transactions.states import Event
from nonstopay.business.transactions.transaction import Signed, Transaction
from nonstopay.connectors.crypto.evm_words import Receipt
from nonstopay.connectors.crypto.json_rpc import NodeRefuses
from nonstopay.connectors.crypto.networks import DOLLAR, Tier
from nonstopay.errors import NotAllowed
from nonstopay.money import Money, Rounding, divide
from nonstopay.signer.limits import STABLE

_log = logging.getLogger(__name__)


async def look(account: Account, one: Transaction, at: datetime) -> Transaction:
    """Find it in a block, or hand it in again, in time for more."""
    async with account.db.reading() as conn:
        all_signed = await records.signed_of(conn, one)
    found = await _receipt_of_any(account, all_signed)
    if found is not None:
        mined = await advance(
            account,
            one,
            Event.MINE,
            at,
            tx_hash=found.transaction,
            block_hash=found.block_hash,
            block_number=found.block_number,
        )
        account.crash("after_mined")
        return mined
    newest = all_signed[-1]
    if at >= newest.bump_at:
        try:
            one, newest = await bump(account, one, newest, at)
        except NotAllowed as refusal:
            one = await note(account, one, refusal.message)
        return await send(account, one, newest, at)
    if newest.sent_at is None or at - newest.sent_at >= account.pace.resend:
        return await send(account, one, newest, at)
    return one


async def confirm(account: Account, one: Transaction, at: datetime) -> Transaction:
    """See whether its block is final, or was left behind."""
    assert one.block_hash is not None, "mined in no block"
    receipt = await _receipt_of_any(account, await _signed_of(account, one))
    if receipt is None:
        _log.warning("a transaction of ours left the chain", extra={"key": one.key})
        lost = await advance(account, one, Event.LOSE, at, block_hash=None, block_number=None)
        return await _send_all(account, lost, at)
    place = (receipt.transaction, receipt.block_hash, receipt.block_number)
    if place != (one.tx_hash, one.block_hash, one.block_number):
        return await advance(
            account,
            one,
            Event.MINE,
            at,
            tx_hash=receipt.transaction,
            block_hash=receipt.block_hash,
            block_number=receipt.block_number,
        )
    if not await _is_final(account, one, receipt):
        return one
    account.crash("before_record")
    if not receipt.succeeded:
        _log.error("a transaction was reverted", extra={"key": one.key, "tx": one.tx_hash})
        return await advance(account, one, Event.REVERT, at, problem="reverted")
    if not await _moved_it(account, one):
        _log.error("a transaction moved something else", extra={"key": one.key, "tx": one.tx_hash})
        return await note(account, one, f"{one.tx_hash} moved something else than was ordered")
    return await advance(account, one, Event.CONFIRM, at)


async def _send_all(account: Account, one: Transaction, at: datetime) -> Transaction:
    """Every version of it: the one that was in a block may be the better one."""
    for signed in await _signed_of(account, one):
        try:
            await hand_in(account, signed.raw)
        except NodeRefuses:
            continue  # underpriced beside another version of itself, or mined meanwhile
    return one


async def _signed_of(account: Account, one: Transaction) -> list[Signed]:
    async with account.db.reading() as conn:
        return await records.signed_of(conn, one)


async def _receipt_of_any(account: Account, all_signed: list[Signed]) -> Receipt | None:
    """The receipt of whichever was mined: there can be but one at a nonce."""
    for signed in reversed(all_signed):
        receipt = await _receipt(account, signed.hash)
        if receipt is not None:
            return receipt
    return None


async def _receipt(account: Account, name: str) -> Receipt | None:
    return await account.chain.ask(lambda node: node.receipt(name))


async def _is_final(account: Account, one: Transaction, receipt: Receipt) -> bool:
    """As many blocks as the network wants for such a sum, and its block still in the chain."""
    tier = _tier(account, one)
    needed = account.pace.blocks or tier.blocks
    head = await account.chain.ask(lambda node: node.head())
    if head - receipt.block_number + 1 < needed:
        return False
    block = await account.chain.ask(lambda node: node.block(receipt.block_number))
    if block is None or block.hash != receipt.block_hash:
        return False
    if not tier.finalized or account.pace.blocks:
        return True
    final = await account.chain.ask(lambda node: node.block("finalized"))
    return final is not None and final.number >= receipt.block_number


def _tier(account: Account, one: Transaction) -> Tier:
    """By its worth in dollars; the last one, for all amounts, where nobody knows it."""
    if one.coin not in STABLE:
        return account.chain.network.tiers[-1]
    cents = divide(one.units * 100, 10**one.exponent, Rounding.UP)
    return account.chain.network.tier(Money(cents, DOLLAR))


async def _moved_it(account: Account, one: Transaction) -> bool:
    """Whether the chain says that the receiver got what was ordered; some tokens fail without a word."""
    if not one.coin:
        return True
    contract = account.chain.network.coins[one.coin].contract or ""
    hash_ = one.tx_hash
    assert hash_ is not None
    found = await account.chain.ask(lambda node: node.moves_of(hash_))
    return found is not None and any(
        (_bare(move.receiver), _bare(move.contract), move.units)
        == (_bare(one.address), _bare(contract), one.units)
        for move in found[1]
    )


def _bare(address: str) -> str:
    return address.lower().removeprefix("0x")
