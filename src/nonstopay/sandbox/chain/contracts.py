"""Deploying the sandbox's coins: always in the same order by the same account, so at the same places.

The account is the first of the node's own, unlocked there; it gets the whole supply and is the payer.
Deploying twice does no harm: a nonce is used once.
"""

import asyncio
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

from nonstopay.errors import Conflict, LawBroken, Unavailable
from nonstopay.sandbox.chain.network import NETWORKS, ChainNetwork, Token, url_of
from nonstopay.sandbox.chain.node_rpc import NodeRpc

PAYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SUPPLY = 10**12
"""In whole coins."""
READY_SECONDS = 20.0
_STEP_SECONDS = 0.05
_WORD = 32


async def prepare(data: Path) -> None:
    """Have the coins on every network. Raises `Unavailable` if a node does not come."""
    for network in NETWORKS.values():
        async with NodeRpc(url_of(data, network)) as node:
            await _wait_for(node)
            await deploy(node, network)


async def deploy(node: NodeRpc, network: ChainNetwork) -> None:
    """Put the coins that are missing where they belong."""
    for token in network.tokens.values():
        if await _is_there(node, token):
            continue
        creation = {"from": PAYER, "nonce": hex(token.nonce), "data": _creation(token)}
        with suppress(Conflict):  # somebody else was faster, which shows below
            await node.send(creation)
        await _until_there(node, token)


async def _is_there(node: NodeRpc, token: Token) -> bool:
    code: str = await node.ask("eth_getCode", token.address, "latest")
    return code != "0x"


async def _until_there(node: NodeRpc, token: Token) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not await _is_there(node, token):  # noqa: ASYNC110
                await asyncio.sleep(_STEP_SECONDS)
    except TimeoutError:
        raise LawBroken(f"{token.symbol} is not where it should be, {token.address}") from None


async def _wait_for(node: NodeRpc) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while True:
                try:
                    await node.ask("eth_chainId")
                except Unavailable:
                    await asyncio.sleep(_STEP_SECONDS)
                else:
                    return
    except TimeoutError:
        raise Unavailable("the sandbox's chain does not start; see its log in data/chain") from None


def _creation(token: Token) -> str:
    """The contract's code, and behind it what its constructor is told, in Ethereum's ABI."""
    supply = SUPPLY * 10**token.decimals
    name, symbol = _text(token.name), _text(token.symbol)
    head = [4 * _WORD, 4 * _WORD + len(name), token.decimals, supply]
    return _bytecode() + (b"".join(one.to_bytes(_WORD) for one in head) + name + symbol).hex()


def _text(text: str) -> bytes:
    """Its length, then its bytes, filled up to whole words."""
    raw = text.encode()
    return len(raw).to_bytes(_WORD) + raw + bytes(-len(raw) % _WORD)


@cache
def _bytecode() -> str:
    compiled = Path(__file__).with_name("stablecoin.json").read_bytes()
    return str(msgspec.json.decode(compiled)["bytecode"])
