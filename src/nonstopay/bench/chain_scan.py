"""`chain-scan`: blocks of a busy chain, read while a hundred thousand addresses are open.

A node of our own, in this process and over HTTP, tells made-up blocks: hundreds of transfers of many
tokens to strangers, a few of them to us. Each round makes a block and has the watcher look: the time
from its first question to the committed rows is the scan; from the block's birth to the row is the
detection, with the pause between two looks in it.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from nonstopay import clock
from nonstopay.bench.figures import Goal, Latency, Report, Round, at
from nonstopay.bench.scratch import Scratch
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.check import check
from nonstopay.business.deposits.sandbox_accounts import ACCOUNTS
from nonstopay.business.deposits.watch.watcher import Watcher
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import Account, read_account
from nonstopay.connectors.crypto.evm_words import TRANSFER
from nonstopay.connectors.crypto.networks import Network
from nonstopay.connectors.crypto.readers import readers
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import LawBroken
from nonstopay.store.db import Database

ABOUT = "scan blocks of 200 transactions and 400 logs, with 100,000 addresses open"
ADDRESSES = 100_000
DERIVED = 200
"""Addresses that are really derived, and paid to; the others only stand in the table."""
TRANSACTIONS, LOGS, OURS = 200, 400, 2
PAUSE_SECONDS = 0.33
"""Between two looks at a chain with a block a second (`Watcher.pause_seconds`)."""
SCAN_MAX_MS = 100.0
DETECTION_MAX_MS = 500.0
_SEED = 4
_MERCHANT = 1


async def measure(scratch: Scratch, seconds: float, say: Callable[[str], None]) -> Report:
    """Scan block after block for so many seconds, then wait for blocks as the worker does."""
    db = await scratch.open_database()
    network = networks.load()["ethereum"]
    account = read_account(ACCOUNTS["evm"], network)
    node = _Node(network, [account.address(network, number) for number in range(DERIVED)])
    try:
        say(f"writing {ADDRESSES:,} addresses")
        await _fill(db, account, node.ours)
        async with _served(node) as url, ProviderHttp(answer_max=64 << 20) as http:
            chains = Chains(
                networks.load(),
                readers(networks.load(), {network.name: {"rpc": url}}, http),
                {"evm": account},
            )
            await check(chains)
            watcher = Watcher(db, chains, chains.readers[network.name], "bench")
            await _look(watcher)
            say("scanning")
            scans = await _scan(watcher, node, seconds / 2)
            say("waiting for blocks")
            detections = await _detect(watcher, node, seconds / 2)
        await _require_rows(db, node)
    finally:
        await db.close()
    return _report(scans, detections)


class _Node:
    """A chain that is made up as it goes. `paid` counts transfers to us."""

    def __init__(self, network: Network, ours: list[str]) -> None:
        self.ours = ours
        self.paid = 0
        self._network = network
        self.chance = random.Random(_SEED)  # noqa: S311  blocks that can be made again, no secrets
        self._headers: list[dict[str, Any]] = []
        self._contents: dict[str, tuple[msgspec.Raw, msgspec.Raw]] = {}
        self._receipts: dict[str, dict[str, Any]] = {}
        self.mine()

    def mine(self) -> None:
        number = len(self._headers)
        hash_ = f"0x{number + 1:064x}"
        transactions = [self._transaction(hash_) for _ in range(TRANSACTIONS)]
        logs = [self._log(hash_, number, index, transactions) for index in range(LOGS)]
        if number:
            for index in self.chance.sample(range(LOGS), OURS):
                self._pay_us(logs[index], number)
        header = {
            "number": hex(number),
            "hash": hash_,
            "parentHash": f"0x{number:064x}",
            "timestamp": hex(1_700_000_000 + 12 * number),
        }
        self._headers.append(header)
        for log in logs:
            if log["transactionHash"] in self._receipts:
                self._receipts[log["transactionHash"]]["logs"].append(log)
        whole = {**header, "transactions": transactions}
        # Written once: a node's own work is no part of what is measured.
        self._contents[hash_] = _written(logs), _written(whole)

    async def answer(self, request: web.Request) -> web.Response:
        told = msgspec.json.decode(await request.read())
        calls = told if isinstance(told, list) else [told]
        answers = [
            {
                "jsonrpc": "2.0",
                "id": one["id"],
                "result": self._result(one["method"], one["params"]),
            }
            for one in calls
        ]
        body = msgspec.json.encode(answers if isinstance(told, list) else answers[0])
        return web.Response(body=body, content_type="application/json")

    def _result(self, method: str, parameters: list[Any]) -> Any:
        match method:
            case "eth_chainId":
                return hex(self._network.chain_id or 0)
            case "eth_call":
                return f"0x{6:064x}"
            case "eth_getLogs":
                return self._contents[parameters[0]["blockHash"]][0]
            case "eth_getBlockByHash":
                return self._contents[parameters[0]][1]
            case "eth_getTransactionReceipt":
                return self._receipts[parameters[0]]
            case "eth_getTransactionByHash":
                receipt = self._receipts[parameters[0]]
                return {"hash": parameters[0], "to": None, "value": "0x0", **receipt}
            case "eth_getBlockByNumber":
                return self._header(parameters[0])
            case _:
                raise LawBroken(f"nobody should ask for {method}")

    def _header(self, which: str) -> Any:
        if which in ("latest", "finalized"):
            return self._headers[-1]
        number = int(which, 16)
        return self._headers[number] if number < len(self._headers) else None

    def _transaction(self, block_hash: str) -> dict[str, Any]:
        return {
            "hash": f"0x{self.chance.getrandbits(256):064x}",
            "to": self._stranger(),
            "from": self._stranger(),
            "value": hex(self.chance.getrandbits(60)),
            "input": f"0x{self.chance.getrandbits(800):0200x}",
            "blockHash": block_hash,
        }

    def _log(
        self, block_hash: str, number: int, index: int, transactions: list[dict[str, Any]]
    ) -> dict[str, Any]:
        return {
            "address": self._stranger(),
            "topics": [TRANSFER, _topic(self._stranger()), _topic(self._stranger())],
            "data": f"0x{self.chance.getrandbits(80):064x}",
            "blockNumber": hex(number),
            "blockHash": block_hash,
            "transactionHash": transactions[index * TRANSACTIONS // LOGS]["hash"],
            "logIndex": hex(index),
            "removed": False,
        }

    def _pay_us(self, log: dict[str, Any], number: int) -> None:
        log["address"] = self._network.coins["USDT"].contract
        log["topics"][2] = _topic(self.chance.choice(self.ours))
        log["data"] = f"0x{15_000_000:064x}"
        self.paid += 1
        self._receipts[log["transactionHash"]] = {
            "transactionHash": log["transactionHash"],
            "blockNumber": hex(number),
            "blockHash": log["blockHash"],
            "status": "0x1",
            "logs": [],
        }

    def _stranger(self) -> str:
        return f"0x{self.chance.getrandbits(160):040x}"


def _written(words: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(words))


def _topic(address: str) -> str:
    return "0x" + address[2:].lower().rjust(64, "0")


@asynccontextmanager
async def _served(node: _Node) -> AsyncIterator[str]:
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/", node.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def _fill(db: Database, account: Account, ours: list[str]) -> None:
    """Addresses as they stand in the table when so many invoices are open."""
    others = [f"0x{number:040x}" for number in range(len(ours), ADDRESSES)]
    every = [*ours, *others]
    await db.execute(
        """INSERT INTO deposit_address (family, address, account, path_index, merchant_id,
                  invoice_id, created_at)
           SELECT 'evm', address, $2, number, $3, number, $4
             FROM unnest($1::text[]) WITH ORDINALITY AS a (address, number)""",
        every,
        ours[0],
        _MERCHANT,
        clock.now(),
    )
    await db.execute("ANALYZE deposit_address")


async def _look(watcher: Watcher) -> None:
    while await watcher.turn():
        pass


async def _scan(watcher: Watcher, node: _Node, seconds: float) -> list[float]:
    took, began = [], clock.stopwatch()
    while clock.stopwatch() - began < seconds:
        node.mine()
        start = clock.stopwatch()
        await _look(watcher)
        took.append(clock.stopwatch() - start)
    return took


async def _detect(watcher: Watcher, node: _Node, seconds: float) -> list[float]:
    """As the worker: look, pause, look; a block comes at any moment of the pause."""
    took: list[float] = []
    began = clock.stopwatch()
    while clock.stopwatch() - began < seconds:
        before = node.chance.random() * PAUSE_SECONDS
        await asyncio.sleep(before)
        node.mine()
        born = clock.stopwatch()
        await asyncio.sleep(PAUSE_SECONDS - before)
        await _look(watcher)
        took.append(clock.stopwatch() - born)
    return took


async def _require_rows(db: Database, node: _Node) -> None:
    """What was paid and not found makes every figure worthless."""
    found = await db.fetchval("SELECT count(*) FROM deposit")
    if found != node.paid:
        raise LawBroken(f"{node.paid} transfers came, {found} were found")


def _report(scans: list[float], detections: list[float]) -> Report:
    scan, detection = Latency.of(scans), Latency.of(detections)
    p95 = round(1000 * at(sorted(scans), 0.95), 1)
    late = round(1000 * at(sorted(detections), 0.95), 1)
    return Report(
        name="chain-scan",
        about=ABOUT,
        rounds=[
            Round("scan", len(scans), round(len(scans) / sum(scans), 1), scan),
            Round(
                "detection", len(detections), round(len(detections) / sum(detections), 1), detection
            ),
        ],
        figures={
            "addresses": ADDRESSES,
            "scan_median_ms": scan.p50_ms,
            "scan_p95_ms": p95,
            "detection_median_ms": detection.p50_ms,
            "detection_p95_ms": late,
        },
        goals=[
            Goal(f"scan of a block, p95, <= {SCAN_MAX_MS:g} ms", f"{p95} ms", p95 <= SCAN_MAX_MS),
            Goal(
                f"head to row, p95, <= {DETECTION_MAX_MS:g} ms",
                f"{late} ms",
                late <= DETECTION_MAX_MS,
            ),
        ],
    )
