"""Is a receiver fit for money? Sends what the network and strangers will send, and grades it.

Seen from outside only: whether a repeat was *acted on* twice is the receiver's own secret, so the
grade says that it was answered well, not that it was worked on once.
"""

import asyncio
import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from nonstopay import clock, ids
from nonstopay.business.webhooks import sign
from nonstopay.business.webhooks.delivery import Attempt
from nonstopay.business.webhooks.endpoint import FORMAT
from nonstopay.business.webhooks.explain import explain
from nonstopay.business.webhooks.send import TIMEOUT_SECONDS, headers
from nonstopay.connectors.public_http import Answer, NoAnswer, PublicHttp
from nonstopay.errors import InvalidInput
from nonstopay.store.outbox import Event

SLOW_MS = 2000
OLD = timedelta(minutes=10)
AT_ONCE = 5
ALL_POINTS = 100
# The least points of each grade; what accepts a forgery has none left.
GRADES = (("A", 90), ("B", 75), ("C", 60), ("D", 40), ("F", 0))
_GONE = 410
_OBJECT_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Message:
    """One request, signed or spoilt."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Trial:
    """Messages sent one after the other, or at once, and how each should be answered.

    Attributes:
        welcome: whether 2xx is right.
        costs: points lost otherwise, of 100.
        advice: what to mend then.
    """

    name: str
    messages: Sequence[Message]
    welcome: bool
    costs: int
    advice: str
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a trial. `lost` and `advice` are empty where all was well."""

    trial: str
    found: str
    lost: int = 0
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The grade, A to F, with its reasons. `slowest_ms` is of the messages that were accepted."""

    url: str
    grade: str
    points: int
    slowest_ms: int
    findings: Sequence[Finding]


async def check(http: PublicHttp, url: str, secret: str) -> Report:
    """Send sixteen messages to a receiver and grade its answers.

    They are about an invoice that does not exist, with an id of its own each time.

    Args:
        secret: the one that the receiver verifies with, `whsec_…`.

    Raises:
        InvalidInput: the secret has another form.
    """
    _require_secret(secret)
    findings: list[Finding] = []
    accepted: list[Attempt] = []
    refused: list[Attempt] = []
    for trial in _trials(secret, clock.now()):
        attempts = await _send(http, url, trial)
        (accepted if trial.welcome else refused).extend(attempts)
        findings.append(_judge(trial, attempts))
        if trial.name == GENUINE and findings[-1].lost:
            break  # who refuses everything also refuses forgeries: nothing more is to be learnt
    else:
        findings += _manners(accepted, refused)
    points = max(ALL_POINTS - sum(one.lost for one in findings), 0)
    grade = next(letter for letter, least in GRADES if points >= least)
    slowest = max((one.duration_ms for one in accepted if one.received), default=0)
    return Report(url, grade, points, slowest, findings)


GENUINE = "accepts a genuine message"


def _trials(secret: str, now: datetime) -> Iterator[Trial]:
    """All trials in their order; each event has a number of its own, growing as real ones do."""
    invoice = int("9" + ids.number_text(_OBJECT_DIGITS))
    other = ids.signing_secret()

    def message(version: int, *secrets: str, at: datetime = now, status: str = "opened") -> Message:
        return _message(invoice, version, status, secrets or (secret,), at)

    created = message(1, status="created")
    yield Trial(
        GENUINE, [created], True, ALL_POINTS,
        "Answer 2xx to what carries a valid signature, also about objects you do not know. Is the "
        "secret the right one, and is the raw body verified, before anything parses it?",
    )  # fmt: skip
    yield Trial(
        "accepts the same message again",
        [message(1, status="created", at=now + timedelta(seconds=1))], True, 20,
        "A message whose webhook-id you know is a receipt that was lost: answer 2xx and do nothing.",
    )  # fmt: skip
    yield Trial(
        "accepts an older message after a newer one", [message(3), message(2)], True, 15,
        "What comes late is to be received and not acted on. Refused, it is sent for three days.",
    )  # fmt: skip
    yield Trial(
        f"accepts {AT_ONCE} copies at the same moment", [message(4)] * AT_ONCE, True, 10,
        "Let a unique key on webhook-id decide between copies, and answer 2xx to the losers too.",
        at_once=True,
    )  # fmt: skip
    yield Trial(
        "accepts what two secrets signed, of which it knows one",
        [message(5, other, secret)], True, 15,
        "webhook-signature holds one signature for each valid secret, with spaces between; "
        "X-Signature-Previous the old secret's. Any of them will do, or rotation loses messages.",
    )  # fmt: skip
    genuine = message(6)
    yield Trial(
        "refuses a forged signature", [message(6, other)], False, ALL_POINTS,
        "Anybody can tell you that he paid. Verify the signature.",
    )  # fmt: skip
    yield Trial(
        "refuses a message without a signature", _unsigned(genuine), False, ALL_POINTS,
        "Anybody can tell you that he paid. No signature is a wrong signature.",
    )  # fmt: skip
    altered = genuine.body.replace(b'"amount":15.04', b'"amount":1504')
    yield Trial(
        "refuses an altered body", [replace(genuine, body=altered)], False, ALL_POINTS,
        "Sign what you received byte for byte, and compare with what was sent, not with a part.",
    )  # fmt: skip
    yield Trial(
        "refuses an altered webhook-id", [_with(genuine, "webhook-id", "evt_1")], False, 20,
        "X-Signature covers the body alone: a repeat under a new id would count as new. Verify "
        "webhook-signature, which covers id, timestamp and body.",
    )  # fmt: skip
    yield Trial(
        "refuses what was signed ten minutes ago", [message(7, at=now - OLD)], False, 20,
        "Whoever recorded a message could play it again. Refuse a webhook-timestamp more than 300 "
        "seconds off, and check that your clock is right.",
    )  # fmt: skip


async def _send(http: PublicHttp, url: str, trial: Trial) -> list[Attempt]:
    if trial.at_once:
        return await asyncio.gather(*(_post(http, url, one) for one in trial.messages))
    return [await _post(http, url, one) for one in trial.messages]


async def _post(http: PublicHttp, url: str, message: Message) -> Attempt:
    at, started = clock.now(), clock.stopwatch()
    answer: Answer | None = None
    problem = detail = None
    try:
        answer = await http.post(url, message.body, message.headers, TIMEOUT_SECONDS)
    except NoAnswer as error:
        problem, detail = str(error.problem), error.detail
    return Attempt(
        number=1,
        at=at,
        duration_ms=int((clock.stopwatch() - started) * 1000),
        status=answer.status if answer else None,
        problem=problem,
        detail=detail,
        response=None,
    )


def _judge(trial: Trial, attempts: Sequence[Attempt]) -> Finding:
    wrong = next((one for one in attempts if one.received is not trial.welcome), None)
    if wrong is None:
        return Finding(trial.name, _found(attempts[-1]))
    return Finding(trial.name, _found(wrong), trial.costs, trial.advice)


def _manners(accepted: Sequence[Attempt], refused: Sequence[Attempt]) -> list[Finding]:
    """How it answers: quickly, and to strangers with a plain no."""
    slowest = max(one.duration_ms for one in accepted)
    speed = Finding("answers within two seconds", f"slowest: {slowest} ms")
    if slowest > SLOW_MS:
        speed = replace(
            speed,
            lost=15,
            advice="Keep the message, answer, and do the work afterwards: after 15 seconds an answer "
            "counts as none.",
        )
    rude = next((one for one in refused if not one.received and not _is_plain_no(one)), None)
    manner = Finding("refuses with 4xx", _found(rude or refused[0]))
    if rude is not None:
        manner = replace(
            manner,
            lost=15,
            advice="410 switches your endpoint off for good; a secret mistyped once would do it."
            if rude.status == _GONE
            else "A forgery is not a fault of yours: answer 401, and log it.",
        )
    return [speed, manner]


def _is_plain_no(attempt: Attempt) -> bool:
    return attempt.status is not None and 400 <= attempt.status < 500 and attempt.status != _GONE


def _found(attempt: Attempt) -> str:
    return str(attempt.status) if attempt.status is not None else explain(attempt)


def _message(
    invoice: int, version: int, status: str, secrets: Sequence[str], at: datetime
) -> Message:
    event = Event(
        merchant_id=0,
        id=invoice * 10 + version,
        kind=f"invoice:{status}",
        object="invoice",
        object_id=invoice,
        version=version,
        facts={},
        created_at=at,
    )
    body = msgspec.json.encode(
        {
            "status": event.kind,
            "id": invoice,
            "devise": "USD",
            "amount": msgspec.Raw(b"15.04"),
            "description": "An endpoint check. There is no such invoice.",
            "callbackJson": None,
            "fiat_amount": None,
            "fiat_currency": None,
            "totalAmount": None,
            "totalCurrency": None,
            "datetime": clock.text(at),
        }
    )
    return Message(headers(event, FORMAT, secrets, at, body), body)


def _unsigned(message: Message) -> list[Message]:
    """Without any signature, and with empty ones."""
    signatures = ("webhook-signature", "X-Signature")
    bare = {name: value for name, value in message.headers.items() if name not in signatures}
    return [
        replace(message, headers=bare),
        replace(message, headers=bare | dict.fromkeys(signatures, "")),
    ]


def _with(message: Message, name: str, value: str) -> Message:
    return replace(message, headers={**message.headers, name: value})


def _require_secret(secret: str) -> None:
    try:
        key = base64.b64decode(secret.removeprefix(sign.PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(sign.PREFIX) or not key:
        raise InvalidInput("secret", "a signing secret is whsec_ and base64, as it was shown")
