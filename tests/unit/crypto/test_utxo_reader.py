"""Reading Bitcoin and its kin from nodes that lag, lie, fall silent and change their minds."""

import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.json_rpc import NodeLies, NodeRefuses, NodeSilent, NodeTrouble
from nonstopay.connectors.crypto.nodes import TOLD_AT
from nonstopay.connectors.crypto.reader import Head, Incoming, Reader
from nonstopay.connectors.crypto.readers import readers
from nonstopay.connectors.http import ProviderHttp
from tests.connectors.serving import serving
from tests.unit.crypto.pretend_utxo_chain import PretendChain, name_of, transaction
from tests.unit.crypto.scripted_node import ScriptedNode

TABLE = networks.load()
OURS = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
OTHER = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


@pytest.fixture
def scripts() -> list[ScriptedNode]:
    return [ScriptedNode(), ScriptedNode()]


@pytest.fixture
async def reader(scripts: list[ScriptedNode]) -> AsyncIterator[Reader]:
    """Bitcoin, read from two nodes; their passwords stand in their URLs."""
    routes = [script.route(f"/{number}") for number, script in enumerate(scripts, start=1)]
    async with serving(routes) as address, ProviderHttp(limit_seconds=2) as http:
        door = address.replace("://", "://gateway:sesame@")
        yield readers(TABLE, {"bitcoin": {"rpc": f"{door}/1 {door}/2"}}, http)["bitcoin"]


async def _ours(addresses: Iterable[str]) -> set[str]:
    return set(addresses) & {OURS}


def _head(chain: PretendChain, number: int) -> Head:
    parent = chain.hash_at(number - 1) if number else "0" * 64
    return Head(number, chain.hash_at(number), parent, 1_700_000_000 + number)


