import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.evm_network import EvmNetwork, connect
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Misconfigured
from nonstopay.sandbox.chain.contracts import prepare
from nonstopay.sandbox.chain.network import NETWORKS, url_of
from nonstopay.sandbox.chain.node import ChainNodes, find_packages, find_program


def _left_out() -> Iterator[str]:
    """What needs a program that make could not fetch here; tools/litecoin.sh and tools/chain.sh say so."""
    if shutil.which("litecoind") is None:
        yield "test_litecoin.py"
    try:
        find_packages()
    except Misconfigured:
        yield "test_python_node.py"


collect_ignore = tuple(_left_out())


@pytest.fixture(scope="session")
def anvil() -> None:
    """The node's program, which CI has."""
    try:
        find_program()
    except Misconfigured as error:
        pytest.skip(str(error))


@pytest.fixture
def chain_data(anvil: None, tmp_path: Path) -> Iterator[Path]:
    """A folder in which the sandbox's chains run."""
    with ChainNodes(tmp_path):
        yield tmp_path


@pytest.fixture
async def chains(chain_data: Path) -> AsyncIterator[dict[str, EvmNetwork]]:
    """The running chains, as the gateway asks them."""
    await prepare(chain_data)
    async with ProviderHttp() as http:
        yield connected(chain_data, http)


def connected(data: Path, http: ProviderHttp) -> dict[str, EvmNetwork]:
    """The gateway's view of the chains that run in `data`."""
    nodes = {name: {"rpc": url_of(data, network)} for name, network in NETWORKS.items()}
    return connect(networks.load(shipped=networks.SANDBOX), nodes, http)
