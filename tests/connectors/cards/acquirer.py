"""A card acquirer for laboratories: payments in memory, judged by their test numbers.

What it does is the same for all; how it says it is a dialect's, which speaks the HTTP of one provider by
recordings of its documents.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from nonstopay import clock

HANGS_SECONDS = 0.7
GOOD, CHALLENGE = "4242424242424242", "4000000000003220"
REFUSED = {
    "4000000000009995": "insufficient_funds",
    "4000000000000002": "declined_by_bank",
    "4000000000000069": "expired_card",
    "4000000000000127": "wrong_code",
    "4000000000009987": "lost_or_stolen",
}
"""Published test numbers, and why they are refused."""
CHALLENGED, RESERVED, DECLINED, RELEASED = "challenged", "reserved", "declined", "released"

Said = tuple[int, Any]


@dataclass
class Part:
    """A part of a payment, taken or given back; `done` once the acquirer has got round to it."""

    id: str
    key: str
    minor: int
    done: bool = False


@dataclass
class Pay:
    id: str
    reference: str
    minor: int
    currency: str
    capture: bool
    state: str = RESERVED
    reason: str = ""
    flow: str = ""
    """How 3-D Secure went: empty, `challenge`."""
    parts: list[Part] = field(default_factory=list)
    refunds: list[Part] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    closed: bool = False
    """The last part was taken, or the reservation let go."""

    @property
    def taken(self) -> int:
        return sum(part.minor for part in self.parts if part.done)

    @property
    def open(self) -> int:
        held = self.state == RESERVED and not self.closed
        return self.minor - sum(part.minor for part in self.parts) if held else 0

    @property
    def left(self) -> int:
        return self.taken - sum(part.minor for part in self.refunds)


class CardDialect(ABC):
    """How one provider says it all.

    Attributes:
        key_header: where it takes the idempotency key.
        compares: a key that comes with other parameters is refused.
        at_once: captures and refunds are done in the reply, not later.
    """

    key_header: str
    compares = False
    at_once = False

    def __init__(self, notify_url: str) -> None:
        self.notify_url = notify_url
        self.pays: dict[str, Pay] = {}
        self.mode = "none"
        self.asked: list[bytes] = []
        self.letters: list[Any] = []
        self._due: list[Callable[[], None]] = []
        self._replies: dict[str, tuple[bytes, Said]] = {}
        self._count = 0

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """The provider's API."""

    @abstractmethod
    def letter(self, what: str, pay: Pay, part: Part | None = None) -> Any:
        """What it tells of a payment, or of a part: `authorised`, `captured`, `refunded` …"""

    @abstractmethod
    def dispute(self, pay: Pay, stage: str) -> Any:
        """What it tells of a dispute."""

    @abstractmethod
    def sealed(self, said: Any, at: datetime) -> tuple[dict[str, str], bytes]:
        """A notification with its signature: headers and body."""

    @abstractmethod
    def came_back(self, pay: Pay, ok: bool) -> dict[str, str]:
        """The payer has answered 3-D Secure: the parameters that he brings."""

    def reused(self) -> Said:
        """The answer to a key that comes with other parameters."""
        raise NotImplementedError

    def number(self) -> str:
        self._count += 1
        return f"{self._count:08d}"

    def charge(
        self, id: str, reference: str, minor: int, currency: str, number: str, capture: bool
    ) -> Pay:
        pay = Pay(id, reference, minor, currency, capture)
        self.pays[id] = pay
        if number == CHALLENGE:
            pay.state = CHALLENGED
        elif number in REFUSED:
            self.refuse(pay, REFUSED[number])
        else:
            self.reserve(pay)
        return pay

    def reserve(self, pay: Pay) -> None:
        pay.state = RESERVED
        self.tell("authorised", pay)
        if pay.capture:
            self.take(pay, "", pay.minor, final=True)

    def refuse(self, pay: Pay, reason: str) -> None:
        pay.state, pay.reason = DECLINED, reason
        self.tell("declined", pay)

    def finish(self, pay: Pay, ok: bool) -> None:
        """3-D Secure is over."""
        if pay.state != CHALLENGED:
            return
        pay.flow = "challenge"
        if ok:
            self.reserve(pay)
        else:
            self.refuse(pay, "authentication_failed")

    def take(self, pay: Pay, key: str, minor: int, *, final: bool) -> Part | None:
        if minor > pay.open:
            return None
        part = Part(self.number(), key, minor)
        pay.parts.append(part)
        pay.closed = final
        self.do(lambda: self._done(part, "captured", pay))
        return part

    def release(self, pay: Pay) -> bool:
        if pay.state != RESERVED or pay.closed or pay.parts:
            return False
        pay.state = RELEASED
        self.do(lambda: self.tell("voided", pay))
        return True

    def give(self, pay: Pay, key: str, minor: int) -> Part | None:
        if minor > pay.left:
            return None
        part = Part(self.number(), key, minor)
        pay.refunds.append(part)
        self.do(lambda: self._done(part, "refunded", pay))
        return part

    def do(self, act: Callable[[], None]) -> None:
        if self.at_once:
            act()
        else:
            self._due.append(act)

    def tell(self, what: str, pay: Pay, part: Part | None = None) -> None:
        said = self.letter(what, pay, part)
        if said is not None:
            self.letters += [said] * (2 if self.mode == "double_answer" else 1)

    async def settle(self) -> None:
        """Do what is due, then tell; what was not heard is told again the next time."""
        due, self._due = self._due, []
        for act in due:
            act()
        async with aiohttp.ClientSession() as session:
            for said in list(self.letters):
                headers, body = self.sealed(said, clock.now())
                async with session.post(self.notify_url, data=body, headers=headers) as answer:
                    if answer.status == 200:
                        self.letters.remove(said)

    def route(self, method: str, path: str, act: Callable[[Request, Any], Said]) -> Route:
        """A route that suffers from the present fault, and answers a key alike."""

        async def answer(request: Request) -> Response:
            if self.mode == "timeout":
                await asyncio.sleep(HANGS_SECONDS)
            if self.mode in ("timeout", "error_500"):
                return Response(status_code=500)
            body = await request.body()
            self.asked.append(body)
            status, said = self._once(request, body, act)
            if self.mode == "lost_answer" and method == "POST":
                await asyncio.sleep(HANGS_SECONDS)
            return Response(msgspec.json.encode(said), status, media_type="application/json")

        return Route(path, answer, methods=[method])

    def _once(self, request: Request, body: bytes, act: Callable[[Request, Any], Said]) -> Said:
        key = request.headers.get(self.key_header, "")
        if key in self._replies and request.method == "POST":
            earlier, said = self._replies[key]
            return self.reused() if self.compares and earlier != body else said
        said = act(request, read(request, body))
        if key and (said[0] < 400 or self.compares):
            self._replies[key] = (body, said)
        return said

    def _done(self, part: Part, what: str, pay: Pay) -> None:
        part.done = True
        self.tell(what, pay, part)


def read(request: Request, body: bytes) -> Any:
    """A request's body, as JSON or as a web form."""
    if not body:
        return {}
    if request.headers.get("content-type") == "application/json":
        return msgspec.json.decode(body)
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def changed(said: Mapping[str, Any], **change: Any) -> dict[str, Any]:
    """A recorded answer with something else in it."""
    return dict(said) | change
