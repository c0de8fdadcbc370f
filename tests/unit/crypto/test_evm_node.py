"""A node that refuses, is silent, or lies: told apart, and never believed further than it goes."""

from typing import Any

import pytest

from nonstopay.connectors.crypto.evm_address import spell
from nonstopay.connectors.crypto.evm_node import EvmNode
from nonstopay.connectors.crypto.json_rpc import BATCH_MAX, NodeLies, NodeRefuses, NodeSilent
from tests.unit.crypto.scripted_node import Refusal, ScriptedNode, block, transfer

USDT = "0xc2132D05D31c914a87C6611C10748AEb04B58e8F"
FAKE = spell(bytes.fromhex("de" * 20))
PAYEE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"oops"),
        (502, b"<html>bad gateway</html>"),
        (200, b"<html>a captive portal</html>"),
        (200, b""),
        (429, b'{"error":"slow down"}'),
        (503, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}'),
        (302, b""),
    ],
)
async def test_what_is_no_answer_is_silence(
    script: ScriptedNode, node: EvmNode, status: int, body: bytes
) -> None:
    script.raw = (status, body)

    with pytest.raises(NodeSilent) as silent:
        await node.head()
    assert "of-ours" not in str(silent.value)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"id":1}',
        b'{"id":99,"result":"0x1"}',
        b'{"id":true,"result":"0x1"}',
        b'{"id":1,"error":"no"}',
        b'{"id":1,"result":null}',
        b'{"id":1,"result":1}',
        b'{"id":1,"result":"0x01"}',
        b'{"id":1,"result":"0x"}',
        b'{"id":1,"result":"-0x1"}',
        b'{"id":1,"result":"0xg"}',
    ],
)
async def test_another_shape_is_a_lie(script: ScriptedNode, node: EvmNode, body: bytes) -> None:
    script.raw = (200, body)

    with pytest.raises(NodeLies):
        await node.head()


async def test_numbers_are_exact(script: ScriptedNode, node: EvmNode) -> None:
    script.words = {"eth_getBalance": "0x" + "f" * 64, "eth_call": f"0x{2**256 - 2:064x}"}

    assert await node.balance(PAYEE) == 2**256 - 1
    assert await node.token_balance(USDT, PAYEE) == 2**256 - 2


async def test_a_contract_that_is_not_there_has_no_decimals(
    script: ScriptedNode, node: EvmNode
) -> None:
    script.words = {"eth_call": "0x"}

    with pytest.raises(NodeLies):
        await node.decimals(USDT)


async def test_a_long_chain_comes_in_batches_in_any_order(
    script: ScriptedNode, node: EvmNode
) -> None:
    script.words = {"eth_getBlockByNumber": lambda number, _: block(int(number, 16))}
    script.backwards = True

    found = await node.blocks(5, 5 + BATCH_MAX)

    assert [one.number for one in found] == list(range(5, 6 + BATCH_MAX))
    assert all(found[n].hash == found[n + 1].parent_hash for n in range(BATCH_MAX))


async def test_blocks_that_are_no_chain_are_a_lie(script: ScriptedNode, node: EvmNode) -> None:
    script.words = {
        "eth_getBlockByNumber": lambda number, _: block(
            int(number, 16), "b" if number == "0x7" else "a"
        )
    }

    with pytest.raises(NodeLies, match="no chain"):
        await node.blocks(5, 8)
    script.words = {"eth_getBlockByNumber": lambda *_: block(9)}
    with pytest.raises(NodeLies):
        await node.block(8)


