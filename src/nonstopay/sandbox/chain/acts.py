"""What payers, miners and bad luck do on the sandbox's chains."""

import re
from pathlib import Path

from nonstopay.errors import Conflict, InvalidInput
from nonstopay.money import Money, coin, parse
from nonstopay.sandbox.chain import litecoin
from nonstopay.sandbox.chain.contracts import PAYER, deploy
from nonstopay.sandbox.chain.network import FAKE, LITECOIN, ChainNetwork, network_of, url_of
from nonstopay.sandbox.chain.node_rpc import NodeRpc

BLOCKS_MAX = 500
DEPTH_MAX = 100
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_TRANSFER = "0xa9059cbb"  # transfer(address,uint256)
_NATIVE_DECIMALS = 18


async def pay(
    data: Path, network_name: str, coin_name: str, address: str, amount: str, *, token: str = ""
) -> str:
    """Send coins from the funded payer, in a block of its own; the transaction's hash.

    Args:
        coin_name: a token's ticker or the network's native coin.
        amount: in whole coins, `15.04`.
        token: `fake` sends a look-alike instead, which calls itself USDT and is not.

    Raises:
        InvalidInput: an unknown network, coin or token; no address; no amount.
        Unavailable: the chains are off.
    """
    if network_name == LITECOIN.name:
        _require_litecoin(coin_name, token)
        return await litecoin.pay(data, address, amount)
    network = network_of(network_name)
    if not _ADDRESS.fullmatch(address):
        raise InvalidInput("address", "address must be 0x and 40 hexadecimal digits")
    if token not in ("", FAKE):
        raise InvalidInput("token", f"token must be {FAKE}, or not be there")
    transaction = _transfer(network, token or coin_name, address, amount)
    async with NodeRpc(url_of(data, network)) as node:
        await deploy(node, network)
        return await node.send({"from": PAYER, **transaction})


async def mine(data: Path, network_name: str, blocks: int) -> int:
    """Make so many empty blocks, 1 to 500; the newest one's number."""
    if not 1 <= blocks <= BLOCKS_MAX:
        raise InvalidInput("blocks", f"blocks must be 1 to {BLOCKS_MAX}")
    if network_name == LITECOIN.name:
        return await litecoin.mine(data, blocks)
    network = network_of(network_name)
    async with NodeRpc(url_of(data, network)) as node:
        await node.ask("anvil_mine", hex(blocks))
        return await _head(node)


async def reorg(data: Path, network_name: str, depth: int) -> int:
    """Replace the newest blocks by as many empty ones; what was paid in them is gone.

    Args:
        depth: 1 to 100; no deeper than what was built since the node started, nor than the coins.

    Raises:
        Conflict: the chain cannot go back so far.
    """
    if not 1 <= depth <= DEPTH_MAX:
        raise InvalidInput("depth", f"depth must be 1 to {DEPTH_MAX}")
    if network_name == LITECOIN.name:
        return await litecoin.reorg(data, depth)
    network = network_of(network_name)
    async with NodeRpc(url_of(data, network)) as node:
        await deploy(node, network)
        if await _head(node) - depth < len(network.tokens):
            raise Conflict(f"{network.name} is not {depth} blocks long; make some with mine")
        await node.ask("anvil_reorg", depth, [])
        return await _head(node)


async def _head(node: NodeRpc) -> int:
    return int(await node.ask("eth_blockNumber"), 16)


def _require_litecoin(coin_name: str, token: str) -> None:
    if token:
        raise InvalidInput("token", f"{LITECOIN.name} has no tokens")
    if coin_name != LITECOIN.native:
        raise InvalidInput("coin", f"on {LITECOIN.name} there is: {LITECOIN.native}")


def _transfer(network: ChainNetwork, word: str, address: str, amount: str) -> dict[str, str]:
    if word == network.native:
        return {"to": address, "value": hex(_units(word, _NATIVE_DECIMALS, amount).minor)}
    if word not in network.tokens:
        coins = ", ".join([*(name for name in network.tokens if name != FAKE), network.native])
        raise InvalidInput("coin", f"on {network.name} there are: {coins}")
    token = network.tokens[word]
    units = _units(token.symbol, token.decimals, amount).minor
    return {"to": token.address, "data": f"{_TRANSFER}{int(address, 16):064x}{units:064x}"}


def _units(ticker: str, decimals: int, amount: str) -> Money:
    return parse(amount, coin(ticker, decimals))
