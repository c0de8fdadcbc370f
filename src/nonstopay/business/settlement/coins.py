"""The stablecoins that merchants are settled in, network by network.

Source: the issuers' own lists of contracts (Circle for USDC, Tether for USDT). A coin is named by its
contract: a token that merely calls itself USDC is not in this table.
"""

from dataclasses import dataclass

from nonstopay.errors import InvalidInput
from nonstopay.money import Currency, coin

AT_PAR_WITH = "USD"
"""A unit of every coin here is a unit of this currency."""


@dataclass(frozen=True, slots=True)
class Stablecoin:
    """A coin on a network. `contract` is written with the capitals of EIP-55."""

    network: str
    code: str
    decimals: int
    contract: str

    @property
    def currency(self) -> Currency:
        return coin(self.code, self.decimals)


# fmt: off
COINS = (
    Stablecoin("polygon",  "USDC", 6, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"),
    Stablecoin("polygon",  "USDT", 6, "0xc2132D05D31c914a87C6611C10748AEb04B58e8F"),
    Stablecoin("ethereum", "USDC", 6, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"),
    Stablecoin("ethereum", "USDT", 6, "0xdAC17F958D2ee523a2206206994597C13D831ec7"),
)
# fmt: on


def find(network: str, code: str) -> Stablecoin:
    """The coin of this name on this network.

    Raises:
        InvalidInput: nobody is settled in it.
    """
    for one in COINS:
        if (one.network, one.code) == (network, code):
            return one
    known = ", ".join(f"{one.code} on {one.network}" for one in COINS)
    raise InvalidInput("coin", f"there is no settlement in {code} on {network}; there is {known}")
