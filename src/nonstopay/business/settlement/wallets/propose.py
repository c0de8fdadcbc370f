"""A merchant names a wallet. It is written down, and nothing is settled to it yet."""

from collections.abc import Collection
from datetime import datetime

from nonstopay import clock, ids
from nonstopay.business.mail.letters import wallet_named
from nonstopay.business.settlement.coins import COINS, find
from nonstopay.business.settlement.wallets import records
from nonstopay.business.settlement.wallets.address import read_address
from nonstopay.business.settlement.wallets.states import Event, State
from nonstopay.business.settlement.wallets.switch import step
from nonstopay.business.settlement.wallets.wallet import Wallet
from nonstopay.errors import InvalidInput
from nonstopay.store.db import Connection


async def propose(
    tx: Connection,
    merchant_id: int,
    *,
    address: str,
    coin: str,
    network: str,
    own: Collection[str],
    audience: str,
    at: datetime,
) -> Wallet:
    """Write down a wallet; the merchant hears of it. One that was under way is cancelled.

    Args:
        own: our own addresses, which settle nobody.
        audience: our public address, which stands in the text that the owner signs.

    Raises:
        InvalidInput: no address, not with the capitals of EIP-55, ours, a coin's own contract, or a
            coin in which nobody is settled.
        NotFound: no such merchant.
    """
    address = read_address(address)
    find(network, coin)
    _refuse_ours(address, own)
    for earlier in await records.lock_all(tx, merchant_id):
        if earlier.state in (State.PROPOSED, State.CONFIRMED):
            await step(tx, earlier, Event.CANCEL, at)
    wallet = Wallet(
        merchant_id=merchant_id,
        id=await records.next_id(tx),
        state=State.PROPOSED,
        version=1,
        address=address,
        coin=coin,
        network=network,
        challenge=_challenge(merchant_id, address, coin, network, audience, at),
        proof=None,
        proposed_at=at,
        starts_at=None,
        state_at=at,
    )
    await wallet_named(tx, merchant_id, address, at)
    await records.insert(tx, wallet)
    return wallet


def _refuse_ours(address: str, own: Collection[str]) -> None:
    known = address.lower()
    if known in {one.lower() for one in own}:
        raise InvalidInput("wallet", "this address is the gateway's own")
    if known in {one.contract.lower() for one in COINS}:
        raise InvalidInput("wallet", "this is a coin's contract: what it is sent is lost")


def _challenge(
    merchant_id: int, address: str, coin: str, network: str, audience: str, at: datetime
) -> str:
    """What the owner signs: to whom he speaks, what he wants, and a number used once."""
    return (
        f"{audience}\n\n"
        f"Settle merchant {merchant_id} in {coin} on {network} to\n{address}\n\n"
        f"Time: {clock.text(at)} UTC\n"
        f"Number: {ids.token()}"
    )
