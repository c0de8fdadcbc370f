"""Filling the gateway's hot wallet on the sandbox's chains, as somebody would who sells the gateway coins."""

from pathlib import Path

from nonstopay.sandbox.chain.contracts import PAYER
from nonstopay.sandbox.chain.network import FAKE, NETWORKS, ChainNetwork, Token, is_on, url_of
from nonstopay.sandbox.chain.node_rpc import NodeRpc

COINS = 1_000_000
GAS_COINS = 100
_WEI = 10**18
_BALANCE_OF = "0x70a08231"
_TRANSFER = "0xa9059cbb"


async def fund(data: Path, address: str) -> None:
    """Bring what is below a half up: a million of each stablecoin, and coins for fees.

    Raises:
        Unavailable, Conflict: a chain does not do it.
    """
    for network in NETWORKS.values():
        if is_on(data, network):
            async with NodeRpc(url_of(data, network)) as node:
                await _fund(node, network, address)


async def _fund(node: NodeRpc, network: ChainNetwork, address: str) -> None:
    held = int(await node.ask("eth_getBalance", address, "latest"), 16)
    if held < GAS_COINS * _WEI // 2:
        await node.send({"from": PAYER, "to": address, "value": hex(GAS_COINS * _WEI)})
    for word, token in network.tokens.items():
        if word != FAKE and await _held(node, token, address) < COINS * 10**token.decimals // 2:
            units = COINS * 10**token.decimals
            data = f"{_TRANSFER}{int(address, 16):064x}{units:064x}"
            await node.send({"from": PAYER, "to": token.address, "data": data})


async def _held(node: NodeRpc, token: Token, address: str) -> int:
    question = {"to": token.address, "data": f"{_BALANCE_OF}{int(address, 16):064x}"}
    return int(await node.ask("eth_call", question, "latest"), 16)
