"""Where a merchant wants his webhooks."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A merchant's callback URL.

    Attributes:
        failing_since: the first failure after the last receipt; None while it answers well.
        disabled_at, disabled_reason: set when nothing is sent there any more, and why.
    """

    merchant_id: int
    id: int
    url: str
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None

    @property
    def enabled(self) -> bool:
        return self.disabled_at is None
