"""Reading TRON from nodes that say what its documents say they say. No node of TRON runs here.

The shapes are those of tronprotocol.github.io/documentation-en: `eth_getBlockByNumber`, `eth_getLogs`,
`eth_getTransactionReceipt`, `/walletsolidity/getnowblock`; the first block below is the documents' own.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nonstopay.connectors.crypto import networks, tron_address
from nonstopay.connectors.crypto.json_rpc import NodeLies, NodeSilent, NodeTrouble
from nonstopay.connectors.crypto.reader import Head, Incoming, Reader
from nonstopay.connectors.crypto.readers import readers
from nonstopay.connectors.http import ProviderHttp
from tests.connectors.serving import serving
from tests.unit.crypto.scripted_node import Refusal, ScriptedNode

TABLE = networks.load()
USDT = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
OURS = "TUEZSdKsoDHQMeZwihtdoBiN46zxhGWYdH"
OTHER = "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
PAID = "0x" + "ab" * 32
DOCUMENTED = {
    "number": "0x3fe1c00",
    "hash": "0x0000000003fe1c00462b498ddae67717e96c785078adb5ccb7279148916e6f97",
    "parentHash": "0x0000000003fe1bff062fa008dcd68f6ab2a96a25bc175df22a04baa0cd391573",
    "miner": "0xa234e405a2c6fd67cdd4d0ea2f6188f65534c8b1",
    "timestamp": "0x69f18a5c",
    "size": "0x73d",
    "transactionsRoot": "0xfda5b0a23514a969259ae378185fc833e2c4e35874ee2f8b6d26d15acd976c6e",
    "stateRoot": "0x",
    "transactions": ["0x95aad4dfc3d5d389291c093425d06b2ce5a97b5b4953645316371158ebde3f27"],
    "uncles": [],
    "gasLimit": "0x0",
    "gasUsed": "0x0",
    "difficulty": "0x0",
    "totalDifficulty": "0x0",
    "extraData": "0x",
    "nonce": "0x0000000000000000",
    "sha3Uncles": "0x" + "0" * 64,
    "receiptsRoot": "0x" + "0" * 64,
    "mixHash": "0x" + "0" * 64,
    "baseFeePerGas": "0x0",
}
FIRST = 0x3FE1C00


def block(number: int, mark: str = "a") -> dict[str, Any]:
    """Blocks of one mark are a chain; each hash begins with its block's number."""
    stamp = hex(1_700_000_000 + 3 * (number - FIRST))
    return DOCUMENTED | {
        "number": hex(number),
        "hash": hash_of(number, mark),
        "parentHash": hash_of(number - 1, mark),
        "timestamp": stamp,
    }


def hash_of(number: int, mark: str = "a") -> str:
    return f"0x{number:016x}{mark * 48}"


def head(number: int, mark: str = "a") -> Head:
    stamp = 1_700_000_000 + 3 * (number - FIRST)
    return Head(number, hash_of(number, mark), hash_of(number - 1, mark), stamp)


def log(receiver: str, units: int, number: int, place: int, contract: str = USDT) -> dict[str, Any]:
    return {
        "address": "0x" + tron_address.digits(contract),
        "blockHash": hash_of(number),
        "blockNumber": hex(number),
        "blockTimestamp": hex(1_700_000_000),
        "transactionHash": PAID,
        "transactionIndex": "0x0",
        "logIndex": hex(place),
        "removed": False,
        "topics": [
            TRANSFER,
            "0x" + tron_address.digits(OTHER).rjust(64, "0"),
            "0x" + tron_address.digits(receiver).rjust(64, "0"),
        ],
        "data": f"0x{units:064x}",
    }


def receipt(*logs: dict[str, Any], number: int = FIRST, status: str = "0x1") -> dict[str, Any]:
    return {
        "blockHash": hash_of(number),
        "blockNumber": hex(number),
        "transactionHash": PAID,
        "status": status,
        "type": "0x0",
        "logs": list(logs),
    }


def by_number(newest: int, mark: str = "a") -> Any:
    def words(which: str, _: bool) -> dict[str, Any] | None:
        number = newest if which == "latest" else int(which, 16)
        return block(number, mark) if number <= newest else None

    return words


@pytest.fixture
def scripts() -> list[ScriptedNode]:
    return [ScriptedNode(), ScriptedNode()]


