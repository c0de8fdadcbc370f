"""A node that says what a test tells it to: by method, or by a function of the parameters."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Words = Callable[..., Any]


class Refusal(Exception):
    """Raised by a test's words: the node's no."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.error = {"code": number, "message": message}


@dataclass
class ScriptedNode:
    """`words`: what it answers to a method; `raw`: what it answers to everything, status and body.

    `batch_max`: it refuses longer batches.
    """

    words: dict[str, Any] = field(default_factory=dict)
    raw: tuple[int, bytes] | None = None
    asked: list[tuple[str, Any]] = field(default_factory=list)
    backwards: bool = False
    batch_max: int = 1000

    def route(self, path: str = "/") -> Route:
        return Route(path, self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        told = msgspec.json.decode(await request.body())
        if self.raw is not None:
            return Response(self.raw[1], self.raw[0])
        if not isinstance(told, list):
            return JSONResponse(self._one(told))
        if len(told) > self.batch_max:
            error = {"code": -32005, "message": f"batch limit {self.batch_max} exceeded"}
            return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error})
        answers = [self._one(call) for call in told]
        return JSONResponse(answers[::-1] if self.backwards else answers)

    def _one(self, call: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((call["method"], call["params"]))
        told = {"jsonrpc": "2.0", "id": call["id"]}
        words = self.words[call["method"]]
        try:
            return told | {"result": words(*call["params"]) if callable(words) else words}
        except Refusal as refusal:
            return told | {"error": refusal.error}


def block(number: int, mark: str = "a", parent_mark: str | None = None) -> dict[str, Any]:
    """A block's header; blocks of one mark are a chain."""
    return {
        "number": hex(number),
        "hash": f"0x{mark * 4}{number:060x}",
        "parentHash": f"0x{(parent_mark or mark) * 4}{number - 1:060x}",
        "timestamp": hex(1_700_000_000 + number),
        "baseFeePerGas": "0x7",
    }


def transfer(contract: str, receiver: str, units: int, number: int, **more: Any) -> dict[str, Any]:
    """An ERC-20 transfer's log."""
    return {
        "address": contract,
        "topics": [
            "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
            "0x" + "11".rjust(64, "0"),
            "0x" + receiver[2:].lower().rjust(64, "0"),
        ],
        "data": f"0x{units:064x}",
        "blockNumber": hex(number),
        "blockHash": block(number)["hash"],
        "transactionHash": f"0x{number:064x}",
        "logIndex": "0x0",
        "removed": False,
    } | more
