"""A chain of real bytes, without the work: what a node of Bitcoin or its kin would hold and say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from embit import bech32

from tests.unit.crypto.scripted_node import Refusal

Paid = Sequence[tuple[str, int]]
"""Addresses, and what each is paid, in the smallest unit."""


def twice(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()


def transaction(paid: Paid, mark: int = 0) -> bytes:
    """One input with a witness; `mark` tells it from others that pay the same."""
    inputs = b"\1" + mark.to_bytes(32, "little") + bytes(4) + b"\0" + b"\xff" * 4
    outputs = b"".join(units.to_bytes(8, "little") + _sized(_script(to)) for to, units in paid)
    body = inputs + bytes([len(paid)]) + outputs
    return b"\2\0\0\0" + b"\0\1" + body + b"\1" + _sized(b"signed") + bytes(4)


def name_of(raw: bytes) -> str:
    """The name of a transaction made here: the hash of it without its witness."""
    return twice(raw[:4] + raw[6:-12] + raw[-4:])[::-1].hex()


@dataclass
class PretendChain:
    """Blocks by their number. `says`: what a `ScriptedNode` answers."""

    blocks: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.blocks:
            self.mine([])

    def mine(self, transactions: Sequence[bytes], nonce: int = 0) -> str:
        """Another block of these; its hash. Another `nonce`, another block."""
        number = len(self.blocks)
        all_of_them = [transaction([], mark=(1 << 64) + number), *transactions]
        root = _root([bytes.fromhex(name_of(one))[::-1] for one in all_of_them])
        parent = bytes.fromhex(self.hash_at(number - 1))[::-1] if number else bytes(32)
        stamp = (1_700_000_000 + number).to_bytes(4, "little")
        header = b"\0\0\0\x20" + parent + root + stamp + bytes(4) + nonce.to_bytes(4, "little")
        self.blocks.append(header + bytes([len(all_of_them)]) + b"".join(all_of_them))
        return self.hash_at(number)

    def hash_at(self, number: int) -> str:
        return twice(self.blocks[number][:80])[::-1].hex()

    def by_hash(self, hash_: str) -> bytes:
        for number, raw in enumerate(self.blocks):
            if self.hash_at(number) == hash_:
                return raw
        raise Refusal(-5, "Block not found")

    def says(self) -> dict[str, Any]:
        return {
            "getblockcount": lambda: len(self.blocks) - 1,
            "getblockhash": self._hash_of,
            "getblockheader": lambda hash_, verbose: self.by_hash(hash_)[:80].hex(),
            "getblock": lambda hash_, verbosity: self.by_hash(hash_).hex(),
        }

    def _hash_of(self, number: int) -> str:
        if not 0 <= number < len(self.blocks):
            raise Refusal(-8, "Block height out of range")
        return self.hash_at(number)


def _script(address: str) -> bytes:
    version, program = bech32.decode(address.split("1")[0], address)
    return bytes([version and version + 0x50, len(program), *program])


def _sized(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def _root(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes += hashes[-1:] * (len(hashes) % 2)
        hashes = [twice(hashes[n] + hashes[n + 1]) for n in range(0, len(hashes), 2)]
    return hashes[0]