@pytest.fixture
def solid() -> dict[str, Any]:
    """What the HTTP API beside the nodes says of its newest solid block."""
    return {}


@pytest.fixture
async def reader(scripts: list[ScriptedNode], solid: dict[str, Any]) -> AsyncIterator[Reader]:
    async def newest_solid(request: Request) -> Response:
        return JSONResponse(solid, 200 if solid else 404)

    routes = [script.route(f"/{number}/jsonrpc") for number, script in enumerate(scripts, start=1)]
    routes.append(Route("/1/walletsolidity/getnowblock", newest_solid, methods=["POST"]))
    async with serving(routes) as address, ProviderHttp(limit_seconds=2) as http:
        rpc = f"{address}/1/jsonrpc {address}/2/jsonrpc"
        yield readers(TABLE, {"tron": {"rpc": rpc}}, http)["tron"]


async def _ours(addresses: Iterable[str]) -> set[str]:
    return set(addresses) & {OURS}


async def test_the_documented_block_is_read(reader: Reader, scripts: list[ScriptedNode]) -> None:
    scripts[0].words = {"eth_getBlockByNumber": DOCUMENTED}

    assert await reader.head() == Head(
        0x3FE1C00, str(DOCUMENTED["hash"]), str(DOCUMENTED["parentHash"]), 0x69F18A5C
    )


