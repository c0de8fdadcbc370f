"""Which chains the sandbox has, which coins are on them, and where a node of each is found.

An EVM network has a `ChainNetwork` in `NETWORKS`; Litecoin, which has no tokens, is `LITECOIN`.

A supervisor writes `<data>/chain/NETWORK.url` when it starts a node; whoever wants to talk to the node
reads it there. The chain ids are nobody's in the real world: what is signed here is worth nothing there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nonstopay.errors import InvalidInput, Unavailable

FOLDER = "chain"
CONFIRMATIONS = 3
"""As in the gateway's table, for amounts below 1,000 dollars."""
FAKE = "fake"


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is deployed on a network.

    Attributes:
        nonce: which of the deployer's transactions creates it; its address follows from that.
    """

    name: str
    symbol: str
    decimals: int
    nonce: int
    address: str


@dataclass(frozen=True, slots=True)
class ChainNetwork:
    """A chain of the sandbox. `tokens`: by the word that the controls use."""

    name: str
    chain_id: int
    native: str
    tokens: Mapping[str, Token]


@dataclass(frozen=True, slots=True)
class UtxoNetwork:
    """A chain of the sandbox that has no tokens. `native`: its coin."""

    name: str
    native: str


def _tokens(decimals: int) -> Mapping[str, Token]:
    """The same on every network, so at the same addresses. The fake one calls itself USDT, too."""
    return {
        "USDC": Token(
            "USD Coin (sandbox)", "USDC", decimals, 0, "0x5FbDB2315678afecb367f032d93F642f64180aa3"
        ),
        "USDT": Token(
            "Tether (sandbox)", "USDT", decimals, 1, "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
        ),
        FAKE: Token(
            "Tether (sandbox)", "USDT", decimals, 2, "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
        ),
    }


NETWORKS: Mapping[str, ChainNetwork] = {
    network.name: network
    for network in (
        ChainNetwork("polygon", 31337137, "POL", _tokens(6)),
        ChainNetwork("ethereum", 31337001, "ETH", _tokens(6)),
        ChainNetwork("bsc", 31337056, "BNB", _tokens(18)),
    )
}


LITECOIN = UtxoNetwork("litecoin", "LTC")
_COOKIE = Path("litecoin", "regtest", ".cookie")
"""Where the node writes its password of the day, below `FOLDER`."""


def network_of(name: str) -> ChainNetwork:
    """The network of this name. Raises `InvalidInput`, naming those there are."""
    try:
        return NETWORKS[name]
    except KeyError:
        names = ", ".join([*NETWORKS, LITECOIN.name])
        raise InvalidInput("network", f"network must be one of: {names}") from None


def url_of(data: Path, network: ChainNetwork | UtxoNetwork) -> str:
    """Where its node was last started.

    Raises:
        Unavailable: none ever was: the chains are off.
    """
    try:
        return _place(data, network).read_text().strip()
    except FileNotFoundError:
        raise Unavailable(
            "the sandbox's chains are off; nonstopay doctor says what is missing"
        ) from None


def is_on(data: Path, network: ChainNetwork | UtxoNetwork) -> bool:
    """Whether its node was started."""
    return _place(data, network).exists()


def litecoin_url(data: Path) -> str:
    """Where Litecoin's node was last started, with its password. Raises `Unavailable` as `url_of`."""
    url = url_of(data, LITECOIN)
    try:
        password = (data / FOLDER / _COOKIE).read_text().strip()
    except FileNotFoundError:
        raise Unavailable("the sandbox's Litecoin is not ready") from None
    return url.replace("://", f"://{password}@", 1)


def say_url(data: Path, network: ChainNetwork | UtxoNetwork, url: str) -> None:
    """Tell the other processes where its node is."""
    place = _place(data, network)
    draft = place.with_suffix(".new")
    draft.write_text(url)
    draft.replace(place)


def forget_url(data: Path, network: ChainNetwork | UtxoNetwork) -> None:
    _place(data, network).unlink(missing_ok=True)


def forget_urls(data: Path) -> None:
    """Forget what a kill left behind: no node runs yet."""
    forget_url(data, LITECOIN)
    for network in NETWORKS.values():
        forget_url(data, network)


def _place(data: Path, network: ChainNetwork | UtxoNetwork) -> Path:
    return data / FOLDER / f"{network.name}.url"
