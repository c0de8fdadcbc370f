"""One attempt: sign the body, send it, and judge what came back. No transaction is open."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from nonstopay import clock
from nonstopay.business.webhooks import sign
from nonstopay.business.webhooks.delivery import Attempt, Claimed, Result
from nonstopay.business.webhooks.endpoint import Endpoint
from nonstopay.business.webhooks.explain import NOT_BUILT, SWITCHED_OFF
from nonstopay.business.webhooks.retry import next_try
from nonstopay.business.webhooks.states import DELIVERY, Happening, State
from nonstopay.connectors.public_http import Answer, NoAnswer, PublicHttp
from nonstopay.store.outbox import Event

TIMEOUT_SECONDS = 15
RESPONSE_BYTES_KEPT = 2048
_GONE = 410
_MILLISECONDS = 1000

log = structlog.get_logger()


async def send(
    http: PublicHttp,
    claimed: Claimed,
    endpoint: Endpoint | None,
    secrets: Sequence[str],
    body: bytes | Exception,
) -> Result:
    """Make one attempt. Never raises for what the network or the receiver does.

    Args:
        endpoint: where to; None or disabled means it was switched off since.
        secrets: what signs for the endpoint, the newest first.
        body: or why there is none.
    """
    at, started = clock.now(), clock.stopwatch()
    answer: Answer | None = None
    problem = detail = None
    if endpoint is None or not endpoint.enabled:
        problem = SWITCHED_OFF
    elif isinstance(body, Exception):
        problem, detail = NOT_BUILT, type(body).__name__
        log.error("webhook_not_built", event_id=claimed.event.id, exc_info=body)
    else:
        try:
            answer = await http.post(
                endpoint.url,
                body,
                headers(claimed.event, endpoint.format, secrets, at, body),
                TIMEOUT_SECONDS,
            )
        except NoAnswer as error:
            problem, detail = str(error.problem), error.detail
    attempt = Attempt(
        number=claimed.number,
        at=at,
        duration_ms=int((clock.stopwatch() - started) * _MILLISECONDS),
        status=answer.status if answer else None,
        problem=problem,
        detail=detail,
        response=_text(answer.body) if answer else None,
    )
    return _judge(claimed, attempt, answer.headers.get("retry-after") if answer else None)


def headers(
    event: Event, format: int, secrets: Sequence[str], at: datetime, body: bytes
) -> dict[str, str]:
    """All headers of one attempt.

    The body is the contract's to the letter, so what the contract does not know stands here: the
    event's kind, and the object's version, by which a receiver knows an older state from a newer.
    """
    return {
        "Content-Type": "application/json",
        "User-Agent": "nonstopay-webhooks/1",
        "webhook-kind": event.kind,
        "webhook-version": str(event.version),
        "webhook-format": str(format),
    } | sign.headers(secrets, sign.webhook_id(event.id), at, body)


def _judge(claimed: Claimed, attempt: Attempt, retry_after: str | None) -> Result:
    again_at = None
    if attempt.received:
        happening = Happening.RECEIVED
    elif attempt.problem == SWITCHED_OFF or attempt.status == _GONE:
        happening = Happening.SWITCHED_OFF
    else:
        again_at = next_try(claimed.tries, clock.now(), retry_after)
        happening = Happening.FAILED if again_at else Happening.EXHAUSTED
    return Result(
        claimed=claimed,
        attempt=attempt,
        after=DELIVERY.step(State.PENDING, happening).after,
        next_attempt_at=again_at,
        gone=attempt.status == _GONE,
    )


def _text(body: bytes) -> str:
    """The beginning of an answer, for people; PostgreSQL keeps no NUL in a text."""
    return body[:RESPONSE_BYTES_KEPT].decode("utf-8", "replace").replace("\x00", "\ufffd")