async def test_a_token_sent_to_us_is_seen_with_its_own_address(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    logs = [
        log(OTHER, 9, FIRST, 0),
        log(OURS, 15_040_000, FIRST, 1),
        log(OURS, 7, FIRST, 2, contract=OTHER),
    ]
    scripts[0].words = {
        "eth_getBlockByNumber": by_number(FIRST + 1),
        "eth_getLogs": lambda asked: logs if asked["blockHash"] == hash_of(FIRST) else [],
    }

    heads = await reader.heads(FIRST, FIRST + 1)

    assert heads == [head(FIRST), head(FIRST + 1)]
    assert await reader.incoming(heads, _ours) == [
        Incoming(USDT, OURS, 15_040_000, FIRST, hash_of(FIRST), PAID, 1),
        Incoming(OTHER, OURS, 7, FIRST, hash_of(FIRST), PAID, 2),
    ]


async def test_what_a_transaction_says_of_itself_is_not_asked_for(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    """Its value may be one of a worthless TRC-10 token."""
    scripts[0].words = {"eth_getLogs": []}

    assert await reader.incoming([head(FIRST)], _ours) == []
    assert [method for method, _ in scripts[0].asked] == ["eth_getLogs"]


@pytest.mark.parametrize(
    "forged",
    [
        {"hash": hash_of(FIRST + 7)},
        {"parentHash": hash_of(FIRST - 1, "b")},
        {"number": hex(FIRST + 9)},
        {"hash": "0x" + "ab" * 31},
        {"timestamp": 1_700_000_000},
    ],
    ids=["hash of another number", "no chain", "another number", "half a hash", "no quantity"],
)
async def test_a_forged_chain_is_a_lie(
    reader: Reader, scripts: list[ScriptedNode], forged: dict[str, Any]
) -> None:
    def words(which: str, _: bool) -> dict[str, Any]:
        number = int(which, 16)
        return block(number) | (forged if number == FIRST else {})

    for script in scripts:
        script.words = {"eth_getBlockByNumber": words}

    with pytest.raises(NodeLies):
        await reader.heads(FIRST - 1, FIRST + 1)


@pytest.mark.parametrize(
    "forged",
    [{"blockHash": hash_of(FIRST + 1)}, {"removed": True}, {"transactionHash": "0x"}],
)
async def test_a_forged_log_is_a_lie(
    reader: Reader, scripts: list[ScriptedNode], forged: dict[str, Any]
) -> None:
    for script in scripts:
        script.words = {"eth_getLogs": [log(OURS, 5, FIRST, 0) | forged]}

    with pytest.raises(NodeLies):
        await reader.incoming([head(FIRST)], _ours)


async def test_two_nodes_agree_and_tell_of_the_same_transfer(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    paid = log(OURS, 5, FIRST, 3)
    one = Incoming(USDT, OURS, 5, FIRST, hash_of(FIRST), PAID, 0)
    for script in scripts:
        script.words = {
            "eth_getBlockByNumber": by_number(FIRST),
            "eth_getTransactionReceipt": receipt(paid),
        }

    assert await reader.agreed(FIRST, hash_of(FIRST)) is True
    assert await reader.witnessed(one, 2)

    for other in (
        receipt(log(OURS, 500, FIRST, 3)),
        receipt(log(OTHER, 5, FIRST, 3)),
        receipt(paid, status="0x0"),
        None,
    ):
        scripts[1].words["eth_getTransactionReceipt"] = other
        assert not await reader.witnessed(one, 2)
        assert await reader.witnessed(one, 1)
    scripts[1].words["eth_getBlockByNumber"] = by_number(FIRST, "b")
    assert await reader.agreed(FIRST, hash_of(FIRST)) is False


async def test_the_solid_block_is_the_final_one(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    scripts[0].words = {"eth_getBlockByNumber": lambda which, _: block(FIRST - 19)}

    assert await reader.finalized() == FIRST - 19
    assert scripts[0].asked == [("eth_getBlockByNumber", ["finalized", False])]


def refuses(which: str, _: bool) -> None:
    raise Refusal(-32602, "invalid block number")


async def test_an_older_node_tells_its_solid_block_over_http(
    reader: Reader,
    scripts: list[ScriptedNode],
    solid: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    scripts[0].words = {"eth_getBlockByNumber": refuses}
    scripts[1].raw = (500, b"")
    solid |= {
        "blockID": "0000000003fe266bf6b6d392f654dc2e5011601546ed04623d9fcc4e9d439a25",
        "block_header": {
            "raw_data": {
                "number": 66_987_627,
                "txTrieRoot": "f8156964cc3e5793a368f938a18ea45c02bd48fe3a412f7091ce8d9ef56df174",
                "witness_address": "41e7860196ad5b5718c1d6326babab039b70b8c1cd",
                "parentHash": "0000000003fe266a65d5194c947f6f7a059d4646c8e9a5293226bc7fdcfc775e",
                "version": 34,
                "timestamp": 1_777_445_307_000,
            },
            "witness_signature": "55",
        },
    }

    assert await reader.finalized() == 66_987_627

    solid["blockID"] = "0000000003fe266c" + "00" * 24  # the number of another block
    with pytest.raises(NodeTrouble):
        await reader.finalized()
    assert "of another number" in str([vars(one) for one in caplog.records])
    solid.clear()
    with pytest.raises(NodeSilent):
        await reader.finalized()


async def test_the_coin_is_checked_by_its_contract(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    def call(question: dict[str, str], at: str) -> str:
        assert question["to"] == "0xa614f803b6fd780986a42c78ec9c7f77e6ded13c"
        assert at == "latest"
        return f"0x{6:064x}"

    for script in scripts:
        script.words = {"eth_chainId": "0x2b6653dc", "eth_call": call}
    assert (await reader.check())["USDT_tron"].problem == ""

    scripts[1].words = {"eth_chainId": "0x94a9059e"}  # Shasta, a test network
    assert (await reader.check())["USDT_tron"].wrong


async def test_the_key_goes_where_trongrid_wants_it() -> None:
    sent: list[tuple[str, str | None, str | None]] = []

    async def note(request: Request) -> Response:
        headers = request.headers
        sent.append(
            (request.url.path, headers.get("tron-pro-api-key"), headers.get("authorization"))
        )
        if request.url.path == "/jsonrpc":
            said = await request.json()
            no = {"code": -32602, "message": "invalid block number"}
            return JSONResponse({"jsonrpc": "2.0", "id": said["id"], "error": no})
        words = "The key exceeds the frequency limit(15), and the query server is suspended for 30s"
        return JSONResponse({"Error": words}, 403)

    route = Route("/{path:path}", note, methods=["POST"])
    async with serving([route]) as address, ProviderHttp() as http:
        rpc = address.replace("://", "://of-ours@") + "/jsonrpc"
        reader = readers(TABLE, {"tron": {"rpc": rpc}}, http)["tron"]
        with pytest.raises(NodeSilent) as silent:
            await reader.finalized()

    assert sent == [("/jsonrpc", "of-ours", None), ("/walletsolidity/getnowblock", "of-ours", None)]
    assert "of-ours" not in str(silent.value)
