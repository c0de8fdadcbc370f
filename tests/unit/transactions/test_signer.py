"""The signer keeps its own counsel: what it refuses whoever asks, and what it remembers through restarts."""

import asyncio
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from coincurve import PublicKey

from nonstopay.connectors.crypto.evm_address import keccak256, of_key
from nonstopay.errors import Misconfigured, NotAllowed, Unavailable
from nonstopay.signer import key as keys
from nonstopay.signer.client import SignerClient
from nonstopay.signer.journal import Journal
from nonstopay.signer.key import FileKey
from nonstopay.signer.spend import Spend
from nonstopay.signer.transaction import Item, Transaction, rlp, signed
from tests.unit.transactions.hot_wallet import (
    LIMITS,
    NETWORKS,
    WALLET,
    behind_its_door,
    signer_in,
)

SECRET = bytes.fromhex("4c" * 32)
FEES = {"gas": 150_000, "max_fee": 100, "tip": 10}
USDC = NETWORKS["polygon"].coins["USDC"].contract


def spend(units: int = 1_000_000, **changes: str) -> Spend:
    facts = {"network": "polygon", "coin": "USDC", "to": WALLET, "units": str(units)}
    return Spend(**{**facts, **changes})


def test_what_it_signs_is_what_the_standard_says_and_by_its_own_key() -> None:
    key = FileKey(SECRET)
    transaction = Transaction(
        chain_id=137, nonce=7, tip=1, max_fee=2, gas=21_000, to=WALLET, value=10**20, data=b""
    )

    raw = signed(transaction, key)

    fields: list[Item] = [137, 7, 1, 2, 21_000, bytes.fromhex(WALLET[2:]), 10**20, b"", []]
    digest = keccak256(b"\x02" + rlp(fields))
    r, s, parity = raw[-65:-33], raw[-32:], raw[-67]
    assert raw[0] == 2
    mark = r + s + bytes([0 if parity == 0x80 else parity])
    assert of_key(PublicKey.from_signature_and_message(mark, digest, None).format()) == key.address


@pytest.mark.parametrize(
    ("item", "encoded"),
    [
        (b"dog", "83646f67"),
        ([b"cat", b"dog"], "c88363617483646f67"),
        (b"", "80"),
        (0, "80"),
        (15, "0f"),
        (1024, "820400"),
        ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
        (b"Lorem ipsum dolor sit amet, consectetur adipisicing elit", "b8384c6f72656d20697073756d20"
         "646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e6720656c6974"),
    ],
)  # fmt: skip
def test_the_published_examples_of_rlp(item: bytes, encoded: str) -> None:
    assert rlp(item).hex() == encoded


@pytest.mark.parametrize(
    "wrong",
    [
        spend(10_000_000_001),
        spend(0),
        spend(coin="POL"),
        spend(coin="DAI"),
        spend(network="litecoin"),
        spend(network="nowhere"),
        spend(to="0x" + 40 * "0"),
        spend(to=USDC or ""),
        spend(data="00" * 65),
        spend(0, coin="", to=WALLET, data="a9059cbb"),
        spend(0, coin="", to=USDC or "", data="a9059cbb"),
    ],
)
def test_what_no_limit_or_list_allows_is_refused(tmp_path: Path, wrong: Spend) -> None:
    signer = signer_in(tmp_path, replace(LIMITS, contracts=frozenset({USDC or ""})))

    with pytest.raises(NotAllowed):
        signer.reserve("a", wrong)
    with pytest.raises(NotAllowed):
        signer.sign("a", 0, **FEES)


def test_a_call_of_a_listed_contract_is_signed(tmp_path: Path) -> None:
    signer = signer_in(tmp_path, replace(LIMITS, contracts=frozenset({WALLET})))

    signer.reserve("mint", spend(0, coin="", data="40c10f19"))

    assert signer.sign("mint", 0, **FEES)[0] == 2


def test_the_days_limit_holds_through_a_restart_and_counts_each_order_once(tmp_path: Path) -> None:
    signer = signer_in(tmp_path, secret=SECRET)
    for number in range(5):
        signer.reserve(f"order {number}", spend(10_000_000_000))
        signer.reserve(f"order {number}", spend(10_000_000_000))
    signer._journal.close()
    again = signer_in(tmp_path, secret=SECRET)

    with pytest.raises(NotAllowed, match="in a day"):
        again.reserve("one more", spend(1))
    again.reserve("another coin", spend(1, coin="USDT"))
    again.reserve("order 3", spend(10_000_000_000))


