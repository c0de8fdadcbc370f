"""Blocks of Bitcoin and its kin: read from their bytes, and held against the hash that names them.

A node could tell of a block in JSON. There amounts are decimals, addresses stand under another name in
each version, and nothing ties what is told to the hash. The bytes do: the hash is of the header, the
header holds the root of the transactions, a transaction's name is the hash of its outputs. So two nodes
that name the same block vouch for every amount in it.

Sources: developer.bitcoin.org, "Block Chain" and "Transactions"; BIP-141, BIP-144 for witnesses, BIP-173
and BIP-350 for addresses; LIP-0003 for Litecoin's MWEB, of which a block shows one transaction (HogEx, the
flag 8) whose outputs are as all others, and behind the transactions a part of its own, which is not read.
"""

from dataclasses import dataclass
from hashlib import sha256

from embit import bech32

from nonstopay.connectors.crypto.reader import Head

HEADER_LENGTH = 80
_WITNESS, _HOGEX = 1, 8
_OUTPOINT_LENGTH, _SEQUENCE_LENGTH = 36, 4


@dataclass(frozen=True, slots=True)
class Output:
    """What a transaction pays. `units`: of the coin's smallest unit; its place is its number."""

    script: bytes
    units: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction's name, as wallets show it, and its outputs in their order."""

    id: str
    outputs: tuple[Output, ...]


def read_header(raw: bytes, number: int) -> Head:
    """The header of a block, with the hash that it has.

    Raises:
        ValueError: these bytes are no header.
    """
    if len(raw) != HEADER_LENGTH:
        raise ValueError("a header is 80 bytes")
    return Head(
        number=number,
        hash=_name(_hash(raw)),
        parent_hash=_name(raw[4:36]),
        timestamp=int.from_bytes(raw[68:72], "little"),
    )


def read_transactions(raw: bytes, block_hash: str) -> list[Transaction]:
    """The transactions of exactly this block.

    Args:
        raw: the whole block; hundreds of milliseconds where it is a full one.

    Raises:
        ValueError: these bytes are another block, or were tampered with.
    """
    reader = _Bytes(raw)
    header = reader.take(HEADER_LENGTH)
    if _name(_hash(header)) != block_hash:
        raise ValueError("another block")
    found = [_transaction(reader) for _ in range(reader.count())]
    hashes = [hash_ for hash_, _ in found]
    # Twins at the end leave the root as it was (CVE-2012-2459).
    if len(set(hashes)) != len(hashes) or _root(hashes) != header[36:68]:
        raise ValueError("transactions that are not in the header")
    return [transaction for _, transaction in found]


def address(script: bytes, prefix: str) -> str | None:
    """Whom a script pays, as a segwit address; `None` for what has none.

    Addresses of older kinds are not spelt: we give none of them out, so none is ours.
    """
    if not 4 <= len(script) <= 42 or script[1] != len(script) - 2:
        return None
    if script[0] != 0 and not 0x51 <= script[0] <= 0x60:
        return None
    version = script[0] and script[0] - 0x50
    spelt: str | None = bech32.encode(prefix, version, script[2:])
    return spelt


class _Bytes:
    """Bytes, read from the front."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def take(self, length: int) -> bytes:
        taken = self.raw[self.at : self.at + length]
        if len(taken) != length:
            raise ValueError("cut off")
        self.at += length
        return taken

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "little")

    def count(self) -> int:
        """A count in one, three, five or nine bytes."""
        first = self.number(1)
        return first if first < 0xFD else self.number(1 << (first - 0xFC))


def _transaction(reader: _Bytes) -> tuple[bytes, Transaction]:
    """The next transaction and its hash, which is of all but the witnesses."""
    version = reader.take(4)
    flags = 0
    if reader.raw[reader.at : reader.at + 1] == b"\0":
        _, flags = reader.take(2)
        if flags not in (_WITNESS, _HOGEX, _WITNESS | _HOGEX):
            raise ValueError("a transaction of an unknown kind")
    start = reader.at
    inputs = reader.count()
    for _ in range(inputs):
        reader.take(_OUTPOINT_LENGTH)
        reader.take(reader.count())
        reader.take(_SEQUENCE_LENGTH)
    outputs = tuple(_output(reader) for _ in range(reader.count()))
    paid = reader.raw[start : reader.at]
    if flags & _WITNESS:
        for _ in range(inputs):
            for _ in range(reader.count()):
                reader.take(reader.count())
    if flags & _HOGEX and reader.take(1) != b"\0":
        raise ValueError("a transaction with a part that no block holds")
    hash_ = _hash(version + paid + reader.take(4))
    return hash_, Transaction(_name(hash_), outputs)


def _output(reader: _Bytes) -> Output:
    units = reader.number(8)
    return Output(script=reader.take(reader.count()), units=units)


def _root(hashes: list[bytes]) -> bytes:
    """The root of the Merkle tree; an odd one is paired with itself."""
    while len(hashes) > 1:
        if len(hashes) % 2:
            hashes = [*hashes, hashes[-1]]
        hashes = [_hash(a + b) for a, b in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0] if hashes else b""


def _hash(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()


def _name(hash_: bytes) -> str:
    """As everybody writes a hash: from its last byte to its first."""
    return hash_[::-1].hex()
