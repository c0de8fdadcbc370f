"""A watcher over a scripted chain and a real database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from nonstopay import clock
from nonstopay.business.deposits import records
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.check import check
from nonstopay.business.deposits.deposit import Deposit
from nonstopay.business.deposits.derive import derive
from nonstopay.business.deposits.sandbox_accounts import ACCOUNTS
from nonstopay.business.deposits.watch.watcher import Watcher
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import read_account
from nonstopay.connectors.crypto.evm_network import EvmNetwork
from nonstopay.connectors.crypto.evm_node import EvmNode
from nonstopay.connectors.crypto.evm_reader import EvmReader
from nonstopay.connectors.crypto.json_rpc import JsonRpc
from nonstopay.connectors.http import ProviderHttp
from nonstopay.money import Money, parse
from nonstopay.store.db import Database
from tests.connectors.serving import serving
from tests.unit.crypto.scripted_chain import ScriptedChain
from tests.unit.crypto.scripted_node import ScriptedNode

NETWORKS = networks.load()
ETHEREUM = NETWORKS["ethereum"]
MERCHANT = 7


def dollars(text: str) -> Money:
    return parse(text, networks.DOLLAR)


@dataclass
class Watch:
    """Two nodes, each with its chain (at first the same), and how the gateway watches them."""

    db: Database
    chain: ScriptedChain
    second: ScriptedChain
    nodes: list[ScriptedNode]
    chains: Chains
    watcher: Watcher

    def another(self, name: str) -> Watcher:
        return Watcher(self.db, self.chains, self.chains.readers["ethereum"], name)

    async def address(self, invoice_id: int = 1, network: str = "ethereum") -> str:
        async with self.db.transaction() as tx:
            made = await derive(tx, self.chains, MERCHANT, invoice_id, network, clock.now())
        return made.address

    async def look(self) -> None:
        """Look until there is nothing new."""
        while await self.watcher.turn():
            pass

    async def deposits(self, invoice_id: int = 1) -> list[Deposit]:
        async with self.db.reading() as conn:
            return await records.of_invoice(conn, MERCHANT, invoice_id)

    async def states(self, invoice_id: int = 1) -> list[str]:
        return [str(one.state) for one in await self.deposits(invoice_id)]

    async def jobs(self) -> list[str]:
        rows = await self.db.fetch("SELECT key FROM job WHERE kind = 'deposits:changed'")
        return sorted(row["key"] for row in rows)

    async def forget_jobs(self) -> None:
        await self.db.execute("DELETE FROM job")


@pytest.fixture
async def watch(database: Database) -> AsyncIterator[Watch]:
    """The second node has the first one's chain until a test gives it another one's words."""
    chain = ScriptedChain(ETHEREUM)
    nodes = [ScriptedNode(chain.words()), ScriptedNode(chain.words())]
    routes = [node.route(f"/{number}") for number, node in enumerate(nodes, start=1)]
    async with serving(routes) as url, ProviderHttp(limit_seconds=2) as http:
        evm = EvmNetwork(
            ETHEREUM, [EvmNode(JsonRpc(http, f"{url}/{one}", f"#{one}")) for one in (1, 2)]
        )
        chains = Chains(
            NETWORKS,
            {"ethereum": EvmReader(evm)},
            {"evm": read_account(ACCOUNTS["evm"], ETHEREUM)},
            dust=dollars("0.01"),
            two_nodes_above=dollars("1000.00"),
        )
        await check(chains)
        watcher = Watcher(database, chains, chains.readers["ethereum"], "one")
        made = Watch(database, chain, chain, nodes, chains, watcher)
        await made.look()
        yield made
