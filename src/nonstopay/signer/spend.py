"""What is to be paid, as the signer is told it: facts in a structure, never bytes to sign."""

from typing import Annotated

import msgspec

Units = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,77})$")]
"""A whole number as text: coins with 18 decimals do not fit into 64 bits."""
Hex = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{2})*$", max_length=1 << 14)]
Address = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{40}$")]


class Spend(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A payment, or a call of a contract.

    Attributes:
        coin: the ticker, `USDC`; empty for a call, which moves no coin of ours.
        to: who receives; the contract, for a call.
        units: of the coin's smallest unit.
        data: bytes behind the arguments of a token's transfer, which its contract does not read; the
            whole of what a contract is called with, for a call.
    """

    network: str
    coin: str
    to: Address
    units: Units
    data: Hex = ""
