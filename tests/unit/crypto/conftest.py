from collections.abc import AsyncIterator

import pytest

from nonstopay.connectors.crypto.evm_node import EvmNode
from nonstopay.connectors.crypto.json_rpc import JsonRpc
from nonstopay.connectors.http import ProviderHttp
from tests.connectors.serving import serving
from tests.unit.crypto.scripted_node import ScriptedNode


@pytest.fixture
async def pair() -> AsyncIterator[tuple[list[ScriptedNode], list[EvmNode]]]:
    """Two nodes that do as told, and how we ask them."""
    scripts = [ScriptedNode(), ScriptedNode()]
    routes = [script.route(f"/{number}") for number, script in enumerate(scripts, start=1)]
    async with serving(routes) as address, ProviderHttp(limit_seconds=2) as http:
        nodes = [
            EvmNode(JsonRpc(http, f"{address}/{number}?key=of-ours", f"polygon #{number}"))
            for number in (1, 2)
        ]
        yield scripts, nodes


@pytest.fixture
def script(pair: tuple[list[ScriptedNode], list[EvmNode]]) -> ScriptedNode:
    return pair[0][0]


@pytest.fixture
def node(pair: tuple[list[ScriptedNode], list[EvmNode]]) -> EvmNode:
    return pair[1][0]
