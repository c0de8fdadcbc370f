"""From the order to signed bytes: the signer's promise, the nonce, the signature, each kept before the next.

Whoever dies between two of them leaves what he did; the next one finds it and goes on. The signer promises
before the nonce is taken, so a refusal leaves no hole among the nonces.
"""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.transactions import records
from nonstopay.business.transactions.account import Account, Also, advance, note
from nonstopay.business.transactions.states import Event
from nonstopay.business.transactions.transaction import Signed, Transaction
from nonstopay.connectors.crypto.evm_words import Fees
from nonstopay.errors import NotAllowed
from nonstopay.signer.transaction import hash_of
from nonstopay.store.db import Connection

GAS_NATIVE = 60_000
"""Enough for a receiver that is a contract."""
GAS_TOKEN = 150_000
GAS_CALL = 400_000
BUMP_PERCENT = 13
"""Nodes take another transaction at a nonce from 10 percent more on, some from 12.5."""


async def prepare(
    account: Account, one: Transaction, at: datetime, *, on_its_way: int
) -> Transaction:
    """Give it a nonce, or refuse it.

    Args:
        on_its_way: units of its coin in transactions that no block has yet.
    """
    if one.coin and await _holds(account, one) - on_its_way < one.units:
        return await note(account, one, f"the hot wallet has too little {one.coin}")
    try:
        await account.signer.reserve(one.key, one.spend)
    except NotAllowed as refusal:
        return await advance(account, one, Event.REFUSE, at, also=_uncount, problem=refusal.message)
    account.crash("after_reserved")
    prepared = await advance(account, one, Event.PREPARE, at, also=_take_nonce(account))
    account.crash("after_nonce")
    return prepared


async def sign(account: Account, one: Transaction, at: datetime) -> Transaction:
    """Have it signed, and keep the bytes. No node has them yet."""
    signed = await _signed(account, one, await _fees(account), number=1, at=at)
    return await advance(account, one, Event.SIGN, at, also=_keep(signed), tx_hash=signed.hash)


async def bump(
    account: Account, one: Transaction, last: Signed, at: datetime
) -> tuple[Transaction, Signed]:
    """Have it signed again at its nonce, for more: enough that nodes take it for the earlier one."""
    now = await _fees(account)
    more = Fees(
        base_fee=max(now.base_fee, _raised(last.max_fee - last.tip) // 2 + 1),
        priority_fee=max(now.priority_fee, _raised(last.tip)),
    )
    assert more.max_fee >= _raised(last.max_fee) - 2
    signed = await _signed(account, one, more, number=last.number + 1, at=at)
    after = await advance(account, one, Event.BUMP, at, also=_keep(signed), tx_hash=signed.hash)
    return after, signed


async def _signed(
    account: Account, one: Transaction, fees: Fees, *, number: int, at: datetime
) -> Signed:
    assert one.nonce is not None, "signed without a nonce"
    assert one.sender == account.address, "another sender's nonce"
    raw = await account.signer.sign(
        one.key, one.nonce, gas=_gas(account, one), max_fee=fees.max_fee, tip=fees.priority_fee
    )
    account.crash("after_signed")
    return Signed(
        number=number,
        hash=hash_of(raw),
        raw=raw,
        max_fee=fees.max_fee,
        tip=fees.priority_fee,
        signed_at=at,
        bump_at=at + account.pace.bump,
        sent_at=None,
    )


async def _fees(account: Account) -> Fees:
    return await account.chain.ask(lambda node: node.fees())


async def _holds(account: Account, one: Transaction) -> int:
    contract = account.chain.network.coins[one.coin].contract
    if contract is None:
        return await account.chain.ask(lambda node: node.balance(account.address))
    return await account.chain.ask(lambda node: node.token_balance(contract, account.address))


def _gas(account: Account, one: Transaction) -> int:
    if not one.coin:
        return GAS_CALL
    return GAS_TOKEN if account.chain.network.coins[one.coin].contract else GAS_NATIVE


def _raised(fee: int) -> int:
    return fee + fee * BUMP_PERCENT // 100 + 1


def _take_nonce(account: Account) -> Also:
    async def take(tx: Connection, after: Transaction) -> Transaction:
        nonce = await records.take_nonce(tx, account.network, account.address)
        return replace(after, sender=account.address, nonce=nonce)

    return take


def _keep(signed: Signed) -> Also:
    async def keep(tx: Connection, after: Transaction) -> Transaction:
        await records.insert_signed(tx, after, signed)
        return after

    return keep


async def _uncount(tx: Connection, after: Transaction) -> Transaction:
    if after.coin:
        await records.count_out(tx, after)
    return after
