"""What the hot wallet holds: looked up now and then, and an alert where it is little."""

import logging
from datetime import datetime

from nonstopay.business.transactions.hot import records
from nonstopay.business.transactions.hot.balance import Balance, Low
from nonstopay.business.transactions.sender import Sender
from nonstopay.connectors.crypto.evm_network import EvmNetwork
from nonstopay.connectors.crypto.json_rpc import NodeTrouble
from nonstopay.connectors.crypto.networks import Coin
from nonstopay.money import Money, parse
from nonstopay.money import coin as currency
from nonstopay.signer.limits import STABLE
from nonstopay.store.db import Database

_log = logging.getLogger(__name__)


async def look(db: Database, sender: Sender, low: Low, at: datetime) -> list[Balance]:
    """Look at all balances and keep what was seen. A network whose nodes are in trouble is left out."""
    address = await sender.signer.address()
    found = []
    for chain in sender.chains.values():
        for coin in _watched(chain):
            try:
                units = await _units(chain, coin, address)
            except NodeTrouble:
                break
            found.append(_judged(coin, address, units, low, at))
    for one in found:
        if one.is_low:
            facts = {"network": one.network, "balance": str(one.amount), "address": address}
            _log.error("the hot wallet runs low", extra=facts)
    async with db.transaction() as tx:
        for one in found:
            await records.save(tx, one)
    return found


def _watched(chain: EvmNetwork) -> list[Coin]:
    return [
        coin
        for coin in chain.network.coins.values()
        if coin.contract is None or coin.ticker in STABLE
    ]


async def _units(chain: EvmNetwork, coin: Coin, address: str) -> int:
    contract = coin.contract
    if contract is None:
        return await chain.ask(lambda node: node.balance(address))
    return await chain.ask(lambda node: node.token_balance(contract, address))


def _judged(coin: Coin, address: str, units: int, low: Low, at: datetime) -> Balance:
    unit = currency(coin.ticker, coin.decimals)
    least = parse(low.gas if coin.contract is None else low.stable, unit)
    amount = Money(units, unit)
    return Balance(
        network=coin.network,
        coin=coin.ticker,
        address=address,
        amount=amount,
        is_low=amount < least,
        looked_at=at,
    )
