"""What a UPI connector is: five small acts, each a translation.

A provider is one file in its rail's folder: a `NAME`, which is what configuration and rows call it, a
class, and `connect`, which makes one from its section of the configuration. `find` lists the folder;
nothing is registered anywhere else.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType
from typing import Any, Protocol, TypeVar

import msgspec

from nonstopay.connectors.http import Answer, NoAnswer, ProviderHttp
from nonstopay.connectors.outcome import Outcome, unknown
from nonstopay.errors import Misconfigured, NotAllowed
from nonstopay.money import Money

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What we ask a provider to collect.

    Attributes:
        reference: ours, unique; it is the provider's idempotency key, so asking twice is asking once.
        amount: in the rail's currency (UPI: INR).
        payee_name: whom the payer sees.
        note: a few words for the payer's statement.
        expires_at: after this the order must no longer be payable.
        notify_url: where the provider sends its notifications.
        payer_name, payer_email, payer_phone: as the merchant or the payer told; for providers that ask.
        payer_identity: the payer's identity number, for providers that need it; shown and logged nowhere.
    """

    reference: str
    amount: Money
    payee_name: str
    note: str
    expires_at: datetime
    notify_url: str
    payer_name: str | None = field(default=None, repr=False)
    payer_email: str | None = field(default=None, repr=False)
    payer_phone: str | None = field(default=None, repr=False)
    payer_identity: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A provider's notification, verified and translated: which order, and what happened.

    Attributes:
        reference: ours; empty if the provider names the order by its own (`provider_reference`).
        outcome: `None` if the provider proves who calls but does not sign what it says: then the
            notification is a reason to look the order up, and nothing more.
        provider_reference: the provider's id of the order.
        key: ours, of the capture, void or refund that it speaks of; a refund without one was made at the
            provider's own desk, and its outcome must say the provider's id of it.
    """

    reference: str
    outcome: Outcome | None
    provider_reference: str | None = None
    key: str | None = None


class UnverifiedNotice(NotAllowed):
    """The notification's signature does not hold: it is not from the provider."""

    code = "unverified_notice"


class UpiConnector(Protocol):
    """A UPI provider. Every method may be called again with the same arguments, without harm.

    None of them raises for what the provider says or fails to say: that is an `Outcome`, `UNKNOWN` if
    in doubt. `read_notice` alone raises `UnverifiedNotice`.
    """

    name: str

    async def start(self, order: Order) -> Outcome:
        """Open the order; WAITING with the `upi://pay` link."""
        ...

    async def look_up(self, reference: str) -> Outcome:
        """Ask what became of the order."""
        ...

    async def refund(self, reference: str, key: str, amount: Money) -> Outcome:
        """Send money back; `key` is ours and makes the call repeatable."""
        ...

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        """Verify and translate a notification. Header names are lower case."""
        ...


Connect = Callable[[ProviderHttp, Mapping[str, str]], Any]
"""Makes a provider's connector, of its folder's rail, from how to call and its section of the
configuration.

Raises `Misconfigured`, naming the key, if one is missing."""


def find(package: ModuleType) -> dict[str, Connect]:
    """The providers in a rail's folder by name, found by listing it: files with a `connect`."""
    found = {}
    for entry in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{entry.name}")
        if hasattr(module, "connect"):
            found[str(module.NAME)] = module.connect
    return found


def option(options: Mapping[str, str], provider: str, key: str) -> str:
    """A key of a provider's section of the configuration.

    Raises:
        Misconfigured: it is missing or empty.
    """
    value = options.get(key, "")
    if not value:
        raise Misconfigured(f"the configuration of {provider} needs {key}")
    return value


def read(
    answer: Answer | NoAnswer, shape: type[T], *, statuses: Sequence[int] = (200,)
) -> T | Outcome:
    """A provider's answer in the shape that its documents give it.

    Returns:
        UNKNOWN instead for silence, another status than `statuses` and another shape.
    """
    if isinstance(answer, NoAnswer):
        return unknown(answer.problem)
    if answer.status not in statuses:
        return unknown(f"status {answer.status}")
    try:
        return msgspec.convert(answer.json(), shape)
    except msgspec.ValidationError:
        return unknown("an answer of another shape")
