"""The chart of accounts: every account that a merchant's book can have, as one table.

A book is written from the gateway's side: what providers hold for us is our asset, what we hold for
the merchant is our liability. An account exists once per book and currency, from its first use on.
"""

from dataclasses import dataclass
from enum import StrEnum

from nonstopay.errors import LawBroken


class Side(StrEnum):
    """What an account counts, and so on which side it grows."""

    ASSET = "asset"
    """What others owe us: grows by debits."""
    LIABILITY = "liability"
    """What we owe: grows by credits."""
    INCOME = "income"
    """What we earned: grows by credits."""
    EXPENSE = "expense"
    """What we lost: grows by debits."""
    POSITION = "position"
    """What we hold (credit) or are short of (debit) after exchanging: either side is in order."""

    def balance(self, debits: int, credits: int) -> int:
        """The balance as it is normally read: positive on the side on which the account grows."""
        is_by_debits = self in (Side.ASSET, Side.EXPENSE)
        return debits - credits if is_by_debits else credits - debits


@dataclass(frozen=True, slots=True)
class Account:
    """A row of the chart.

    Attributes:
        name: as it stands in the books; `<…>` is a hole that a name fills.
        guarded: its debits may never exceed its credits.
        meaning: for people who read the books.
    """

    name: str
    side: Side
    guarded: bool
    meaning: str


PROVIDER = "provider:<connector>"
EXCHANGE = "exchange"
MERCHANT = "merchant"
OWES = "merchant:owes"
WITHHELD = "merchant:withheld"
RESERVE = "merchant:reserve"
SETTLING = "merchant:settling"
PARTNER = "partner:<partner>"
LIQUIDITY = "liquidity:<network>"
DEPOSITS = "deposits:<network>"
FEES = "platform:fees"
MARKUP = "platform:fx"
LOSSES = "platform:losses"
PAYER = "payer"

# fmt: off
CHART = (
    Account(PROVIDER,  Side.ASSET,     False, "what the provider collected for us"),
    Account(EXCHANGE,  Side.POSITION,  False, "what we hold or are short of between two currencies"),
    Account(MERCHANT,  Side.LIABILITY, True,  "what we owe the merchant"),
    Account(OWES,      Side.ASSET,     False, "what the merchant owes us after a chargeback"),
    Account(WITHHELD,  Side.LIABILITY, True,  "what is the merchant's, but held for review"),
    Account(RESERVE,   Side.LIABILITY, True,  "what is the merchant's, but set aside until a date"),
    Account(SETTLING,  Side.LIABILITY, True,  "what is on its way to the merchant's wallet, in the coin"),
    Account(PARTNER,   Side.LIABILITY, True,  "what we owe a partner: his share of our fees"),
    Account(FEES,      Side.INCOME,    False, "what the platform earned on the merchant's payments"),
    Account(MARKUP,    Side.INCOME,    False, "what the platform earned by exchanging for the merchant"),
    Account(LOSSES,    Side.EXPENSE,   False, "what the platform lost: banks took what had gone back"),
    Account(LIQUIDITY, Side.ASSET,     False, "the coins of a network that merchants are paid from"),
    Account(DEPOSITS,  Side.ASSET,     False, "the coins that payers sent to our addresses on a network"),
    Account(PAYER,     Side.LIABILITY, True,  "money that goes back: late, over, twice or refunded"),
)
# fmt: on


def find(name: str) -> Account:
    """The row of the chart that an account of the books belongs to.

    Raises:
        LawBroken: there is no such account.
    """
    for account in CHART:
        stem, hole, _ = account.name.partition("<")
        if name == stem if not hole else name.startswith(stem) and name != stem:
            return account
    raise LawBroken(f"the chart has no account {name}")
