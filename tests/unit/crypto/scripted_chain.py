"""An EVM chain that a test writes block by block, told by scripted nodes word for word."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from nonstopay.connectors.crypto.evm_address import keccak256
from nonstopay.connectors.crypto.evm_words import TRANSFER
from nonstopay.connectors.crypto.networks import Network
from tests.unit.crypto.scripted_node import Refusal

SENDER = "0x" + "11" * 20
_numbers = count(1)


@dataclass(frozen=True)
class Sent:
    """A transaction: what it sends itself, and what it has logged."""

    hash: str
    to: str = SENDER
    value: int = 0
    succeeded: bool = True
    logged: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True)
class Made:
    """A block."""

    number: int
    hash: str
    parent: str
    transactions: tuple[Sent, ...]


@dataclass
class ScriptedChain:
    """The chain as one node tells it; `copy` is what another tells."""

    network: Network
    blocks: list[Made] = field(default_factory=list)
    chain_id: int | None = None
    born: int = 1_700_000_000
    block_seconds: int = 12

    def __post_init__(self) -> None:
        if not self.blocks:
            self.mine(5)

    @property
    def head(self) -> Made:
        return self.blocks[-1]

    def copy(self) -> "ScriptedChain":
        return replace(self, blocks=list(self.blocks))

    def put(self, *transactions: Sent) -> Made:
        """A block with these transactions."""
        parent = self.blocks[-1].hash if self.blocks else _hash("before all")
        made = Made(len(self.blocks), _hash(next(_numbers)), parent, transactions)
        self.blocks.append(made)
        return made

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.put()

    def pay(self, coin: str, address: str, units: int) -> Sent:
        """A payment in a block of its own; a coin that the network does not have is a look-alike."""
        sent = self.payment(coin, address, units)
        self.put(sent)
        return sent

    def payment(self, coin: str, address: str, units: int, **more: Any) -> Sent:
        known = self.network.coins.get(coin)
        if known is not None and known.contract is None:
            return Sent(_hash(next(_numbers)), to=address, value=units, **more)
        contract = known.contract if known and known.contract else "0x" + "fa" * 20
        return Sent(
            _hash(next(_numbers)), to=contract, logged=((contract, address, units),), **more
        )

    def reorg(self, depth: int, *, longer: int = 1) -> list[Made]:
        """Replace the newest blocks by empty ones, and so many more; those that are gone."""
        gone = self.blocks[-depth:]
        del self.blocks[-depth:]
        self.mine(depth + longer)
        return gone

    def words(self) -> dict[str, Any]:
        """What a node answers that has this chain."""
        return {
            "eth_chainId": lambda: hex(self.chain_id or self.network.chain_id or 0),
            "eth_call": self._decimals,
            "eth_getBlockByNumber": self._by_number,
            "eth_getBlockByHash": lambda hash_, whole: self._block(self._of(hash_), whole),
            "eth_getLogs": self._logs,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getTransactionByHash": self._transaction,
        }

    def _of(self, hash_: str) -> Made:
        found = next((one for one in self.blocks if one.hash == hash_), None)
        if found is None:
            raise Refusal(-32000, "unknown block")
        return found

    def _decimals(self, call: dict[str, str], _: str) -> str:
        coins = self.network.coins.values()
        (coin,) = [one for one in coins if one.contract == call["to"]]
        return f"0x{coin.decimals:064x}"

    def _by_number(self, which: str, _: bool) -> dict[str, Any] | None:
        if which == "latest":
            return self._block(self.head, False)
        if which == "finalized":
            return self._block(self.blocks[-2], False)
        number = int(which, 16)
        return self._block(self.blocks[number], False) if number < len(self.blocks) else None

    def _block(self, made: Made, whole: bool) -> dict[str, Any]:
        return {
            "number": hex(made.number),
            "hash": made.hash,
            "parentHash": made.parent,
            "timestamp": hex(self.born + self.block_seconds * made.number),
            "transactions": [
                _transaction(one, made) if whole else one.hash for one in made.transactions
            ],
        }

    def _logs(self, question: dict[str, Any]) -> list[dict[str, Any]]:
        made = self._of(question["blockHash"])
        return list(_logs(made, made.transactions))

    def _receipt(self, hash_: str) -> dict[str, Any] | None:
        found = self._find(hash_)
        if found is None:
            return None
        made, sent = found
        logs = [one for one in _logs(made, made.transactions) if one["transactionHash"] == hash_]
        return {
            "transactionHash": hash_,
            "blockNumber": hex(made.number),
            "blockHash": made.hash,
            "status": "0x1" if sent.succeeded else "0x0",
            "logs": logs,
        }

    def _transaction(self, hash_: str) -> dict[str, Any] | None:
        found = self._find(hash_)
        return _transaction(found[1], found[0]) if found else None

    def _find(self, hash_: str) -> tuple[Made, Sent] | None:
        for made in self.blocks:
            for sent in made.transactions:
                if sent.hash == hash_:
                    return made, sent
        return None


def _transaction(sent: Sent, made: Made) -> dict[str, Any]:
    return {
        "hash": sent.hash,
        "to": sent.to,
        "from": SENDER,
        "value": hex(sent.value),
        "blockHash": made.hash,
    }


def _logs(made: Made, transactions: Iterable[Sent]) -> Iterable[dict[str, Any]]:
    index = count()
    for sent in transactions:
        for contract, receiver, units in sent.logged:
            yield {
                "address": contract.lower(),
                "topics": [TRANSFER, _topic(SENDER), _topic(receiver)],
                "data": f"0x{units:064x}",
                "blockNumber": hex(made.number),
                "blockHash": made.hash,
                "transactionHash": sent.hash,
                "logIndex": hex(next(index)),
                "removed": False,
            }


def _topic(address: str) -> str:
    return "0x" + address[2:].lower().rjust(64, "0")


def _hash(of: object) -> str:
    return "0x" + keccak256(str(of).encode()).hex()
