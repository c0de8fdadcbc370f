"""A letter to a person, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.mail.states import State


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter about one merchant's affairs.

    Attributes:
        recipient: one address, without a name.
        attempts: how often sending it was begun.
        problem: why the last attempt failed, in the relay's words.
        sent_at: when the relay took it, UTC.
    """

    merchant_id: int
    id: int
    recipient: str
    subject: str
    text: str
    state: State
    attempts: int
    problem: str | None
    created_at: datetime
    sent_at: datetime | None
