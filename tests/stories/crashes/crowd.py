"""A crowd of clients that create invoices without pause, whatever happens to the gateway."""

import threading
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count
from types import TracebackType
from typing import Self

from tests.stories.gateway import Merchant

CREATE = "/api/btn-create-invoice/get/"
CLIENTS = 16
PAUSE_SECONDS = 0.1


@dataclass
class Crowd:
    """Sixteen clients. Each keeps asking with the same Idempotency-Key until it has its answer.

    Attributes:
        answers: for each number, which is key and `callbackJson`, the page's address it was given.
        refusals: what no client should ever see.
        cut_off: how many requests died under a client.
    """

    merchant: Merchant
    answers: dict[int, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    cut_off: int = 0
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._shop) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let everybody get the answer he waits for, and go home."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def ask(self, number: int) -> tuple[str, bool] | None:
        """Create invoice `number`, again or for the first time: its page and whether it was a repeat."""
        body = {"email": "a@b.co", "amount": 5, "devise": "USD", "callbackJson": {"n": number}}
        answer = self.merchant.post(CREATE, body, Idempotency_Key=f"order-{number}")
        if answer.status in (409, 429, 503):
            return None
        facts = answer.json()
        if answer.status != 200 or facts["errorCode"] != 0:
            self.refusals.append(answer.text)
            return None
        return facts["redirectUrl"], "idempotent-replayed" in {
            name.lower() for name in answer.headers
        }

    def _shop(self) -> None:
        while not self._stop.is_set():
            number = next(self._numbers)
            while (answer := self._ask_once(number)) is None:
                self._stop.wait(0.05)
            self.answers[number] = answer[0]
            self._stop.wait(PAUSE_SECONDS)

    def _ask_once(self, number: int) -> tuple[str, bool] | None:
        try:
            return self.ask(number)
        except (OSError, HTTPException):
            self.cut_off += 1
            return None
