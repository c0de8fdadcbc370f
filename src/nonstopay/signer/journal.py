"""The signer's memory: a file of lines, each written through to the disk before its answer is given.

It is what makes its limits and its promises hold through restarts, and without the gateway's database.
"""

import fcntl
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import msgspec

from nonstopay.errors import LawBroken, Misconfigured
from nonstopay.signer.spend import Spend


class Reserved(msgspec.Struct, frozen=True, tag="reserved", forbid_unknown_fields=True):
    """An order that may be signed, and the day it counts for."""

    order: str
    spend: Spend
    day: str


class Bound(msgspec.Struct, frozen=True, tag="bound", forbid_unknown_fields=True):
    """A nonce that belongs to an order for ever; the empty order fills a hole."""

    order: str
    network: str
    nonce: int


_LINE = msgspec.json.Decoder(Reserved | Bound)


class Journal:
    """The journal in a file, which one signer at a time has open.

    Raises:
        Misconfigured: another signer has it, or it cannot be read: then nothing is signed.
    """

    def __init__(self, file: Path) -> None:
        self.reserved: dict[str, Reserved] = {}
        self._nonces: dict[str, Bound] = {}
        self._orders: dict[tuple[str, int], str] = {}
        self._spent: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._is_broken = False
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise Misconfigured(f"another signer writes {file}") from None
        self._read(file)

    @property
    def nonces(self) -> Mapping[str, Bound]:
        """By order."""
        return self._nonces

    def order_at(self, network: str, nonce: int) -> str | None:
        return self._orders.get((network, nonce))

    def spent(self, network: str, coin: str, day: str) -> int:
        """Units of a coin that were reserved on a day."""
        return self._spent[network, coin, day]

    def write(self, line: Reserved | Bound) -> None:
        """Remember it, on the disk first. Raises `OSError`, and then nothing may be answered."""
        raw = msgspec.json.encode(line) + b"\n"
        if self._is_broken:
            raise LawBroken("the signer's journal is cut short: start the signer again")
        self._is_broken = True
        if os.write(self._file, raw) == len(raw):
            os.fsync(self._file)
            self._is_broken = False
            self._take(line)
        else:
            raise LawBroken("the signer's journal is cut short")

    def close(self) -> None:
        os.close(self._file)

    def _read(self, file: Path) -> None:
        lines = file.read_bytes().split(b"\n")
        if torn := lines.pop():  # its writer died before anybody was answered
            os.ftruncate(self._file, file.stat().st_size - len(torn))
        for number, raw in enumerate(lines, start=1):
            try:
                self._take(_LINE.decode(raw))
            except msgspec.MsgspecError:
                raise Misconfigured(f"line {number} of {file} cannot be read") from None

    def _take(self, line: Reserved | Bound) -> None:
        if isinstance(line, Bound):
            self._orders[line.network, line.nonce] = line.order
            if line.order:
                self._nonces[line.order] = line
            return
        self.reserved[line.order] = line
        self._spent[line.spend.network, line.spend.coin, line.day] += int(line.spend.units)
