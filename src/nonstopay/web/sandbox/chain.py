"""The sandbox's chains over HTTP: its controls, and the nodes as a vendor would offer them.

`/sandbox/chain/rpc/NETWORK` passes JSON-RPC on to the network's node, and misbehaves as the fault of the
target `chain` says. Only what a real node answers gets through: the controls are the only magic.
"""

from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nonstopay.errors import InvalidInput
from nonstopay.sandbox import faults
from nonstopay.sandbox.chain import acts
from nonstopay.sandbox.chain.network import (
    CONFIRMATIONS,
    FAKE,
    LITECOIN,
    NETWORKS,
    is_on,
    litecoin_url,
    network_of,
    url_of,
)
from nonstopay.sandbox.chain.node_rpc import NodeRpc
from nonstopay.sandbox.faults import Mode, Target
from nonstopay.web.sandbox.bodies import BODY_MAX, answering_errors, read
from nonstopay.web.sandbox.context import SandboxContext
from nonstopay.web.sandbox.provider_door import Silence

PATH = "/sandbox/chain"
_PUBLIC = ("eth_", "net_", "web3_")
_PUBLIC_OF_LITECOIN = (
    "getblock",
    "getbestblockhash",
    "getmempool",
    "getrawmempool",
    "getrawtransaction",
    "gettxout",
)


class _Pay(msgspec.Struct, frozen=True):
    network: str
    coin: str
    address: str
    amount: str
    token: str = ""


class _Mine(msgspec.Struct, frozen=True):
    network: str
    blocks: int = 1


class _Reorg(msgspec.Struct, frozen=True):
    network: str
    depth: int = 1


def info(context: SandboxContext) -> dict[str, Any]:
    """The networks for `GET /sandbox/info`, those whose nodes run."""
    data = context.chain
    if data is None:
        return {}
    found: dict[str, Any] = {
        network.name: _facts(context, network.name, network.native)
        | {
            "chain_id": network.chain_id,
            "tokens": {
                name: {"address": token.address, "decimals": token.decimals}
                for name, token in network.tokens.items()
                if name != FAKE
            },
        }
        for network in NETWORKS.values()
        if is_on(data, network)
    }
    if is_on(data, LITECOIN):
        found[LITECOIN.name] = _facts(context, LITECOIN.name, LITECOIN.native)
    return found


def _facts(context: SandboxContext, name: str, native: str) -> dict[str, Any]:
    """What a network of any kind has."""
    return {
        "rpc_url": f"{context.base_url}{PATH}/rpc/{name}",
        "chain_id": None,
        "confirmations": CONFIRMATIONS,
        "native": native,
        "tokens": {},
    }


def routes(context: SandboxContext) -> list[Route]:
    """The controls and the nodes; none where there are no chains."""
    data = context.chain
    if data is None:
        return []

    async def pay(request: Request) -> Response:
        wish = await read(request, _Pay)
        transaction = await acts.pay(
            data, wish.network, wish.coin, wish.address, wish.amount, token=wish.token
        )
        return JSONResponse({"tx_hash": transaction})

    async def mine(request: Request) -> Response:
        wish = await read(request, _Mine)
        return JSONResponse({"block_number": await acts.mine(data, wish.network, wish.blocks)})

    async def reorg(request: Request) -> Response:
        wish = await read(request, _Reorg)
        return JSONResponse({"block_number": await acts.reorg(data, wish.network, wish.depth)})

    async def node(request: Request) -> Response:
        fault = await faults.current(context.db, Target.CHAIN)
        if fault is Mode.TIMEOUT:
            return Silence()
        if fault is Mode.ERROR_500:
            return JSONResponse({"error": "internal error"}, 500)
        answer = await _pass_on(data, request)
        return Silence() if fault is Mode.LOST_ANSWER else answer

    return [
        Route(f"{PATH}/pay", answering_errors(pay), methods=["POST"]),
        Route(f"{PATH}/mine", answering_errors(mine), methods=["POST"]),
        Route(f"{PATH}/reorg", answering_errors(reorg), methods=["POST"]),
        Route(f"{PATH}/rpc/{{network}}", answering_errors(node), methods=["POST"]),
    ]


async def _pass_on(data: Path, request: Request) -> Response:
    name = request.path_params["network"]
    if name == LITECOIN.name:
        body, url = await _body(request, _PUBLIC_OF_LITECOIN), litecoin_url(data)
    else:
        network = network_of(name)
        body, url = await _body(request, _PUBLIC), url_of(data, network)
    async with NodeRpc(url) as node:
        return Response(await node.pass_on(body), media_type="application/json")


async def _body(request: Request, public: tuple[str, ...]) -> bytes:
    """A call or a batch of calls, of methods that the public may use: they begin so."""
    body = await request.body()
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise InvalidInput("body", "send JSON-RPC") from None
    calls = told if isinstance(told, list) else [told]
    if len(body) > 4 * BODY_MAX or not all(_is_one_of(call, public) for call in calls):
        raise InvalidInput("method", f"methods begin with {', '.join(public)}")
    return body


def _is_one_of(call: object, public: tuple[str, ...]) -> bool:
    return isinstance(call, dict) and str(call.get("method")).startswith(public)