@pytest.mark.parametrize(
    "words",
    [
        "query returned more than 10000 results",
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
        "query exceeds max results 20000, retry with the range 23879634-23879696",
        "eth_getLogs is limited to 1024 block range",
        "ranges over 10000 blocks are not supported on freetier",
        "eth_getLogs range is too large, max is 1k blocks",
        "Maximum allowed number of requested blocks is 1000",
    ],
)
async def test_a_range_that_holds_too_much_is_halved(
    script: ScriptedNode, node: EvmNode, words: str
) -> None:
    def logs(question: dict[str, Any]) -> list[Any]:
        first, last = int(question["fromBlock"], 16), int(question["toBlock"], 16)
        if last - first >= 4:
            raise Refusal(-32005, words)
        return [transfer(USDT, PAYEE, number, number) for number in range(first, last + 1)]

    script.words = {"eth_getLogs": logs}

    found = await node.transfers([USDT], 1, 20)

    assert [one.units for one in found] == list(range(1, 21))


async def test_one_block_that_holds_too_much_and_another_no_are_passed_on(
    script: ScriptedNode, node: EvmNode
) -> None:
    def refuse(*_: Any) -> None:
        raise Refusal(-32005, "query returned more than 10000 results")

    script.words = {"eth_getLogs": refuse}
    with pytest.raises(NodeRefuses):
        await node.transfers([USDT], 7, 7)
    assert len(script.asked) == 1

    def forbid(*_: Any) -> None:
        raise Refusal(-32000, "header not found")

    script.words = {"eth_getLogs": forbid}
    with pytest.raises(NodeRefuses, match="header not found"):
        await node.transfers([USDT], 1, 20)
    assert len(script.asked) == 2


@pytest.mark.parametrize(
    "log",
    [
        transfer(FAKE, PAYEE, 5, 7),
        transfer(USDT, FAKE, 5, 7),
        transfer(USDT, PAYEE, 5, 99),
        transfer(USDT, PAYEE, 5, 7, removed=True),
        transfer(USDT, PAYEE, 5, 7, data="0x05"),
        transfer(USDT, PAYEE, 5, 7, data="0x" + "00" * 64),
        transfer(USDT, PAYEE, 5, 7, blockHash=None),
        transfer(USDT, "0x" + "ff" * 32, 5, 7),
    ],
    ids=["contract", "receiver", "block", "removed", "short", "long", "pending", "address"],
)
async def test_a_forged_log_is_a_lie(
    script: ScriptedNode, node: EvmNode, log: dict[str, Any]
) -> None:
    script.words = {"eth_getLogs": [log]}

    with pytest.raises(NodeLies):
        await node.transfers([USDT], 1, 20, [PAYEE])


async def test_a_collectible_is_no_money(script: ScriptedNode, node: EvmNode) -> None:
    """ERC-721's transfers share the topic and have a fourth one: a number that is no amount."""
    log = transfer(USDT, PAYEE, 5, 7)
    log["topics"].append("0x" + "0" * 63 + "1")
    script.words = {"eth_getLogs": [log]}

    assert await node.transfers([USDT], 1, 20) == []


async def test_sending_the_same_bytes_again_does_no_harm(
    script: ScriptedNode, node: EvmNode
) -> None:
    def known(_: str) -> None:
        raise Refusal(-32000, "already known")

    script.words = {"eth_sendRawTransaction": known}
    transaction = await node.send(b"signed")
    script.words = {"eth_sendRawTransaction": transaction}

    assert await node.send(b"signed") == transaction
    with pytest.raises(NodeLies):
        await node.send(b"signed by somebody else")


async def test_a_nonce_that_is_used_is_a_no(script: ScriptedNode, node: EvmNode) -> None:
    def low(_: str) -> None:
        raise Refusal(-32000, "nonce too low: next nonce 5, tx nonce 4")

    script.words = {"eth_sendRawTransaction": low}
    with pytest.raises(NodeRefuses, match="nonce too low"):
        await node.send(b"signed")


async def test_fees_are_the_next_base_fee_and_a_middling_tip(
    script: ScriptedNode, node: EvmNode
) -> None:
    script.words = {
        "eth_feeHistory": {
            "baseFeePerGas": ["0x64", "0x6e", "0x78"],
            "reward": [["0x1"], ["0x32"], ["0x5"]],
        }
    }

    fees = await node.fees()

    assert (fees.base_fee, fees.priority_fee, fees.max_fee) == (120, 5, 245)
