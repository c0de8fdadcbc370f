"""Blocks read from their bytes: real ones, and what happens to one that was tampered with."""

from pathlib import Path

import pytest

from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.utxo_block import address, read_header, read_transactions
from tests.unit.crypto.pretend_utxo_chain import PretendChain, name_of, transaction, twice

# Bitcoin's first block, as everybody has it.
GENESIS = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e"
    "67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c01010000000100000000000000000000"
    "00000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f"
    "4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f75742066"
    "6f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a6"
    "7962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
)
# Block 444 of a Litecoin Core 0.21.2.1 on regtest, in which 2.5 LTC left the MWEB for our address.
MWEB = bytes.fromhex(
    Path(__file__).with_name("recordings").joinpath("litecoin_mweb_block.hex").read_text()
)
MWEB_HASH = "32b4705b6fc5c8cf37d66aeef9ccbd062143fff9b9030480d2c9b9bd1ae8ecf3"
OURS = "rltc1qyv0kumrp25pjng3n3xjepxvftkj83ykge5rmy6"
PAID = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


def test_bitcoins_first_block() -> None:
    head = read_header(GENESIS[:80], 0)
    (coinbase,) = read_transactions(GENESIS, head.hash)

    assert head.hash == networks.load()["bitcoin"].genesis
    assert (head.parent_hash, head.timestamp) == ("0" * 64, 1231006505)
    assert coinbase.id == "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
    assert [output.units for output in coinbase.outputs] == [50 * 10**8]
    assert address(coinbase.outputs[0].script, "bc") is None, "it paid a key, not an address"


def test_what_leaves_litecoins_private_part_is_seen() -> None:
    """It comes out of the block's last transaction (HogEx); who paid and how much stays private."""
    coinbase, hogex = read_transactions(MWEB, MWEB_HASH)

    assert hogex.id == "dbf8ef400e7ffc5302ab0c5facf35dad98246db619973daee3f65f6c6de414f2"
    paid = {address(output.script, "rltc"): output.units for output in hogex.outputs}
    assert paid[OURS] == 250_000_000
    assert [output.units for output in coinbase.outputs] == [1_250_002_510, 0]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 8, 250])
def test_a_block_of_any_length(count: int) -> None:
    chain = PretendChain()
    made = [transaction([(PAID, units)], units) for units in range(1, count + 1)]
    hash_ = chain.mine(made)

    found = read_transactions(chain.blocks[1], hash_)[1:]

    assert [one.id for one in found] == [name_of(one) for one in made]
    assert [one.outputs[0].units for one in found] == list(range(1, count + 1))


def test_an_amount_that_was_changed_is_not_in_the_header() -> None:
    chain = PretendChain()
    hash_ = chain.mine([transaction([(PAID, 1_000)])])
    raw = chain.by_hash(hash_)
    forged = raw.replace((1_000).to_bytes(8, "little"), (9_000).to_bytes(8, "little"))

    assert len(read_transactions(raw, hash_)) == 2
    with pytest.raises(ValueError, match="not in the header"):
        read_transactions(forged, hash_)


def test_another_block_and_half_a_block_are_refused() -> None:
    chain = PretendChain()
    hash_ = chain.mine([transaction([(PAID, 1_000)])])

    with pytest.raises(ValueError, match="another block"):
        read_transactions(chain.blocks[0], hash_)
    with pytest.raises(ValueError, match="cut off"):
        read_transactions(chain.blocks[1][:-1], hash_)
    with pytest.raises(ValueError, match="80 bytes"):
        read_header(chain.blocks[1][:79], 1)


@pytest.mark.parametrize(("part", "is_read"), [(b"\0", True), (b"\1", False), (b"", False)])
def test_a_hogex_says_that_it_has_no_private_part(part: bytes, is_read: bool) -> None:
    plain = transaction([(PAID, 7)])
    shown, lock = plain[6:-12], b"\5\0\0\0"
    hogex = plain[:4] + b"\0\x08" + shown + part + lock
    hash_ = twice(plain[:4] + shown + lock)
    block = bytes(36) + hash_ + bytes(12) + b"\1" + hogex
    name = twice(block[:80])[::-1].hex()

    if is_read:
        (found,) = read_transactions(block, name)
        assert (found.id, found.outputs[0].units) == (hash_[::-1].hex(), 7)
    else:
        with pytest.raises(ValueError, match="part that no block holds"):
            read_transactions(block, name)


def test_twins_at_the_end_are_not_counted_twice() -> None:
    """Of three transactions the root is that of four, the last one twice (CVE-2012-2459)."""
    chain = PretendChain()
    last = transaction([(PAID, 7)], 2)
    hash_ = chain.mine([transaction([(PAID, 5)], 1), last])
    raw = chain.by_hash(hash_)

    with pytest.raises(ValueError, match="not in the header"):
        read_transactions(raw[:80] + b"\4" + raw[81:] + last, hash_)


@pytest.mark.parametrize(
    ("script", "text"),
    [
        # BIP-173 and BIP-350, "Test vectors": valid addresses and their scripts.
        (
            "0014751e76e8199196d454941c45d1b3a323f1433bd6",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ),
        (
            "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
            "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
        ),
        ("6002751e", "bc1sw50qgdz25j"),
        ("5210751e76e8199196d454941c45d1b3a323", "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs"),
        (
            "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        ),
        # What has no segwit address: to a hash of a key, to a hash of a script, a note, nothing.
        ("76a914ce39cc14dcc7371ec8c0b880ffdd0ff4f7fe1b5088ac", None),
        ("a914a7f676df67c9b2a0f20c13e97f57ed383c65913687", None),
        ("6a0474657374", None),
        ("0014751e", None),
        ("", None),
    ],
)
def test_whom_a_script_pays(script: str, text: str | None) -> None:
    assert address(bytes.fromhex(script), "bc") == text
