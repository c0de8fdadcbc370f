"""The chains of a running gateway, over HTTP: found, paid on, mined, reorganised, and unwell on demand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stories.gateway import Answer, Gateway, call, free_port

PAYEE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture(scope="module")
def gateway(anvil: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = Gateway(tmp_path_factory.mktemp("chained") / "data", free_port(), chains=True)
    running.start()
    yield running
    running.stop()


def _post(url: str, body: Any) -> Answer:
    return call("POST", url, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _ask(gateway: Gateway, method: str, *parameters: Any) -> Any:
    """What a program asks the node that `/sandbox/info` names."""
    info = call("GET", f"{gateway.url}/sandbox/info").json()
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    return _post(info["networks"]["polygon"]["rpc_url"], question)


def test_the_sandbox_names_its_networks(gateway: Gateway) -> None:
    networks = call("GET", f"{gateway.url}/sandbox/info").json()["networks"]

    assert list(networks) == ["polygon", "ethereum", "bsc"]
    assert networks["polygon"]["tokens"]["USDT"]["decimals"] == 6
    assert networks["bsc"]["tokens"]["USDC"]["decimals"] == 18
    assert "fake" not in networks["polygon"]["tokens"]
    assert len({network["chain_id"] for network in networks.values()}) == 3
    answer = _ask(gateway, "eth_chainId").json()
    assert int(answer["result"], 16) == networks["polygon"]["chain_id"]


def test_a_payer_pays_and_the_chain_takes_it_back(gateway: Gateway) -> None:
    paid = gateway.sandbox("chain/pay", network="polygon", coin="USDT", address=PAYEE, amount="3")
    receipt = _ask(gateway, "eth_getTransactionReceipt", paid["tx_hash"]).json()["result"]
    mined = gateway.sandbox("chain/mine", network="polygon", blocks=2)

    assert receipt["status"] == "0x1"
    assert mined["block_number"] == int(receipt["blockNumber"], 16) + 2

    gateway.sandbox("chain/reorg", network="polygon", depth=3)

    assert _ask(gateway, "eth_getTransactionReceipt", paid["tx_hash"]).json()["result"] is None


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("pay", {"network": "solana", "coin": "USDT", "address": PAYEE, "amount": "1"}, "network"),
        ("pay", {"network": "bsc", "coin": "USDT", "address": "me", "amount": "1"}, "address"),
        ("mine", {"network": "polygon", "blocks": 0}, "blocks"),
        ("reorg", {"network": "polygon", "depth": 101}, "depth"),
    ],
)
def test_a_wrong_word_is_named(gateway: Gateway, path: str, body: Any, said: str) -> None:
    answer = _post(f"{gateway.url}/sandbox/chain/{path}", body)

    assert answer.status == 400
    assert said in answer.json()["error"]


def test_the_node_takes_what_a_real_one_takes(gateway: Gateway) -> None:
    for method in ("anvil_mine", "evm_mine", "hardhat_mine", "debug_traceCall"):
        assert _ask(gateway, method, "0x1").status == 400


def test_a_node_that_is_unwell(gateway: Gateway) -> None:
    gateway.sandbox("fault", target="chain", mode="error_500", seconds=60)
    assert _ask(gateway, "eth_blockNumber").status == 500

    gateway.sandbox("fault", target="chain", mode="none", seconds=1)
    assert _ask(gateway, "eth_blockNumber").status == 200


def test_a_restarted_gateway_remembers_its_chains(anvil: None, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "data", free_port(), chains=True)
    gateway.start()
    paid = gateway.sandbox("chain/pay", network="bsc", coin="USDC", address=PAYEE, amount="3")
    gateway.stop()

    gateway.start()
    try:
        info = call("GET", f"{gateway.url}/sandbox/info").json()["networks"]["bsc"]
        question = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "eth_getTransactionReceipt",
            "params": [paid["tx_hash"]],
        }
        assert _post(info["rpc_url"], question).json()["result"]["status"] == "0x1"
    finally:
        gateway.stop()


def test_a_sandbox_without_chains(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "data", free_port())
    gateway.start()
    try:
        assert call("GET", f"{gateway.url}/sandbox/info").json()["networks"] == {}
        answer = _post(f"{gateway.url}/sandbox/chain/mine", {"network": "polygon"})
        assert answer.status == 404
    finally:
        gateway.stop()
