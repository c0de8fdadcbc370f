"""The networks and coins we know: a table in TOML, shipped, and an operator's own laid over it.

A coin is named as the public contract names it, `USDT_polygon`: its ticker and its network. On one
network it is told by its contract, never by what a token calls itself; a native coin has none.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import msgspec

from nonstopay.connectors.crypto import evm_address, tron_address
from nonstopay.errors import InvalidAmount, InvalidInput, Misconfigured, NotFound
from nonstopay.money import Currency, Money, coin, fiat, parse

SHIPPED = Path(__file__).with_name("networks.toml")
SANDBOX = Path(__file__).with_name("sandbox.toml")
DOLLAR = fiat("USD")
_NAME = re.compile(r"[a-z][a-z0-9]{1,19}", re.ASCII)
_TICKER = re.compile(r"[A-Z][A-Z0-9]{1,9}", re.ASCII)
_BLOCK_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PATH = re.compile(r"m(/[0-9]{1,9}'){3}", re.ASCII)

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Kind(StrEnum):
    """What a network's chain is like, and so how it is asked and what its addresses look like."""

    EVM = "evm"
    TRON = "tron"
    UTXO = "utxo"


@dataclass(frozen=True, slots=True)
class Tier:
    """How sure we are to be of a payment.

    Attributes:
        below: for payments of less than this, US dollars; `None`: for all others.
        blocks: confirmations, the payment's own block counted.
        finalized: the network must call the block final, besides.
    """

    below: Money | None
    blocks: int
    finalized: bool


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin on one network.

    Attributes:
        contract: the token's contract, its address as the network spells it; `None`: native.
        decimals: of its smallest unit, on this network. USDT has 6 on most, 18 on bsc.
    """

    ticker: str
    network: str
    contract: str | None
    decimals: int

    @property
    def name(self) -> str:
        """As the public contract names it: `USDT_polygon`."""
        return f"{self.ticker}_{self.network}"

    @property
    def currency(self) -> Currency:
        """Its code is the coin's name: a USDT has six decimals on one network, 18 on another."""
        return coin(self.name, self.decimals)


@dataclass(frozen=True, kw_only=True)
class Network:
    """A chain.

    Attributes:
        chain_id: what `eth_chainId` answers there; `None` where there is no such thing.
        address_prefix: of bech32 addresses (`bc`, `ltc`); empty for other kinds.
        genesis: the hash of the first block, by which a UTXO chain is told; empty for other kinds.
        block_milliseconds: between two blocks, about.
        account_path: the BIP-32 path of the account whose extended public key addresses come from.
    """

    name: str
    title: str
    kind: Kind
    chain_id: int | None
    address_prefix: str
    genesis: str
    block_milliseconds: int
    account_path: str
    tiers: tuple[Tier, ...]
    coins: Mapping[str, Coin]

    def tier(self, worth: Money) -> Tier:
        """How sure to be of a payment that is worth so much, US dollars."""
        return next(tier for tier in self.tiers if tier.below is None or worth < tier.below)

    @cached_property
    def native(self) -> Coin | None:
        """The coin that is no token, if we take it."""
        return next((coin for coin in self.coins.values() if coin.contract is None), None)


class Networks(Mapping[str, Network]):
    """The networks by name; and the coins of all of them."""

    def __init__(self, networks: Mapping[str, Network]) -> None:
        self._networks = dict(networks)

    def __getitem__(self, name: str) -> Network:
        return self._networks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._networks)

    def __len__(self) -> int:
        return len(self._networks)

    def coins(self) -> Iterator[Coin]:
        for network in self._networks.values():
            yield from network.coins.values()

    def coin(self, name: str) -> Coin:
        """The coin called `USDT_polygon`.

        Raises:
            NotFound: there is none of this name.
        """
        ticker, _, network = name.partition("_")
        try:
            return self._networks[network].coins[ticker]
        except KeyError:
            raise NotFound(f"no coin is called {name}") from None


class _Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Positive
    below: str | None = None
    finalized: bool = False


class _Coin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    decimals: Annotated[int, msgspec.Meta(ge=0, le=18)]
    contract: str | None = None


class _Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    kind: Kind
    block_milliseconds: Positive
    account_path: str
    confirmations: Annotated[list[_Tier], msgspec.Meta(min_length=1)]
    coins: dict[str, _Coin]
    chain_id: Positive | None = None
    address_prefix: str = ""
    genesis: str = ""


