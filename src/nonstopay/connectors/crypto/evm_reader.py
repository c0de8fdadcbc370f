"""Reading an EVM network: its headers, and what came to addresses of ours in them.

A block is asked for by its hash throughout, so that nothing of another block gets in. Who sent a coin does
not matter, nor what his transaction called: a token counts by its contract's log, the native coin by a
transaction that succeeded. What a contract sends of the native coin leaves no trace in a block, and is
not seen.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from nonstopay.connectors.crypto.check import Checked, check
from nonstopay.connectors.crypto.evm_address import spell
from nonstopay.connectors.crypto.evm_network import EvmNetwork
from nonstopay.connectors.crypto.evm_node import EvmNode
from nonstopay.connectors.crypto.evm_traffic import OWN_VALUE, Move, spelt
from nonstopay.connectors.crypto.evm_words import Block
from nonstopay.connectors.crypto.json_rpc import NodeLies, NodeRefuses, NodeSilent, NodeTrouble
from nonstopay.connectors.crypto.networks import Network
from nonstopay.connectors.crypto.reader import NATIVE, Head, Incoming, Watched


class EvmReader:
    """A `Reader` of one EVM network."""

    def __init__(self, evm: EvmNetwork) -> None:
        self._evm = evm
        self._newest = 0

    @property
    def network(self) -> Network:
        return self._evm.network

    @property
    def nodes(self) -> int:
        return len(self._evm.nodes)

    async def check(self) -> Mapping[str, Checked]:
        return await check([self._evm])

    async def head(self) -> Head:
        """The first node that has not fallen behind says; if all of them have, the newest there is."""
        found: Block | None = None
        trouble: NodeTrouble | None = None
        for node in self._evm.in_order():
            try:
                told = await _newest(node)
            except NodeTrouble as one:
                self._evm.pass_over(node, one)
                trouble = one
                continue
            if found is None or told.number > found.number:
                found = told
            if told.number >= self._newest:
                break
        if found is None:
            raise trouble or LookupError
        self._newest = max(self._newest, found.number)
        return _head(found)

    async def heads(self, first: int, last: int) -> list[Head]:
        blocks = await self._evm.ask(lambda node: node.blocks(first, last))
        return [_head(one) for one in blocks]

    async def incoming(self, blocks: Sequence[Head], watched: Watched) -> list[Incoming]:
        hashes = [one.hash for one in blocks]
        moves = await self._evm.ask(lambda node: node.moves(hashes))
        return [
            incoming
            for block, ours in zip(blocks, moves, strict=True)
            for incoming in await self._of_ours(block, ours, watched)
        ]

    async def finalized(self) -> int | None:
        try:
            block = await self._evm.ask(lambda node: node.block("finalized"))
        except NodeRefuses:
            return None
        return block.number if block else None

    async def agreed(self, number: int, block_hash: str) -> bool | None:
        says: list[bool] = []
        for node in self._evm.nodes:
            try:
                found = await node.block(number)
            except NodeTrouble as trouble:
                self._evm.pass_over(node, trouble)
            else:
                says += [found.hash == block_hash] if found else []
        if not all(says):
            return False
        return True if len(says) > 1 else None

    async def witnessed(self, one: Incoming, nodes: int) -> bool:
        witnesses = 0
        for node in self._evm.in_order():
            try:
                witnesses += await _tells_of(node, one)
            except NodeTrouble as trouble:
                self._evm.pass_over(node, trouble)
            if witnesses >= nodes:
                return True
        return False

    async def _of_ours(
        self, block: Head, moves: Sequence[Move], watched: Watched
    ) -> list[Incoming]:
        names = spelt(move.receiver for move in moves)
        ours = await watched(names.values()) if names else set()
        return [
            _incoming(block, names[move.receiver], move)
            for move in moves
            if names[move.receiver] in ours
            and (move.place != OWN_VALUE or await self._succeeded(block, move))
        ]

    async def _succeeded(self, block: Head, move: Move) -> bool:
        receipt = await self._evm.ask(lambda node: node.receipt(move.transaction))
        if receipt is None or receipt.block_hash != block.hash:
            name = self.network.name
            raise NodeSilent(name, f"no receipt of {move.transaction} in block {block.number}")
        return receipt.succeeded


async def _newest(node: EvmNode) -> Block:
    found = await node.block("latest")
    if found is None:
        raise NodeLies(node.name, "a chain without a newest block")
    return found


async def _tells_of(node: EvmNode, one: Incoming) -> bool:
    """Whether this node has the transaction in that block, done, and the very transfer in it."""
    found = await node.moves_of(one.transaction)
    if found is None:
        return False
    receipt, moves = found
    block = Head(receipt.block_number, receipt.block_hash, "", 0)
    spell_out = partial(_incoming, block, one.receiver)
    wanted = one.receiver[2:].lower()
    return receipt.succeeded and one in [
        spell_out(move) for move in moves if move.receiver == wanted
    ]


def _incoming(block: Head, receiver: str, move: Move) -> Incoming:
    return Incoming(
        contract=spell(bytes.fromhex(move.contract)) if move.contract else NATIVE,
        receiver=receiver,
        units=move.units,
        block_number=block.number,
        block_hash=block.hash,
        transaction=move.transaction,
        place=move.place,
    )


def _head(block: Block) -> Head:
    return Head(block.number, block.hash, block.parent_hash, block.timestamp)
