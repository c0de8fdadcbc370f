"""The transaction: an order to send coins, and how far it has come."""

from dataclasses import dataclass
from datetime import date, datetime

from nonstopay.business.transactions.payout import Answer, Confirmed, Refused, Sent, Unknown
from nonstopay.business.transactions.states import State
from nonstopay.signer.spend import Spend


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """An order.

    Attributes:
        coin: its ticker; empty for a call of a contract.
        units: of the coin's smallest unit.
        sender, nonce: from where, and its number there, once it has one.
        tx_hash: of the newest bytes; once it is mined, of those that were.
        problem: why it waits or was refused, for people.
        counted_on: the day whose limit it counts for.
    """

    key: str
    merchant_id: int
    network: str
    coin: str
    exponent: int
    units: int
    address: str
    data: bytes
    state: State
    version: int = 0
    sender: str | None = None
    nonce: int | None = None
    tx_hash: str | None = None
    block_hash: str | None = None
    block_number: int | None = None
    problem: str | None = None
    counted_on: date
    not_before: datetime
    asked_at: datetime
    state_at: datetime

    @property
    def spend(self) -> Spend:
        """What the signer is told of it."""
        return Spend(
            network=self.network,
            coin=self.coin,
            to=self.address,
            units=str(self.units),
            data=self.data.hex(),
        )

    def is_same_order(self, other: "Transaction") -> bool:
        return (self.merchant_id, self.spend) == (other.merchant_id, other.spend)

    @property
    def answer(self) -> Answer:
        """What its caller is told."""
        match self.state:
            case State.REFUSED:
                return Refused(self.problem or "refused")
            case State.FAILED:
                return Refused(f"{self.tx_hash} was reverted")
            case State.CONFIRMED if self.tx_hash:
                return Confirmed(self.tx_hash)
        if self.tx_hash is None or (self.state is State.MINED and self.problem):
            return Unknown(self.problem or f"it is {self.state}")
        return Sent(self.tx_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A transaction's bytes at its nonce.

    Attributes:
        number: counts those with raised fees.
        max_fee, tip: wei for a unit of gas.
        bump_at: from when on it is signed again for more, if it is in no block.
        sent_at: when a node last took it.
    """

    number: int
    hash: str
    raw: bytes
    max_fee: int
    tip: int
    signed_at: datetime
    bump_at: datetime
    sent_at: datetime | None
