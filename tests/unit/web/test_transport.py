"""A reply's head and body leave together, and closing loses nothing of them."""

import asyncio

import pytest

from nonstopay.web.transport import GatheringTransport


class Connection(asyncio.Transport):
    """A connection that notes what it is told to send, one entry a system call."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closing, "written to a connection that is closing"
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closing = True

    abort = close

    def is_closing(self) -> bool:
        return self.closing


@pytest.fixture
async def connection() -> Connection:
    return Connection()


@pytest.fixture
async def transport(connection: Connection) -> GatheringTransport:
    return GatheringTransport(connection, asyncio.get_running_loop())


async def test_head_and_body_leave_in_one_piece(
    transport: GatheringTransport, connection: Connection
) -> None:
    transport.write(b"head ")
    transport.write(b"body")
    assert connection.sent == []

    await asyncio.sleep(0)

    assert connection.sent == [b"head body"]


async def test_what_is_written_later_leaves_later(
    transport: GatheringTransport, connection: Connection
) -> None:
    """A stream's events do not wait for the next one."""
    for event in (b"one", b"two"):
        transport.write(event)
        await asyncio.sleep(0)

    assert connection.sent == [b"one", b"two"]


async def test_closing_sends_what_was_written_first(
    transport: GatheringTransport, connection: Connection
) -> None:
    """The reply to `Connection: close` is written and the connection closed in the same turn."""
    transport.write(b"the last reply")
    transport.close()
    assert transport.is_closing()

    await asyncio.sleep(0)

    assert connection.sent == [b"the last reply"]


@pytest.mark.parametrize("end", ["abort", "lost"])
async def test_a_caller_who_is_gone_is_sent_nothing(
    transport: GatheringTransport, connection: Connection, end: str
) -> None:
    transport.write(b"too late")
    if end == "abort":
        transport.abort()
    else:
        connection.closing = True

    await asyncio.sleep(0)

    assert connection.sent == []