async def test_outputs_to_our_addresses_are_seen(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    chain = PretendChain()
    twice = transaction([(OTHER, 5), (OURS, 100_000_001), (OURS, 1), (OURS, 0)], 1)
    chain.mine([transaction([(OTHER, 7)], 2), twice])
    chain.mine([])
    scripts[0].words = chain.says()

    assert await reader.head() == _head(chain, 2)
    heads = await reader.heads(0, 2)
    assert heads == [_head(chain, number) for number in range(3)]
    assert await reader.incoming(heads, _ours) == [
        Incoming("", OURS, units, 1, chain.hash_at(1), name_of(twice), place)
        for place, units in ((1, 100_000_001), (2, 1))
    ]
    assert await reader.finalized() is None


async def test_a_transaction_that_waits_is_no_payment(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    """Nothing of the mempool is asked for: a node that was asked of it here would know no answer."""
    scripts[0].words = PretendChain().says()

    await reader.incoming([await reader.head()], _ours)

    asked = {method for method, _ in scripts[0].asked}
    assert asked == {"getblockcount", "getblockhash", "getblockheader", "getblock"}


async def test_a_reorganisation_shows_in_the_hashes(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    chain = PretendChain()
    chain.mine([transaction([(OURS, 5)])])
    other = PretendChain(chain.blocks[:1])
    other.mine([], nonce=1)
    other.mine([transaction([(OURS, 5)])])
    scripts[0].words = chain.says()
    before = await reader.heads(0, 1)

    scripts[0].words = other.says()
    after = await reader.heads(0, 2)

    assert before[0] == after[0]
    assert before[1].hash != after[1].hash
    (again,) = await reader.incoming(after[1:], _ours)
    assert (again.block_number, again.transaction) == (2, name_of(transaction([(OURS, 5)])))
    with pytest.raises(
        NodeTrouble
    ):  # no node has the block any more, and nobody says "nothing came"
        await reader.incoming(before[1:], _ours)


async def test_a_forged_block_is_a_lie_and_another_node_is_asked(
    reader: Reader, scripts: list[ScriptedNode], caplog: pytest.LogCaptureFixture
) -> None:
    chain, forger = PretendChain(), PretendChain()
    chain.mine([transaction([(OURS, 1_000)])])
    raw = chain.blocks[1].replace((1_000).to_bytes(8, "little"), (9_000).to_bytes(8, "little"))
    forger.blocks.append(raw)
    scripts[0].words, scripts[1].words = forger.says(), chain.says()

    (seen,) = await reader.incoming([_head(chain, 1)], _ours)

    assert seen.units == 1_000
    assert "not in the header" in str(caplog.records[0].__dict__["why"])
    scripts[1].words = forger.says()
    with pytest.raises(NodeLies):
        await reader.incoming([_head(chain, 1)], _ours)


async def test_headers_that_are_no_chain_are_a_lie(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    chain, other = PretendChain(), PretendChain()
    for nonce in range(3):
        chain.mine([])
        other.mine([], nonce + 1)
    mixed = PretendChain([*chain.blocks[:2], *other.blocks[2:]])
    scripts[0].words = scripts[1].words = mixed.says()

    with pytest.raises(NodeLies, match="no chain"):
        await reader.heads(0, 3)
    scripts[0].words = scripts[1].words = chain.says() | {
        "getblockheader": other.blocks[1][:80].hex()
    }
    with pytest.raises(NodeLies, match="another block"):
        await reader.heads(1, 1)


async def test_two_nodes_agree_or_do_not(reader: Reader, scripts: list[ScriptedNode]) -> None:
    chain, other = PretendChain(), PretendChain()
    chain.mine([transaction([(OURS, 5)])])
    other.mine([transaction([(OURS, 500)])])
    scripts[0].words = scripts[1].words = chain.says()
    (seen,) = await reader.incoming([_head(chain, 1)], _ours)

    assert reader.nodes == 2
    assert await reader.agreed(1, chain.hash_at(1)) is True
    assert await reader.witnessed(seen, 2)

    scripts[1].words = PretendChain().says()  # it lags
    assert await reader.agreed(1, chain.hash_at(1)) is None
    assert not await reader.witnessed(seen, 2)

    scripts[1].words = other.says()
    assert await reader.agreed(1, chain.hash_at(1)) is False
    assert not await reader.witnessed(seen, 2)

    scripts[1].raw = (500, b"")
    assert await reader.agreed(1, chain.hash_at(1)) is None
    assert await reader.witnessed(seen, 1)


async def test_a_node_that_fell_behind_is_not_the_newest_word(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    chain = PretendChain()
    chain.mine([])
    scripts[0].words = scripts[1].words = chain.says()
    assert (await reader.head()).number == 1

    scripts[0].words = PretendChain().says()
    assert (await reader.head()).number == 1


async def test_the_chain_is_told_by_its_first_block(
    reader: Reader, scripts: list[ScriptedNode]
) -> None:
    bitcoin, litecoin = TABLE["bitcoin"].genesis, TABLE["litecoin"].genesis
    scripts[0].words = {"getblockhash": bitcoin}
    scripts[1].raw = (503, b"loading")
    assert (await reader.check())["BTC_bitcoin"].problem == ""

    scripts[1].raw, scripts[1].words = None, {"getblockhash": litecoin}
    checked = (await reader.check())["BTC_bitcoin"]
    assert checked.wrong
    assert "bitcoin #2" in checked.problem

    scripts[0].raw = scripts[1].raw = (401, b"")
    checked = (await reader.check())["BTC_bitcoin"]
    assert (checked.wrong, bool(checked.problem)) == (False, True)


@pytest.mark.parametrize("told", [None, 5, "zz", "00" * 31, ["00" * 32], "00" * 79])
async def test_what_has_another_shape_is_a_lie(
    reader: Reader, scripts: list[ScriptedNode], told: object
) -> None:
    hash_ = PretendChain().hash_at(0)
    for script in scripts:
        script.words = {"getblockcount": 0, "getblockhash": hash_, "getblockheader": told}
    with pytest.raises(NodeLies):
        await reader.heads(0, 0)
    for script in scripts:
        script.words = {"getblock": told}
    with pytest.raises(NodeLies):
        await reader.incoming([Head(0, hash_, "0" * 64, 0)], _ours)
    for script in scripts:
        script.words = {"getblockcount": "1", "getblockhash": told}
    with pytest.raises(NodeLies):
        await reader.head()


async def test_no_password_is_ever_shown(
    reader: Reader, scripts: list[ScriptedNode], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for script in scripts:
        script.raw = (401, b"")
    for _ in range(TOLD_AT):
        with pytest.raises(NodeSilent) as silent:
            await reader.head()
    for script in scripts:
        script.raw, script.words = None, PretendChain().says()
    with pytest.raises(NodeRefuses) as refused:
        await reader.heads(5, 6)

    ours = [vars(one) for one in caplog.records if one.name.startswith("nonstopay")]
    told = f"{silent.value!r} {refused.value!r} {ours}"
    assert "a node is passed over" in told
    assert "sesame" not in told
    assert "127.0.0.1" not in told


async def test_the_password_of_the_url_is_sent() -> None:
    """HTTP's basic authentication, as Bitcoin Core asks for it."""
    sent: list[str | None] = []

    async def note(request: Request) -> Response:
        sent.append(request.headers.get("authorization"))
        return Response(status_code=401)

    async with serving([Route("/", note, methods=["POST"])]) as address, ProviderHttp() as http:
        url = address.replace("://", "://gateway:open%3Asesame@")
        reader = readers(TABLE, {"litecoin": {"rpc": url}}, http)["litecoin"]
        with pytest.raises(NodeSilent):
            await reader.head()

    assert sent == ["Basic " + b64encode(b"gateway:open:sesame").decode()]
