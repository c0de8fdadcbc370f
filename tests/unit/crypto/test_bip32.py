"""BIP-32's test vectors: each key by the private way, and where a step allows it by the public one."""

from pathlib import Path

import pytest
from embit import base58
from embit.bip32 import HARDENED_INDEX, HDKey, parse_path

from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import ACCOUNT_DEPTH, read_account
from nonstopay.errors import Misconfigured

SEEDS = {
    1: "000102030405060708090a0b0c0d0e0f",
    2: (
        "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b787572"
        "6f6c696663605d5a5754514e4b484542"
    ),
    # 3 and 4 are there because of zeros in front.
    3: (
        "4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4acba45d239319ac14f863b8d5ab5a0d0c6"
        "4d2e8a1e7d1457df2e5a3c51c73235be"
    ),
    4: "3ddd5602285899a946114506157c7997e5444528f3003f6134712147db19b678",
}
_TOLD = Path(__file__).with_name("recordings").joinpath("bip32_vectors.txt").read_text()
_LINES = [line.split() for line in _TOLD.splitlines() if not line.startswith("#")]
VECTORS = [(int(seed), path, key) for seed, path, key in _LINES if path != "-"]
INVALID = [key for _, path, key in _LINES if path == "-"]
BY_PATH = {(seed, path): xpub for seed, path, xpub in VECTORS}


@pytest.mark.parametrize(("seed", "path", "xpub"), VECTORS)
def test_the_private_way(seed: int, path: str, xpub: str) -> None:
    root = HDKey.from_seed(bytes.fromhex(SEEDS[seed]))

    assert root.derive(path).to_public().to_base58() == xpub


def test_the_public_way_leads_to_the_same_keys() -> None:
    """The way we go: no private key anywhere."""
    walked = 0
    for (seed, path), xpub in BY_PATH.items():
        parent, _, step = path.rpartition("/")
        if not parent or step.endswith("h"):
            continue
        known = HDKey.from_base58(BY_PATH[seed, parent])
        assert known.child(int(step)).to_base58() == xpub
        walked += 1

    assert walked == 6


def test_the_public_way_has_no_hardened_steps() -> None:
    with pytest.raises(Exception, match="hardened"):
        HDKey.from_base58(BY_PATH[1, "m"]).child(HARDENED_INDEX)
    assert parse_path("m/0h") == [HARDENED_INDEX]


@pytest.mark.parametrize("text", INVALID)
def test_what_is_no_key_is_no_account(text: str) -> None:
    bitcoin = networks.load()["bitcoin"]

    with pytest.raises(Misconfigured):
        read_account(text, bitcoin)


@pytest.mark.parametrize("text", [INVALID[0], INVALID[2], INVALID[4], INVALID[14]])
def test_nor_at_the_depth_of_an_account(text: str) -> None:
    """Keys that are no points of the curve: they would give addresses that nobody can spend from."""
    raw = base58.decode_check(text)
    deep = base58.encode_check(raw[:4] + bytes([ACCOUNT_DEPTH]) + raw[5:])

    with pytest.raises(Misconfigured):
        read_account(deep, networks.load()["bitcoin"])
