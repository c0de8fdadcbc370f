"""All our nodes of Bitcoin or its kin, as the watcher asks them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from nonstopay.connectors.crypto.check import Checked
from nonstopay.connectors.crypto.networks import Network
from nonstopay.connectors.crypto.nodes import Nodes
from nonstopay.connectors.crypto.reader import NATIVE, Head, Incoming, Watched
from nonstopay.connectors.crypto.utxo_block import Transaction, address
from nonstopay.connectors.crypto.utxo_node import UtxoNode

_log = logging.getLogger(__name__)
GENESIS = 0


class UtxoReader:
    """A network of unspent outputs. Its chain has no finality but depth.

    A block's bytes are held against its hash (`utxo_block`), so a node that names the same hash
    vouches for each output in it.
    """

    def __init__(self, network: Network, nodes: Sequence[UtxoNode]) -> None:
        self._nodes = Nodes(network, nodes)
        self._newest = 0

    @property
    def network(self) -> Network:
        return self._nodes.network

    @property
    def nodes(self) -> int:
        return len(self._nodes.nodes)

    async def check(self) -> Mapping[str, Checked]:
        """Whether every node that answers is on our chain: its first block is."""
        first = await self._nodes.ask_each(lambda node: node.hash_at(GENESIS))
        strange = [name for name, hash_ in first.items() if hash_ != self.network.genesis]
        problem, wrong = "", False
        if strange:
            problem, wrong = f"{', '.join(strange)} is on another chain", True
            _log.error("ALARM: a node is on another chain", extra={"problem": problem})
        elif not first:
            problem = f"no node of {self.network.name} answers"
            _log.debug("coins are off until their chain answers", extra={"problem": problem})
        return {coin.name: Checked(coin, problem, wrong) for coin in self.network.coins.values()}

    async def head(self) -> Head:
        found = await self._nodes.ask(_newest)
        if found.number < self._newest:  # that node fell behind; another one need not have
            others = await self._nodes.ask_each(_newest)
            found = max(found, *others.values(), key=lambda one: one.number)
        self._newest = max(self._newest, found.number)
        return found

    async def heads(self, first: int, last: int) -> list[Head]:
        return await self._nodes.ask(lambda node: node.heads(first, last))

    async def incoming(self, blocks: Sequence[Head], watched: Watched) -> list[Incoming]:
        found: list[Incoming] = []
        for block in blocks:
            outputs = await self._outputs(block)
            ours = await watched({one.receiver for one in outputs})
            found += [one for one in outputs if one.receiver in ours]
        return found

    async def finalized(self) -> int | None:
        return None

    async def agreed(self, number: int, block_hash: str) -> bool | None:
        said = await self._nodes.ask_each(lambda node: node.hash_at(number))
        named = [hash_ for hash_ in said.values() if hash_ is not None]
        if any(hash_ != block_hash for hash_ in named):
            return False
        return True if len(named) > 1 else None

    async def witnessed(self, one: Incoming, nodes: int) -> bool:
        """The hash is enough: nobody can name it and mean other outputs."""
        said = await self._nodes.ask_each(lambda node: node.hash_at(one.block_number))
        return sum(hash_ == one.block_hash for hash_ in said.values()) >= nodes

    async def _outputs(self, block: Head) -> list[Incoming]:
        """In a thread of its own: a full block takes a second, and nobody shall wait for it."""
        told = await self._nodes.ask(lambda node: node.transactions(block.hash))
        return await asyncio.to_thread(_outputs, block, told, self.network.address_prefix)


def _outputs(
    block: Head, transactions: Sequence[Transaction], address_prefix: str
) -> list[Incoming]:
    """What was paid to anybody who has a segwit address."""
    return [
        Incoming(
            contract=NATIVE,
            receiver=receiver,
            units=output.units,
            block_number=block.number,
            block_hash=block.hash,
            transaction=transaction.id,
            place=place,
        )
        for transaction in transactions
        for place, output in enumerate(transaction.outputs)
        if output.units and (receiver := address(output.script, address_prefix))
    ]


async def _newest(node: UtxoNode) -> Head:
    height = await node.height()
    (head,) = await node.heads(height, height)
    return head
