"""A laboratory: a UPI connector and a provider that can be made to do anything to it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from nonstopay import clock
from nonstopay.connectors.base import Notice, Order, UpiConnector
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.money import Money, fiat
from tests.connectors.serving import scripted

INR = fiat("INR")
Script = Mapping[str, bytes]
"""Answers by the beginning of the method and a part of the path they are for: `GET /orders`."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """A provider's answers, as its documents give them, and such as they do not.

    All are about the order `payment7` of 409.71 rupees and its refund `refund1` of 100 rupees.
    """

    captured: Script
    undocumented: Mapping[str, Script]
    notification: bytes
    undocumented_notification: bytes
    refunded: Script
    undocumented_refunds: Mapping[str, Script]


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How a provider differs from the others, by its documents.

    Attributes:
        amount: how it writes 409.71 rupees.
        link_again: a start that is repeated gets `same` link, a `new` one of the same order, or `none`.
        pending, doubt: what it says while the banks have not finished, and after a debit nobody confirmed.
        lives_on: an order may be paid after a refusal.
        lifetime: after this an unpaid order has ended.
        ending: what it notifies of then.
        signs_words: a notification's signature covers what it says, `signs_time` when it was sent.
        replay_window: a notification that is older is refused.
        excess: what it makes of a refund of more than is left.
    """

    amount: bytes = b"409.71"
    link_again: str = "same"
    pending: Kind = Kind.PROCESSING
    doubt: Kind = Kind.UNKNOWN
    lives_on: bool = True
    lifetime: timedelta = timedelta(minutes=8)
    ending: tuple[Kind, ...] = (Kind.EXPIRED,)
    signs_words: bool = True
    signs_time: bool = True
    replay_window: timedelta = timedelta(minutes=6)
    excess: Kind = Kind.REFUND_REFUSED


@dataclass
class Laboratory(ABC):
    """A provider on a real server, its door to us, and the connector to it.

    Attributes:
        make: the connector with another way to call, or to another address.
        heard: notifications as they came in, headers in lower case.
        told: what we knew after each, there and then.
        deaf: our door answers 500.
    """

    address: str
    make: Callable[[ProviderHttp, str], UpiConnector]
    connector: UpiConnector
    words: Words
    manners: Manners
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)
    deaf: bool = False

    @abstractmethod
    async def pay(self, uri: str, outcome: str) -> None:
        """The payer scans the link, and `outcome` happens."""

    @abstractmethod
    async def advance(self, **ahead: float) -> None:
        """Let time pass, for the provider and for us."""

    @abstractmethod
    async def fault(self, mode: str) -> None:
        """Make the provider misbehave until it is told `none`."""

    @abstractmethod
    async def settle(self) -> None:
        """What the provider does all the time: finish what is due, and notify."""

    @abstractmethod
    def signed(self, body: bytes, ago: timedelta = timedelta(0)) -> dict[str, str]:
        """Headers as the provider signs them."""

    def order(self, reference: str = "payment7", rupees: int = 40971) -> Order:
        return Order(
            reference=reference,
            amount=Money(rupees, INR),
            payee_name="Acme Toys",
            note="Invoice 7",
            expires_at=clock.now() + timedelta(minutes=8),
            notify_url=f"{self.address}/notifications",
            payer_name="Asha Rao",
            payer_email="asha@example.com",
            payer_phone="+919876543210",
            payer_identity="12345678901",
        )

    async def start(self, reference: str = "payment7", rupees: int = 40971) -> str:
        """Open an order; its link."""
        outcome = await self.connector.start(self.order(reference, rupees))
        assert outcome.kind is Kind.WAITING, outcome
        assert outcome.link
        return outcome.link

    async def paid(self, reference: str = "payment7", rupees: int = 40971) -> str:
        """An order that was paid and told; its link."""
        uri = await self.start(reference, rupees)
        await self.pay(uri, "success")
        await self.settle()
        return uri

    async def refund(self, key: str, paise: int) -> Outcome:
        """Ask for a refund of `payment7` until its end is known, as the core does: twice."""
        outcome = await self.connector.refund("payment7", key, Money(paise, INR))
        if outcome.kind is not Kind.UNKNOWN:
            return outcome
        await self.settle()
        return await self.connector.refund("payment7", key, Money(paise, INR))

    def forgeries(self, true: Mapping[str, str]) -> list[dict[str, str]]:
        """Headers that a forger may try who knows true ones."""
        return [
            {},
            dict.fromkeys(true, ""),
            {name: text[:-1] + ("0" if text[-1] != "0" else "1") for name, text in true.items()},
            {name: text + "é" for name, text in true.items()},
            {name: "0" + text for name, text in true.items()},
        ]

    def told_kinds(self) -> list[Kind]:
        return [notice.outcome.kind for notice in self.told if notice.outcome]

    def door(self) -> Route:
        """Where the provider notifies us. What it says without signing it makes us ask, no more."""

        async def hear(request: Request) -> Response:
            body = await request.body()
            if self.deaf:
                return Response(status_code=500)
            headers = dict(request.headers)
            for notice in self.connector.read_notice(headers, body):
                outcome = notice.outcome or await self.connector.look_up(notice.reference)
                self.told.append(Notice(reference=notice.reference, outcome=outcome))
            self.heard.append((headers, body))
            return Response()

        return Route("/notifications", hear, methods=["POST"])


def scripts(bodies: Mapping[str, Script]) -> list[BaseRoute]:
    """A provider for each of these scripts, below `/0`, `/1` and so on."""
    return [scripted(script, below=f"/{n}") for n, script in enumerate(bodies.values())]
