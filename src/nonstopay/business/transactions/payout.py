"""Who sends coins, as those who owe them see him: asked under a key, he answers what became of it.

The same key asked again is the same transfer: whoever sends must remember his keys before he sends, and
must not answer `Refused` unless nothing was sent under that key and nothing will be.
"""

from dataclasses import dataclass
from typing import Protocol

from nonstopay.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Pay this address this amount of this coin on this network.

    Attributes:
        key: names the transfer, once for ever.
        amount: in the coin's ticker (`USDC`) or its whole name (`USDC_polygon`), with its decimals.
        root: 32 bytes, the statement's digest, to go along where the network has a place for it; or
            nothing.
    """

    key: str
    merchant_id: int
    network: str
    amount: Money
    address: str
    root: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Call a contract, which must be on the list `hot_contracts`; no coin of ours goes along.

    Attributes:
        data: the selector of the function and its arguments.
    """

    key: str
    merchant_id: int
    network: str
    contract: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """On its way; not final yet. A later answer may name another hash for the same transfer."""

    tx_hash: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Final on its network."""

    tx_hash: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say just now; `detail` is for people."""

    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was sent under this key, and nothing will be."""

    reason: str


Answer = Sent | Confirmed | Unknown | Refused


class Payout(Protocol):
    """A sender of coins."""

    async def ask(self, order: Order) -> Answer:
        """Send it, or say how far it has come. Never called inside a transaction.

        Raises:
            Conflict: the key names another transfer.
        """
