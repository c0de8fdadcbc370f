"""Reading a body piece by piece, as the server hands it over."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from nonstopay.web.api.call import read_body
from nonstopay.web.api.errors import ContractError

MAX = 64 * 1024


class Wire:
    """Hands out pieces, and knows how many were asked for."""

    def __init__(self, *pieces: bytes, left: bool = False) -> None:
        self.asked = 0
        self._messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": piece, "more_body": left or n < len(pieces)}
            for n, piece in enumerate(pieces, 1)
        ]
        if left:
            self._messages.append({"type": "http.disconnect"})

    async def receive(self) -> MutableMapping[str, Any]:
        self.asked += 1
        return self._messages.pop(0)


async def test_the_pieces_are_put_together() -> None:
    assert await read_body({}, Wire(b"").receive) == b""
    assert await read_body({}, Wire(b"a", b"", b"bc").receive) == b"abc"
    assert len(await read_body({}, Wire(b"x" * (MAX - 1), b"x").receive)) == MAX


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    wire = Wire(b"x")
    with pytest.raises(ContractError) as refusal:
        await read_body({b"content-length": b"%d" % (MAX + 1)}, wire.receive)
    assert refusal.value.status == 413
    assert wire.asked == 0


async def test_a_body_that_turns_out_too_large_is_not_read_to_its_end() -> None:
    wire = Wire(*[b"x" * MAX] * 10)
    with pytest.raises(ContractError) as refusal:
        await read_body({b"content-length": b"10"}, wire.receive)
    assert refusal.value.status == 413
    assert wire.asked == 2


async def test_who_leaves_in_the_middle_has_said_nothing() -> None:
    for wire in (Wire(left=True), Wire(b"amount=10", left=True)):
        with pytest.raises(ContractError) as refusal:
            await read_body({}, wire.receive)
        assert refusal.value.status == 400