def test_an_order_has_one_nonce_and_a_nonce_one_order_for_ever(tmp_path: Path) -> None:
    signer = signer_in(tmp_path, secret=SECRET)
    signer.reserve("a", spend())
    signer.reserve("b", spend())
    first = signer.sign("a", 0, **FEES)
    signer._journal.close()
    again = signer_in(tmp_path, secret=SECRET)

    assert again.sign("a", 0, **FEES) == first, "the same bytes"
    assert again.sign("a", 0, **{**FEES, "max_fee": 200, "tip": 20}) != first
    for order, nonce in (("a", 1), ("b", 0)):
        with pytest.raises(NotAllowed, match="another"):
            again.sign(order, nonce, **FEES)
    with pytest.raises(NotAllowed, match="another payment"):
        again.reserve("a", spend(2))
    with pytest.raises(NotAllowed, match="has this nonce"):
        again.fill("polygon", 0, max_fee=100, tip=1)
    again.fill("polygon", 1, max_fee=100, tip=1)
    with pytest.raises(NotAllowed):
        again.sign("b", 1, **FEES)


def test_a_fee_that_would_eat_the_wallet_is_refused(tmp_path: Path) -> None:
    signer = signer_in(tmp_path)
    signer.reserve("a", spend())

    for wrong in ({"max_fee": LIMITS.fee_max + 1}, {"tip": 101}, {"gas": 2_000_000}):
        with pytest.raises(NotAllowed):
            signer.sign("a", 0, **{**FEES, **wrong})


def test_a_journal_torn_at_its_end_is_mended_and_a_broken_one_stops_the_signer(
    tmp_path: Path,
) -> None:
    signer = signer_in(tmp_path, secret=SECRET)
    signer.reserve("a", spend())
    signer._journal.close()
    (file,) = tmp_path.glob("*.jsonl")
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:20])

    signer_in(tmp_path, secret=SECRET)._journal.close()

    assert file.read_bytes() == whole
    file.write_bytes(whole[:20] + b"\n" + whole)
    with pytest.raises(Misconfigured, match="line 1"):
        Journal(file)


def test_two_signers_never_share_a_journal(tmp_path: Path) -> None:
    signer_in(tmp_path, secret=SECRET)

    with pytest.raises(Misconfigured, match="another signer"):
        signer_in(tmp_path, secret=SECRET)


def test_nothing_is_signed_after_a_write_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = signer_in(tmp_path)

    def full(*_: object) -> int:
        raise OSError(28, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            signer.reserve("a", spend())
    with pytest.raises(Exception, match="cut short"):
        signer.reserve("b", spend())


def test_a_key_that_others_may_read_is_refused_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    keys.generate(file)
    secret = file.read_text().strip()
    held = keys.read(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in repr(held)
    keys.generate(file)
    assert file.read_text().strip() == secret, "a key is never made over"
    file.chmod(0o640)
    with pytest.raises(Misconfigured) as refusal:
        keys.read(file)
    assert secret not in str(refusal.value)


async def test_its_door_is_for_its_own_user_and_takes_structures_alone(tmp_path: Path) -> None:
    signer = signer_in(tmp_path)
    async with behind_its_door(signer, tmp_path / "s.sock") as client:
        mode = stat.S_IMODE((tmp_path / "s.sock").stat().st_mode)
        reader, writer = await asyncio.open_unix_connection(tmp_path / "s.sock")
        writer.write(b'{"type":"sign_bytes","raw":"00"}\n')
        said = json.loads(await reader.readline())
        writer.close()
        assert await client.address() == signer.address
        with pytest.raises(NotAllowed, match="nothing was promised"):
            await client.sign("a", 0, **FEES)

    assert mode == 0o600
    assert "understands" in said["refused"]


async def test_somebody_elses_process_gets_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with behind_its_door(signer_in(tmp_path), tmp_path / "s.sock") as client:
        monkeypatch.setattr(os, "geteuid", lambda: 123_456)
        with pytest.raises(Unavailable):
            await client.address()


async def test_a_signer_who_is_not_there_is_no_refusal(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await SignerClient(tmp_path / "s.sock").reserve("a", spend())


def test_the_key_signs_for_its_address_alone() -> None:
    assert FileKey(bytes(31) + b"\x01").address == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
