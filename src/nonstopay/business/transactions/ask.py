"""Taking an order: kept under its key for ever, refused at once if it is beyond the limits."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from nonstopay.business.transactions import records
from nonstopay.business.transactions.payout import Call, Order
from nonstopay.business.transactions.states import MACHINE, Event, State
from nonstopay.business.transactions.transaction import Transaction
from nonstopay.connectors.crypto import evm_address
from nonstopay.connectors.crypto.networks import Coin, Kind, Networks
from nonstopay.errors import Conflict, InvalidInput, NotAllowed
from nonstopay.signer.limits import Limits
from nonstopay.store.db import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """By what orders are taken.

    Attributes:
        new_address: how long the first payment to an address waits.
    """

    networks: Networks
    limits: Limits
    new_address: timedelta


async def ask(db: Database, desk: Desk, order: Order | Call, at: datetime) -> Transaction:
    """The order's transaction, made if its key is new.

    Raises:
        Conflict: the key names another transfer.
    """
    wish = _of_call(order, at) if isinstance(order, Call) else _of_order(order, at)
    async with db.transaction() as tx:
        # Refused ones are kept, too: their key shall have the same answer for ever.
        if not await records.insert(tx, wish):
            known = await records.find(tx, order.key)
            assert known is not None
            if not known.is_same_order(wish):
                raise Conflict(f"the key {order.key} is another transfer's")
            return known
        judged = await _judged(tx, desk, wish, at)
        await records.save(tx, judged)
        return replace(judged, version=judged.version + 1)


async def _judged(tx: Connection, desk: Desk, wish: Transaction, at: datetime) -> Transaction:
    """The order as it stands by the limits."""
    try:
        coin = _coin(desk, wish)
        if coin is not None:
            await _count(tx, desk, wish, coin)
    except (NotAllowed, InvalidInput) as refusal:
        after = MACHINE.step(wish.state, Event.REFUSE).after
        return replace(wish, state=after, problem=refusal.message)
    since = await records.known_since(tx, wish.network, wish.address, at)
    not_before = max(at, since + desk.new_address) if coin is not None else at
    waits = f"a new address: it waits until {not_before:%Y-%m-%d %H:%M} UTC"
    await records.wait_until(tx, wish.key, not_before)
    return replace(wish, not_before=not_before, problem=waits if not_before > at else None)


async def _count(tx: Connection, desk: Desk, wish: Transaction, coin: Coin) -> None:
    once, daily = desk.limits.of(coin)
    if not 0 < wish.units <= once:
        raise NotAllowed(f"{wish.units} is not within 1 and {once}, what one transaction may carry")
    if not await records.count_in(tx, wish.network, wish.coin, wish.counted_on, wish.units, daily):
        raise NotAllowed(f"more {coin.name} than may leave in a day")


def _coin(desk: Desk, wish: Transaction) -> Coin | None:
    """The coin that is sent; `None` for a call.

    Raises:
        NotAllowed: no such network or coin, a contract that is not on the list, other decimals.
        InvalidInput: no address.
    """
    network = desk.networks.get(wish.network)
    if network is None or network.kind is not Kind.EVM:
        raise NotAllowed(f"nothing is sent on {wish.network}")
    contracts = {one.contract for one in network.coins.values()}
    evm_address.read(wish.address)
    if wish.address == evm_address.ZERO or (wish.address in contracts):
        raise NotAllowed(f"{wish.address} is nobody's wallet")
    if not wish.coin:
        if wish.address not in desk.limits.contracts:
            raise NotAllowed(f"the contract {wish.address} is not on the list hot_contracts")
        return None
    coin = network.coins.get(wish.coin)
    if coin is None or coin.decimals != wish.exponent:
        raise NotAllowed(f"no {wish.coin} of {wish.exponent} decimals on {wish.network}")
    return coin


def _of_order(order: Order, at: datetime) -> Transaction:
    ticker, _, network = order.amount.currency.code.partition("_")
    return Transaction(
        key=order.key,
        merchant_id=order.merchant_id,
        network=order.network,
        # A coin of another network finds no coin of its name here, and is refused.
        coin=ticker if network in ("", order.network) else order.amount.currency.code,
        exponent=order.amount.currency.exponent,
        units=max(order.amount.minor, 0),
        address=order.address,
        data=order.root,
        state=State.ASKED,
        counted_on=at.astimezone(UTC).date(),
        not_before=at,
        asked_at=at,
        state_at=at,
    )


def _of_call(call: Call, at: datetime) -> Transaction:
    return Transaction(
        key=call.key,
        merchant_id=call.merchant_id,
        network=call.network,
        coin="",
        exponent=0,
        units=0,
        address=call.contract,
        data=call.data,
        state=State.ASKED,
        counted_on=at.astimezone(UTC).date(),
        not_before=at,
        asked_at=at,
        state_at=at,
    )
