"""The archive of attempts: files that need no database to be read.

One file for each day (UTC) on which attempts were made, `webhook-attempts-2026-08-24.jsonl.gz`: a line of
JSON for each attempt, as the table has it. Every batch is a gzip member of its own, which all readers
of gzip take for one file (RFC 1952, 2.2). It is on disk before its rows are gone; a crash between the
two leaves lines twice, which merchant, endpoint, event and number together tell.
"""

import fcntl
import gzip
import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from nonstopay.business.webhooks.delivery import OldAttempt

_READABLE_BY_US = 0o600
_PRIVATE_FOLDER = 0o700


def archive(folder: Path, attempts: Sequence[OldAttempt]) -> None:
    """Write attempts into the files of their days, and wait for the disk. Raises `OSError`."""
    folder.mkdir(_PRIVATE_FOLDER, parents=True, exist_ok=True)
    by_day = sorted(attempts, key=lambda one: one.at)
    for day, those in groupby(by_day, key=lambda one: one.at.date()):
        lines = b"".join(msgspec.json.encode(one) + b"\n" for one in those)
        _append(folder / f"webhook-attempts-{day.isoformat()}.jsonl.gz", gzip.compress(lines))
    _sync(folder)


def _append(file: Path, member: bytes) -> None:
    """All or nothing: a member that was cut off would spoil what is written after it."""
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _READABLE_BY_US)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # another worker may be at it
        before = os.fstat(handle).st_size
        try:
            if os.write(handle, member) < len(member):
                raise OSError(f"{file} took a part only; is the disk full?")
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    """A new file's name must be on disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
