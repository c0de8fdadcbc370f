"""Reading TRON: its headers, and which tokens came to addresses of ours in them.

TRX itself is not seen: it is none of our coins, and what nodes say of it is not to be trusted (`tron_node`).
"""

from collections.abc import Sequence

from nonstopay.connectors.crypto import tron_address
from nonstopay.connectors.crypto.evm_node import EvmNode
from nonstopay.connectors.crypto.evm_reader import EvmReader
from nonstopay.connectors.crypto.evm_traffic import Move
from nonstopay.connectors.crypto.reader import Head, Incoming, Watched


class TronReader(EvmReader):
    """A `Reader` of TRON; its nodes are `TronNode`s."""

    async def _of_ours(
        self, block: Head, moves: Sequence[Move], watched: Watched
    ) -> list[Incoming]:
        found = [_incoming(block, move) for move in moves]
        ours = await watched({one.receiver for one in found}) if found else set()
        return [one for one in found if one.receiver in ours]

    async def witnessed(self, one: Incoming, nodes: int) -> bool:
        said = await self._evm.ask_each(lambda node: _tells_of(node, one))
        return sum(said.values()) >= nodes


async def _tells_of(node: EvmNode, one: Incoming) -> bool:
    """Whether this node has the transaction in that block, done, and the very transfer in it."""
    found = await node.moves_of(one.transaction)
    if found is None:
        return False
    receipt, moves = found
    block = Head(receipt.block_number, receipt.block_hash, "", 0)
    return receipt.succeeded and one in [_incoming(block, move) for move in moves]


def _incoming(block: Head, move: Move) -> Incoming:
    return Incoming(
        contract=tron_address.spell(move.contract),
        receiver=tron_address.spell(move.receiver),
        units=move.units,
        block_number=block.number,
        block_hash=block.hash,
        transaction=move.transaction,
        place=move.place,
    )
