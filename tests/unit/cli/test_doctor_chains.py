"""The doctor on the crypto rail: a table that is wrong, keys that are no account's, a node alone."""

import sys
from pathlib import Path

import pytest

from nonstopay.cli.chains import sandbox_chains as running_chains
from nonstopay.cli.doctor.chains import examine, sandbox_chains
from nonstopay.cli.doctor.finding import Finding, Verdict
from nonstopay.config import Settings

XPUB = (
    "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsX"
    "FYSYwHsnJxqP"
)


def _only(settings: Settings) -> Finding:
    (found,) = examine(settings)
    return found


def test_the_operator_compares_the_first_address() -> None:
    account, _ = examine(Settings(xpub_evm=XPUB, sandbox_chain=False))

    assert account.verdict is Verdict.OK
    assert "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266" in account.found


def test_a_key_that_is_none_is_not_repeated() -> None:
    account, _ = examine(Settings(xpub_bitcoin="xprv-something", sandbox_chain=False))

    assert account.verdict is Verdict.FAIL
    assert "private" in account.found
    assert "something" not in account.found


def test_one_node_alone_is_something_to_think_about() -> None:
    alone = _only(Settings(chain={"polygon": {"rpc": "https://a.example"}}))
    two = _only(Settings(chain={"polygon": {"rpc": "https://a.example https://b.example"}}))

    assert (alone.verdict, two.verdict) == (Verdict.WARN, Verdict.OK)
    assert "a.example" not in alone.found


def test_a_wrong_table_or_network_must_be_mended(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("polygon.chain_id = 1")

    assert _only(Settings(networks_file=str(own))).verdict is Verdict.FAIL
    assert _only(Settings(chain={"poligon": {"rpc": "https://a.example"}})).verdict is Verdict.FAIL


def test_without_a_node_the_sandbox_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    found = sandbox_chains()

    assert found.verdict is Verdict.WARN
    assert "npm" in found.advice


def test_without_a_node_the_gateway_starts_nevertheless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    with running_chains(Settings(data=str(tmp_path / "data"))) as revive:
        revive()

    assert "no crypto" in caplog.text
    assert not (tmp_path / "data").exists()
