"""A deposit: one transfer to one of our addresses, in one block."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.deposits.states import State
from nonstopay.money import Currency, Money

JOB = "deposits:changed"
"""The job that every change of an invoice's deposits asks for; its key is the invoice's number."""
UNKNOWN = Currency("", 0)
"""What tokens that are not on our list are counted in: nobody vouches for their decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """A transfer as it stands.

    Attributes:
        coin: `USDT_polygon`; empty for a token that is not on our list.
        contract: the token's; empty for the native coin.
        place: which movement of its transaction; with the network and the transaction it names the
            transfer, in whatever block (`connectors/crypto/reader.py`).
        amount: in the coin's own currency, or `UNKNOWN`.
        confirmations: blocks from its own to the newest that was read; 0 when its block is not there.
        needed: confirmations to be sure of it.
        needs_final: the network must call its block final, besides.
        witnesses: nodes that must agree on it.
        seen_at: when we first read of it. `state_at`: when its state was reached.
    """

    network: str
    coin: str
    contract: str
    transaction: str
    place: int
    block_number: int
    block_hash: str
    address: str
    merchant_id: int
    invoice_id: int
    amount: Money
    confirmations: int
    needed: int
    needs_final: bool
    witnesses: int
    state: State
    seen_at: datetime
    state_at: datetime


def missing(deposits: Iterable[Deposit]) -> list[Deposit]:
    """Frozen ones, but for those whose transfer is confirmed in another block by now."""
    every = list(deposits)
    back = {
        (one.network, one.transaction, one.place) for one in every if one.state is State.CONFIRMED
    }
    return [
        one
        for one in every
        if one.state is State.FROZEN and (one.network, one.transaction, one.place) not in back
    ]
