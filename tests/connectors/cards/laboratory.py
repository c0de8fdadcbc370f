"""A laboratory: a card connector and a provider that can be made to do anything to it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nonstopay import clock
from nonstopay.card_number import parse_code, parse_number
from nonstopay.connectors.base import Notice
from nonstopay.connectors.charge import Browser, Card, CardConnector, Charge, Paid, Payer
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.money import Money, fiat
from tests.connectors.cards.acquirer import GOOD, CardDialect, Pay
from tests.connectors.laboratory import Script

EUR = fiat("EUR")
CODE = "737"
WHOLE = Money(40971, EUR)


@dataclass(frozen=True, kw_only=True)
class Words:
    """A provider's answers to a charge, as its documents give them, and such as they do not."""

    charged: Script
    undocumented: Mapping[str, Script]
    refused: Callable[[str], Script]
    """A refusal with this code."""
    codes: Mapping[str, str]
    """Some codes of its own, and what they mean to us."""


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How a provider differs from the others, by its documents.

    Attributes:
        looks_up: it can be asked what became of a payment.
        never_heard: what it makes of a payment it never heard of: its kind.
        signs_time: a notification says when it was sent, and an old one is refused.
        stages: the disputes it tells of, in its words, and ours.
    """

    looks_up: bool = True
    never_heard: Kind = Kind.UNKNOWN
    signs_time: bool = False
    stages: Mapping[str, str]


@dataclass
class CardLaboratory:
    """A provider on a real server, its door to us, and the connector to it.

    Attributes:
        make: the connector with another way to call, or to another address.
        heard: notifications as they came in, headers in lower case.
        told: what we knew after each, there and then.
    """

    address: str
    make: Callable[[ProviderHttp, str], CardConnector]
    connector: CardConnector
    words: Words
    manners: Manners
    dialect: CardDialect
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)

    def charge(
        self,
        number: str = GOOD,
        *,
        reference: str = "payment7",
        amount: Money = WHOLE,
        capture: bool = True,
    ) -> Charge:
        card = Card(
            number=parse_number(number),
            expiry_month=12,
            expiry_year=2034,
            code=parse_code(CODE),
            holder="Asha Rao",
        )
        payer = Payer(
            email="asha@example.com",
            phone="+447911123456",
            address1="1 High Street",
            address2="Flat 2",
            city="London",
            postcode="SW1A 1AA",
            country="GB",
        )
        return Charge(
            reference=reference,
            amount=amount,
            card=card,
            payer=payer,
            browser=Browser(ip="203.0.113.7", user_agent="Mozilla/5.0"),
            capture=capture,
            payee_name="Acme Toys",
            note="Invoice 7",
            return_url=f"{self.address}/back?invoice=7",
            notify_url=f"{self.address}/notifications",
        )

    @property
    def pay(self) -> Pay:
        """The one payment at the provider."""
        (pay,) = self.dialect.pays.values()
        return pay

    @property
    def paid(self) -> Paid:
        return Paid(reference="payment7", provider_reference=self.pay.id)

    async def settled(self, ask: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Ask until it is decided, as the core does: by reply, by asking again, or by notification."""
        outcome = await ask()
        await self.dialect.settle()
        if outcome.kind is not Kind.PROCESSING:
            return outcome
        again = await ask()
        told = self.told[-1].outcome
        return again if again.kind is not Kind.PROCESSING or told is None else told

    async def taken(self, *, capture: bool = True) -> Outcome:
        """A payment that went through."""
        return await self.settled(lambda: self.connector.authorise(self.charge(capture=capture)))

    async def answer(self, ok: bool = True) -> dict[str, str]:
        """The payer answers 3-D Secure; what he brings back."""
        return self.dialect.came_back(self.pay, ok)

    def notice(self, said: Any, ago: timedelta = timedelta(0)) -> tuple[dict[str, str], bytes]:
        return self.dialect.sealed(said, clock.now() - ago)

    def read(self, said: Any) -> list[Notice]:
        return list(self.connector.read_notice(*self.notice(said)))

    def door(self) -> Route:
        async def hear(request: Request) -> Response:
            headers, body = dict(request.headers), await request.body()
            self.told += self.connector.read_notice(headers, body)
            self.heard.append((headers, body))
            return Response()

        return Route("/notifications", hear, methods=["POST"])
