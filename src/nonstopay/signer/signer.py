"""What is signed, and what is not.

Three promises hold whatever the gateway asks, because they stand in the signer's own journal:
an order has one nonce, a nonce has one order, and no more leaves than the limits allow.
"""

from datetime import UTC

from nonstopay import clock
from nonstopay.connectors.crypto import evm_address
from nonstopay.connectors.crypto.networks import Coin, Kind, Network, Networks
from nonstopay.errors import NotAllowed
from nonstopay.signer.journal import Bound, Journal, Reserved
from nonstopay.signer.key import Key
from nonstopay.signer.limits import Limits
from nonstopay.signer.spend import Spend
from nonstopay.signer.transaction import Transaction, signed, transfer_data

GAS_MAX = 1_000_000
MEMO_MAX = 64
"""Bytes behind a transfer's arguments."""
_GAS_PLAIN = 21_000


class Signer:
    """Signs for the key's address."""

    def __init__(self, key: Key, networks: Networks, journal: Journal, limits: Limits) -> None:
        self._key = key
        self._networks = networks
        self._journal = journal
        self._limits = limits

    @property
    def address(self) -> str:
        return self._key.address

    def reserve(self, order: str, spend: Spend) -> None:
        """Promise to sign this order; asked again, the promise stands and counts once.

        Raises:
            NotAllowed: a limit, a contract that is not on the list, another payment under this name.
        """
        if known := self._journal.reserved.get(order):
            if known.spend != spend:
                raise NotAllowed("this order was for another payment")
            return
        day = clock.now().astimezone(UTC).date().isoformat()
        self._require_allowed(spend, day)
        self._journal.write(Reserved(order, spend, day))

    def sign(self, order: str, nonce: int, *, gas: int, max_fee: int, tip: int) -> bytes:
        """A promised order at a nonce; again with other fees, at the same one alone.

        Raises:
            NotAllowed: no such promise, the nonce is another order's, the order has another nonce, or
                fees beyond the limit.
        """
        promise = self._journal.reserved.get(order)
        if promise is None:
            raise NotAllowed("nothing was promised under this order")
        spend = promise.spend
        network = self._network(spend.network)
        if not 0 < gas <= GAS_MAX:
            raise NotAllowed(f"gas is 1 to {GAS_MAX}")
        self._require_fees(max_fee, tip)
        self._bind(order, spend.network, nonce)
        return signed(_transaction(network, spend, nonce, gas, max_fee, tip), self._key)

    def fill(self, network: str, nonce: int, *, max_fee: int, tip: int) -> bytes:
        """Nothing to ourselves, at a nonce that no order has: so that those behind it can go on.

        Raises:
            NotAllowed: an order has it.
        """
        chain = self._network(network)
        self._require_fees(max_fee, tip)
        if self._journal.order_at(network, nonce):
            raise NotAllowed("an order has this nonce")
        self._bind("", network, nonce)
        assert chain.chain_id is not None
        nothing = Transaction(
            chain_id=chain.chain_id,
            nonce=nonce,
            tip=tip,
            max_fee=max_fee,
            gas=_GAS_PLAIN,
            to=self.address,
            value=0,
            data=b"",
        )
        return signed(nothing, self._key)

    def _bind(self, order: str, network: str, nonce: int) -> None:
        if nonce < 0:
            raise NotAllowed("no nonce")
        known = self._journal.order_at(network, nonce)
        bound = self._journal.nonces.get(order) if order else None
        if (known is not None and known != order) or (bound is not None and bound.nonce != nonce):
            raise NotAllowed("the nonce is another order's, or the order has another nonce")
        if known is None:
            self._journal.write(Bound(order, network, nonce))

    def _require_allowed(self, spend: Spend, day: str) -> None:
        network = self._network(spend.network)
        if evm_address.read(spend.to) in (evm_address.ZERO, self.address):
            raise NotAllowed("nobody's address, or our own")
        if not spend.coin:
            self._require_call(network, spend)
            return
        coin = network.coins.get(spend.coin)
        if coin is None:
            raise NotAllowed(f"no {spend.coin} is known on {network.name}")
        if spend.to in _contracts(network) or len(spend.data) // 2 > MEMO_MAX:
            raise NotAllowed("a coin's own contract cannot be paid, and a memo is short")
        self._require_within(coin, int(spend.units), day)

    def _require_call(self, network: Network, spend: Spend) -> None:
        """A call of a coin's contract could move coins past all limits, so those are never on the list."""
        if spend.to not in self._limits.contracts or spend.to in _contracts(network):
            raise NotAllowed(f"the contract {spend.to} is not on the list")
        if int(spend.units):
            raise NotAllowed("a call carries no coins")

    def _require_within(self, coin: Coin, units: int, day: str) -> None:
        once, daily = self._limits.of(coin)
        if not 0 < units <= once:
            raise NotAllowed(f"more {coin.name} than one transaction may carry")
        if self._journal.spent(coin.network, coin.ticker, day) + units > daily:
            raise NotAllowed(f"more {coin.name} than may leave in a day")

    def _require_fees(self, max_fee: int, tip: int) -> None:
        if not 0 <= tip <= max_fee <= self._limits.fee_max:
            raise NotAllowed("a fee beyond the limit (hot_fee_gwei_max)")

    def _network(self, name: str) -> Network:
        network = self._networks.get(name)
        if network is None or network.kind is not Kind.EVM:
            raise NotAllowed(f"nothing is signed for {name}")
        return network


def _contracts(network: Network) -> set[str | None]:
    return {coin.contract for coin in network.coins.values()}


def _transaction(
    network: Network, spend: Spend, nonce: int, gas: int, max_fee: int, tip: int
) -> Transaction:
    data, units = bytes.fromhex(spend.data), int(spend.units)
    to, value = spend.to, units
    contract = network.coins[spend.coin].contract if spend.coin else None
    if contract is not None:
        to, value, data = contract, 0, transfer_data(spend.to, units, data)
    assert network.chain_id is not None
    return Transaction(
        chain_id=network.chain_id,
        nonce=nonce,
        tip=tip,
        max_fee=max_fee,
        gas=gas,
        to=to,
        value=value,
        data=data,
    )
