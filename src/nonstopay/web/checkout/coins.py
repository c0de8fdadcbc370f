"""The coins a payer can choose from: in which order, how long each takes, what its network asks."""

from collections.abc import Iterable

from nonstopay.business.deposits.worth import STABLE
from nonstopay.connectors.crypto.networks import Coin, Network, Networks
from nonstopay.money import Money, Rounding, divide
from nonstopay.web.checkout.crypto_page import Choice, Fee

FEES = {
    "ethereum": Fee.HIGH,
    "bitcoin": Fee.HIGH,
    "tron": Fee.MIDDLE,
    "polygon": Fee.LOW,
    "arbitrum": Fee.LOW,
    "base": Fee.LOW,
    "bsc": Fee.LOW,
    "litecoin": Fee.LOW,
}
"""What a transfer usually costs. Of a network that an operator added we say nothing."""
SECONDS_TO_FINAL = {"ethereum": 15 * 60, "base": 20 * 60}
"""About how long until the network calls a block final, where that is later than our blocks."""
_RANKS = (Fee.LOW, Fee.MIDDLE, Fee.HIGH, None)
_FIRST = ("USDT", "USDC")


def choices(
    networks: Networks, coins: Iterable[Coin], amount: Money, chosen: str | None = None
) -> list[Choice]:
    """The coins as they are offered: stablecoins first, of each the cheapest network first.

    Args:
        amount: of the invoice, in US dollars: more money waits for more blocks.
        chosen: the coin that was chosen before.
    """
    found = [_choice(networks[coin.network], coin, amount, chosen) for coin in coins]
    return sorted(
        found,
        key=lambda one: (*_rank(one.ticker), _RANKS.index(one.fee), one.usual_seconds, one.name),
    )


def usual_seconds(network: Network, amount: Money) -> int:
    """From a transfer until it counts, about."""
    tier = network.tier(amount)
    seconds = divide(tier.blocks * network.block_milliseconds, 1000, Rounding.UP)
    return max(seconds, SECONDS_TO_FINAL.get(network.name, 0)) if tier.finalized else seconds


def _choice(network: Network, coin: Coin, amount: Money, chosen: str | None) -> Choice:
    return Choice(
        name=coin.name,
        ticker=coin.ticker,
        network=network.title,
        usual_seconds=usual_seconds(network, amount),
        fee=FEES.get(network.name),
        is_chosen=coin.name == chosen,
    )


def _rank(ticker: str) -> tuple[int, str]:
    if ticker in _FIRST:
        return _FIRST.index(ticker), ticker
    return len(_FIRST) + (ticker not in STABLE), ticker
