"""Where a merchant wants his webhooks, and what signs them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nonstopay.errors import NotFound

ENDPOINT = "webhook_endpoint"
"""The object of events about an endpoint."""
TEST = "webhook:test"
DISABLED = "webhook:disabled"
REMOVED = "removed by its merchant"
REPLACED = "replaced by another callback URL"
FORMAT = 1
"""The shape of the bodies. An endpoint keeps the one that was the newest when it was made."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A merchant's callback URL, or one of his further endpoints.

    Attributes:
        version: rises with every change and every event of the endpoint.
        is_callback: it is the callback URL.
        kinds: the events it wants, e.g. `invoice:paid` or `invoice:*`; empty: all operations.
        failing_since: the first failure after the last receipt; None while it answers well.
        disabled_at, disabled_reason: set when nothing is sent there any more, and why.
    """

    merchant_id: int
    id: int
    version: int
    url: str
    is_callback: bool
    description: str
    kinds: tuple[str, ...]
    format: int
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None

    @property
    def enabled(self) -> bool:
        return self.disabled_at is None

    @property
    def listed(self) -> bool:
        """Whether its merchant still counts on it: not what he removed or replaced himself."""
        return self.disabled_reason not in (REMOVED, REPLACED)


class SecretKind(StrEnum):
    HMAC = "hmac"
    """Both sides have it: `whsec_…`."""
    ED25519 = "ed25519"
    """Ours alone; the receiver has the public half."""


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret as it is kept. `own`: the endpoint's, not the merchant's."""

    kind: SecretKind
    sealed: bytes
    own: bool


def require(endpoint: Endpoint | None) -> Endpoint:
    """The endpoint. Raises `NotFound` if there is none."""
    if endpoint is None:
        raise NotFound("there is no such webhook endpoint")
    return endpoint
