"""The signer's door: a socket in the file system, for processes of the same user alone."""

import asyncio
import ctypes
import os
import resource
import socket
import struct
import sys
from pathlib import Path

import msgspec
import structlog

from nonstopay.errors import InvalidInput, Misconfigured, NotAllowed
from nonstopay.signer.signer import Signer
from nonstopay.signer.words import LINE_MAX, Fill, Reserve, Said, Sign, WhoAreYou, Wish

_PR_SET_DUMPABLE = 4
_log = structlog.get_logger()


def shut_in() -> None:
    """No core dump, and no debugger of the same user: what is in memory stays there (Linux)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise Misconfigured("this system lets others look into the signer's memory")


async def serve(signer: Signer, place: Path, stop: asyncio.Event) -> None:
    """Answer at `place` until `stop` is set.

    Raises:
        Misconfigured: its path is too long for a socket, or another signer answers there.
    """
    door = Door(signer)
    listening = _listening(place)
    server = await asyncio.start_unix_server(door.answer, sock=listening, limit=LINE_MAX)
    _log.info("the signer is ready", address=signer.address)
    try:
        await stop.wait()
    finally:
        server.close()


class Door:
    """Answers those who may ask."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._decoder = msgspec.json.Decoder(Wish)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection, line by line, until its other end has enough."""
        try:
            if _uid_of(writer.get_extra_info("socket")) != os.geteuid():
                _log.error("somebody else knocked at the signer's door")
                return
            while line := await reader.readline():
                writer.write(msgspec.json.encode(self._said(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # gone, or a line without end
        finally:
            writer.close()

    def _said(self, line: bytes) -> Said:
        try:
            wish: Wish = self._decoder.decode(line)
        except msgspec.MsgspecError:
            return Said(refused="this is nothing that the signer understands")
        try:
            return self._do(wish)
        except (NotAllowed, InvalidInput) as refusal:
            _log.warning("the signer refuses", wish=type(wish).__name__, why=refusal.message)
            return Said(refused=refusal.message)

    def _do(self, wish: Wish) -> Said:
        match wish:
            case WhoAreYou():
                return Said(address=self._signer.address)
            case Reserve():
                self._signer.reserve(wish.order, wish.spend)
                return Said()
            case Sign():
                fees = {"max_fee": int(wish.max_fee), "tip": int(wish.tip)}
                raw = self._signer.sign(wish.order, wish.nonce, gas=wish.gas, **fees)
            case Fill():
                fees = {"max_fee": int(wish.max_fee), "tip": int(wish.tip)}
                raw = self._signer.fill(wish.network, wish.nonce, **fees)
        return Said(raw=raw.hex())


def _listening(place: Path) -> socket.socket:
    """A socket that nobody else may open. The journal is locked, so whoever had one here is gone."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(str(place))
    except OSError as error:
        raise Misconfigured(f"the signer cannot listen at {place}: {error}") from None
    finally:
        os.umask(before)
    return listening


def _uid_of(connection: socket.socket) -> int:
    """The user at the other end, as the kernel knows him."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.geteuid()  # the socket's mode, 0600, is all there is
    size = struct.calcsize("3i")
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(struct.unpack("3i", told)[1])