def load(own: Path | None = None, *, shipped: Path = SHIPPED) -> Networks:
    """The shipped networks, with an operator's file laid over them.

    Args:
        shipped: `SHIPPED`, or `SANDBOX` for the sandbox's own chains.
        own: a TOML file in the form of `networks.toml`; a section may give all of a network, or
            change some of a shipped one's values.

    Raises:
        Misconfigured: what is wrong in it, and where.
    """
    table = _read(shipped)
    if own is not None:
        table = _laid_over(table, _read(own))
    networks = Networks({name: _network(name, section) for name, section in table.items()})
    _require_unique_chains(networks)
    return networks


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"networks: cannot read {file}: {error}") from None


def _laid_over(table: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(table)
    for key, value in later.items():
        earlier = merged.get(key)
        if isinstance(earlier, dict) and isinstance(value, dict):
            merged[key] = _laid_over(earlier, value)
        else:
            merged[key] = value
    return merged


def _network(name: str, section: object) -> Network:
    try:
        told = msgspec.convert(section, _Network)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"network {name}: {error}") from None
    if not _NAME.fullmatch(name):
        raise Misconfigured(f"network {name}: a name is small letters and digits")
    if not _PATH.fullmatch(told.account_path):
        raise Misconfigured(f"network {name}: account_path is like m/44'/60'/0'")
    if (told.chain_id is None) != (told.kind is Kind.UTXO):
        raise Misconfigured(f"network {name}: chain_id is for evm and tron, and needed there")
    if bool(told.address_prefix) != (told.kind is Kind.UTXO):
        raise Misconfigured(f"network {name}: address_prefix is for utxo, and needed there")
    if bool(_BLOCK_HASH.fullmatch(told.genesis)) != (told.kind is Kind.UTXO):
        raise Misconfigured(f"network {name}: genesis is a hash, for utxo, and needed there")
    return Network(
        name=name,
        title=told.title,
        kind=told.kind,
        chain_id=told.chain_id,
        address_prefix=told.address_prefix,
        genesis=told.genesis,
        block_milliseconds=told.block_milliseconds,
        account_path=told.account_path,
        tiers=_tiers(name, told.confirmations),
        coins={
            ticker: _coin(name, told.kind, ticker, facts) for ticker, facts in told.coins.items()
        },
    )


def _tiers(network: str, told: list[_Tier]) -> tuple[Tier, ...]:
    """In rising order, the last one for all amounts: so every payment finds exactly one."""
    try:
        tiers = tuple(
            Tier(None if one.below is None else parse(one.below, DOLLAR), one.blocks, one.finalized)
            for one in told
        )
    except InvalidAmount:
        raise Misconfigured(f'network {network}: `below` is dollars, like "1000.00"') from None
    bounds = [tier.below for tier in tiers[:-1] if tier.below is not None]
    rising = all(one < next_one for one, next_one in pairwise(bounds))
    if tiers[-1].below is not None or len(bounds) != len(tiers) - 1 or not rising:
        raise Misconfigured(
            f"network {network}: confirmations rise by `below`, and the last has none"
        )
    return tiers


def _coin(network: str, kind: Kind, ticker: str, told: _Coin) -> Coin:
    name = f"{ticker}_{network}"
    if not _TICKER.fullmatch(ticker):
        raise Misconfigured(f"coin {name}: a ticker is capitals and digits")
    if told.contract is not None:
        try:
            _require_contract(kind, told.contract)
        except InvalidInput as error:
            raise Misconfigured(f"coin {name}: its contract: {error}") from None
    return Coin(ticker, network, told.contract, told.decimals)


def _require_contract(kind: Kind, address: str) -> None:
    match kind:
        case Kind.EVM:
            evm_address.read(address)
        case Kind.TRON:
            tron_address.read(address)
        case Kind.UTXO:
            raise InvalidInput("contract", "such a network has no tokens")


def _require_unique_chains(networks: Networks) -> None:
    """Two names for one chain would count its payments twice."""
    ids = [network.chain_id or network.genesis for network in networks.values()]
    if len(set(ids)) != len(ids):
        raise Misconfigured("networks: two of them have the same chain_id, or genesis")
    contracts = [(coin.network, coin.contract) for coin in networks.coins()]
    if len(set(contracts)) != len(contracts):
        raise Misconfigured("networks: two coins of one network have the same contract, or none")
