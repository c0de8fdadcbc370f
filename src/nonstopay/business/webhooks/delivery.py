"""An event on its way to an endpoint, and the attempts to bring it there."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.webhooks.states import State
from nonstopay.store.outbox import Event

EndpointKey = tuple[int, int]
"""Merchant and endpoint: whom a delivery is for, and what concurrency is counted by."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint, as its merchant sees it.

    Attributes:
        kind, object, object_id: of the event.
        attempts: how many were begun.
        next_attempt_at: not before then; meaningful while pending.
        finished_at: when it was received or given up.
    """

    merchant_id: int
    endpoint_id: int
    event_id: int
    kind: str
    object: str
    object_id: int
    state: State
    attempts: int
    created_at: datetime
    next_attempt_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries are to be sent again; what is None does not matter.

    Attributes:
        first, last: the lowest and the highest event.
        failed_since: those that were given up, of events since then.
    """

    endpoint_id: int | None = None
    first: int | None = None
    last: int | None = None
    failed_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A pending delivery that one worker has for the time of its lease.

    Attributes:
        number: of the attempt that this claim is for; unique within the delivery.
        tries: which try of the retry plan this is, from 1; a replay begins the plan anew.
    """

    endpoint_id: int
    event: Event
    number: int
    tries: int

    @property
    def endpoint(self) -> EndpointKey:
        return self.event.merchant_id, self.endpoint_id


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt.

    Attributes:
        at: when it began, UTC.
        duration_ms: until the answer was read, or until there was none.
        status: the HTTP status, if there was an answer.
        problem: a word of `explain.py` if there was none; None otherwise.
        detail: the problem in the network's words.
        response: the beginning of the answer's body, at most 2 KiB.
    """

    number: int
    at: datetime
    duration_ms: int
    status: int | None
    problem: str | None
    detail: str | None
    response: str | None

    @property
    def received(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class OldAttempt(Attempt):
    """An attempt that is about to be forgotten, with the delivery that it was for."""

    merchant_id: int
    endpoint_id: int
    event_id: int


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt and what it makes of its delivery: the new state, and when to try again."""

    claimed: Claimed
    attempt: Attempt
    after: State
    next_attempt_at: datetime | None
    gone: bool
