"""What the gateway wants to know of a chain, whatever its kind: headers, and what came to addresses.

A reader translates and decides nothing. What it does not know it raises (`NodeTrouble`): no method ever
answers "nothing" for a node that was silent, lagged or lied.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nonstopay.connectors.crypto.check import Checked
from nonstopay.connectors.crypto.networks import Network

Watched = Callable[[Iterable[str]], Awaitable[set[str]]]
"""Which of these addresses are ours, spelt as `Account.address` spells them; asked for a block at a time."""

NATIVE = ""
"""The contract of a coin that has none."""


@dataclass(frozen=True, slots=True)
class Head:
    """A block's header. `timestamp`: seconds since 1970, as its maker says."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """One movement of a coin to an address of ours, whoever sent it.

    Attributes:
        contract: the token's, as the network spells it; `NATIVE`.
        units: of the coin's smallest unit; above zero.
        place: which of its transaction's movements it is: the number of the log among the transfers
            that the transaction logged, the number of the output; -1 for the transaction's own value.
            It is the same when the transaction is mined again in another block.
    """

    contract: str
    receiver: str
    units: int
    block_number: int
    block_hash: str
    transaction: str
    place: int


class Reader(Protocol):
    """All nodes of one network, as one. Every method raises `NodeTrouble` as `JsonRpc.ask` does."""

    @property
    def network(self) -> Network: ...

    @property
    def nodes(self) -> int:
        """How many nodes are configured."""

    async def check(self) -> Mapping[str, Checked]:
        """Whether the chain is the one of our table, coin by coin. Raises nothing."""

    async def head(self) -> Head:
        """The newest block."""

    async def heads(self, first: int, last: int) -> list[Head]:
        """The blocks from `first` to `last`, each the parent of the next. All of them, or trouble."""

    async def incoming(self, blocks: Sequence[Head], watched: Watched) -> list[Incoming]:
        """Everything that came to watched addresses in exactly these blocks, in the chain's order.

        Transfers of any token's contract, and of the native coin where the transaction succeeded.
        """

    async def finalized(self) -> int | None:
        """The newest block that the network calls final; `None` where there is no such thing."""

    async def agreed(self, number: int, block_hash: str) -> bool | None:
        """Whether another node names the same block; `None` if no other one answers or has it."""

    async def witnessed(self, one: Incoming, nodes: int) -> bool:
        """Whether so many nodes, each asked by itself, tell of this very transfer, in this very block.

        False as long as fewer do: they differ, or do not answer.
        """
