"""The sandbox's Litecoin: who pays, mines and reorganises on it.

A wallet in the node is the payer. Nothing comes into a block but what is put there by name, so that a
payment which a reorganisation took back stays gone: the node would mine it again by itself.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from nonstopay.errors import Conflict, InvalidInput, Unavailable
from nonstopay.money import coin, parse
from nonstopay.sandbox.chain.network import LITECOIN, litecoin_url
from nonstopay.sandbox.chain.node_rpc import NodeRpc

READY_SECONDS = 20.0
WALLET = "payer"
FUNDED_BLOCKS = 150
"""What is mined rests for a hundred blocks, so the payer has 50 × 50 LTC; and it is mined in a second."""
_STEP_SECONDS = 0.05
_DECIMALS = 8


async def prepare(data: Path) -> None:
    """Wait for the node, and have a payer with money. Raises `Unavailable` if the node does not come."""
    async with NodeRpc(await _ready_url(data)) as node:
        await fund(node)


async def fund(node: NodeRpc) -> None:
    """Make the wallet, or take it up again, and mine until it has something to spend."""
    if WALLET not in await node.ask("listwallets"):
        known = await node.ask("listwalletdir")
        is_there = any(one["name"] == WALLET for one in known["wallets"])
        await node.ask("loadwallet" if is_there else "createwallet", WALLET)
    missing = FUNDED_BLOCKS - await _head(node)
    if missing > 0:
        await node.ask("generatetoaddress", missing, await node.ask("getnewaddress"))


async def pay(data: Path, address: str, amount: str) -> str:
    """Send litecoins, in a block of its own; the transaction's hash.

    Raises:
        InvalidInput: no address of this chain; no amount.
        Conflict: the payer has not so much: mine.
        Unavailable: the chain is off.
    """
    units = parse(amount, coin(LITECOIN.native, _DECIMALS))
    async with NodeRpc(litecoin_url(data)) as node:
        await fund(node)
        if not (await node.ask("validateaddress", address))["isvalid"]:
            raise InvalidInput("address", "address must be one of Litecoin's regtest, rltc1…")
        transaction: str = await node.ask("sendtoaddress", address, units.short_text())
        await _mine(node, 1, [transaction])
        return transaction


async def mine(data: Path, blocks: int) -> int:
    """Make so many empty blocks; the newest one's number."""
    async with NodeRpc(litecoin_url(data)) as node:
        await fund(node)
        await _mine(node, blocks)
        return await _head(node)


async def reorg(data: Path, depth: int) -> int:
    """Replace the newest blocks by as many empty ones. Raises `Conflict`: the chain is too short."""
    async with NodeRpc(litecoin_url(data)) as node:
        await fund(node)
        first = await _head(node) - depth + 1
        if first <= FUNDED_BLOCKS:
            raise Conflict(f"{LITECOIN.name} is not {depth} blocks long; make some with mine")
        await node.ask("invalidateblock", await node.ask("getblockhash", first))
        await _mine(node, depth)
        return await _head(node)


async def _mine(node: NodeRpc, blocks: int, transactions: Sequence[str] = ()) -> None:
    """Blocks of exactly these. Their miner is a new one, so that none is the very one it replaces."""
    miner = await node.ask("getnewaddress")
    for _ in range(blocks):
        await node.ask("generateblock", miner, transactions)


async def _head(node: NodeRpc) -> int:
    return int(await node.ask("getblockcount"))


async def _ready_url(data: Path) -> str:
    """Where the node is, once it answers."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            while True:
                try:
                    url = litecoin_url(data)
                    async with NodeRpc(url) as node:
                        await node.ask("getblockcount")
                except (Unavailable, Conflict):  # it does not listen yet; it is still loading
                    await asyncio.sleep(_STEP_SECONDS)
                else:
                    return url
    except TimeoutError:
        raise Unavailable(
            "the sandbox's Litecoin does not start; see data/chain/litecoin"
        ) from None
