"""A provider for laboratories: orders in memory, payers who do as they are told, notices that repeat.

What it does is the same for all; how it says it is a dialect's, which speaks the HTTP of one provider
by recordings of its documents.
"""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from nonstopay import clock
from tests.connectors.laboratory import Laboratory

RECORDINGS = Path(__file__).parent / "recordings"
HANGS_SECONDS = 0.7

OPEN, HELD, PAID, FAILED = "open", "held", "paid", "failed"


@dataclass
class Try:
    """One try to pay: open until it is held, paid or failed, with a reason."""

    id: str
    at: datetime
    state: str = OPEN
    reason: str = ""
    utr: str = ""


@dataclass
class Refund:
    id: str
    key: str
    paise: int
    at: datetime
    done: bool


@dataclass
class BankOrder:
    id: str
    reference: str
    paise: int
    at: datetime
    ends_at: datetime
    tries: list[Try] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    touched: bool = False
    """The payer has acted on it."""

    @property
    def paid(self) -> Try | None:
        return next((one for one in self.tries if one.state == PAID), None)

    @property
    def left(self) -> int:
        return (self.paise if self.paid else 0) - sum(one.paise for one in self.refunds)


@dataclass
class _Due:
    at: datetime
    act: Callable[[], None]


@dataclass
class _Letter:
    url: str
    body: bytes


class Dialect(ABC):
    """How one provider says it all."""

    def __init__(self, notify_url: str) -> None:
        self.notify_url = notify_url
        self.orders: dict[str, BankOrder] = {}
        self.mode = "none"
        self.asked: list[bytes] = []
        self._due: list[_Due] = []
        self._letters: list[_Letter] = []
        self._count = 0

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """The provider's API."""

    @abstractmethod
    def notice(self, order: BankOrder, one: Try) -> dict[str, Any] | None:
        """What it tells of a try, if it does."""

    @abstractmethod
    def signed(self, body: bytes, at: datetime) -> dict[str, str]:
        """The headers of a notification."""

    def order_of(self, uri: str) -> BankOrder:
        """Whose link this is: its `tr` ends with the number of the order or of its try."""
        reference = dict(parse_qsl(uri.partition("?")[2]))["tr"]
        return next(
            order
            for order in self.orders.values()
            if reference.endswith((order.id, *(one.id for one in order.tries)))
        )

    def end(self, order: BankOrder) -> None:
        """What becomes of an order when its time is over: whoever has not acted is too late."""
        for one in order.tries:
            if one.state == OPEN and not order.touched:
                self._fail(order, one, "timed_out")

    def forget(self) -> None:
        """Nothing that was on its way will come."""
        self._due.clear()

    def number(self) -> str:
        self._count += 1
        return f"{self._count:08d}"

    def begin(self, order: BankOrder) -> Try:
        """A new try on an order."""
        one = Try(self.number(), clock.now())
        order.tries.append(one)
        return one

    def later(self, at: datetime, act: Callable[[], None]) -> None:
        self._due.append(_Due(at, act))

    def open(self, id: str, reference: str, paise: int, ends_at: datetime) -> BankOrder:
        order = BankOrder(id, reference, paise, clock.now(), ends_at)
        self.orders[id] = order
        self.later(ends_at, lambda: self.end(order))
        return order

    def pay(self, order: BankOrder, outcome: str) -> None:
        """The payer acts on the newest try of an order."""
        one = order.tries[-1]
        if one.state == FAILED:
            one = self.begin(order)
        order.touched = True
        now = clock.now()
        if outcome == "success":
            self._take(order, one)
        elif outcome == "pending":
            one.state = HELD
            self.tell(order, one)
            self.later(now + timedelta(minutes=30), lambda: self._take(order, one))
        elif outcome == "late_success":
            self._fail(order, one, "bank_unavailable")
            self.later(now + timedelta(seconds=60), lambda: self._take(order, one))
        elif outcome == "debit_no_credit":
            self.later(now + timedelta(seconds=20), lambda: self._take(order, one, quietly=True))
        else:
            self._fail(order, one, outcome)

    def tell(self, order: BankOrder, one: Try) -> None:
        said = self.notice(order, one)
        if said is not None:
            letter = _Letter(self.notify_url, msgspec.json.encode(said))
            self._letters += [letter] * (2 if self.mode == "double_answer" else 1)

    async def settle(self) -> None:
        """Do what is due by now, then tell; what was not heard is told again the next time."""
        now = clock.now()
        due = sorted((one for one in self._due if one.at <= now), key=lambda one: one.at)
        self._due = [one for one in self._due if one.at > now]
        for one in due:
            one.act()
        async with aiohttp.ClientSession() as session:
            for letter in list(self._letters):
                headers = self.signed(letter.body, clock.now())
                async with session.post(letter.url, data=letter.body, headers=headers) as answer:
                    if answer.status == 200:
                        self._letters.remove(letter)

    def _take(self, order: BankOrder, one: Try, *, quietly: bool = False) -> None:
        one.state, one.utr = PAID, f"6326{self.number()}"
        if not quietly:
            self.tell(order, one)

    def _fail(self, order: BankOrder, one: Try, reason: str) -> None:
        one.state, one.reason = FAILED, reason
        self.tell(order, one)

    def route(
        self,
        method: str,
        path: str,
        act: Callable[[Request, Any], tuple[int, Any]],
        *,
        always: bool = False,
    ) -> Route:
        """A route that suffers from the present fault; `always`: its answers are never lost."""

        async def answer(request: Request) -> Response:
            if self.mode == "timeout":
                await asyncio.sleep(HANGS_SECONDS)
            if self.mode in ("timeout", "error_500"):
                return Response(status_code=500)
            body = await request.body()
            self.asked.append(request.method.encode() + request.url.path.encode() + body)
            is_json = request.headers.get("content-type") == "application/json"
            status, said = act(request, msgspec.json.decode(body) if is_json else body)
            if self.mode == "lost_answer" and method == "POST" and not always:
                await asyncio.sleep(HANGS_SECONDS)
            return Response(msgspec.json.encode(said), status, media_type="application/json")

        return Route(path, answer, methods=[method])


@dataclass
class DialectLaboratory(Laboratory):
    """A laboratory whose provider speaks a dialect."""

    dialect: Dialect = field(kw_only=True)

    async def pay(self, uri: str, outcome: str) -> None:
        self.dialect.pay(self.dialect.order_of(uri), outcome)

    async def advance(self, **ahead: float) -> None:
        clock.move_to_offset(clock.offset() + timedelta(**ahead))
        await self.settle()

    async def fault(self, mode: str) -> None:
        self.dialect.mode = mode

    async def settle(self) -> None:
        await self.dialect.settle()

    def signed(self, body: bytes, ago: timedelta = timedelta(0)) -> dict[str, str]:
        return self.dialect.signed(body, clock.now() - ago)


def recording(provider: str, name: str) -> dict[str, Any]:
    """A recorded answer."""
    found: dict[str, Any] = msgspec.json.decode(
        (RECORDINGS / provider / f"{name}.json").read_bytes()
    )
    return found


def encoded(said: object) -> bytes:
    return msgspec.json.encode(said)


def relinked(uri: str, reference: str, paise: int) -> str:
    """A recorded link for another order."""
    rupees = f"{paise // 100}.{paise % 100:02d}"
    uri = re.sub(r"(?<=[?&]tr=)[^&]*", reference, uri)
    return re.sub(r"(?<=[?&]am=)[^&]*|(?<=[?&]mam=)[^&]*", rupees, uri)
