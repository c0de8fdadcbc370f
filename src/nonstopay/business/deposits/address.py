"""A receiving address of ours: made for one invoice, watched on every network of its family for ever."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositAddress:
    """An address and whose it is.

    Attributes:
        family: of networks that share its spelling: `evm`, `tron`, or a UTXO network's name.
        path_index: its number below the account: `.../0/path_index`.
    """

    family: str
    address: str
    path_index: int
    merchant_id: int
    invoice_id: int
