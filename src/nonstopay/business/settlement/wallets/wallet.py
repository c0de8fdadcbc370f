"""The wallet: an address that a merchant named, and how far we believe that it is his."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.settlement.wallets.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """A wallet as it stands.

    Attributes:
        challenge: the text that its owner signs.
        proof: his signature, or why the operator approved it.
        starts_at: from when on it is used, once it is confirmed.
    """

    merchant_id: int
    id: int
    state: State
    version: int
    address: str
    coin: str
    network: str
    challenge: str
    proof: str | None
    proposed_at: datetime
    starts_at: datetime | None
    state_at: datetime
