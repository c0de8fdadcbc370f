"""The cards that this bank knows, and what each of them does.

Numbers are those that providers publish for their sandboxes (Stripe; CyberSource for frictionless 3-D
Secure), so that they mean here what they mean there. Refusals carry the issuer's answer in the code of
ISO 8583, field 39, or a word of the bank's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from nonstopay.card_number import CardNumber


class Authentication(StrEnum):
    """How 3-D Secure goes, in the terms of EMV 3DS."""

    NONE = "none"
    FRICTIONLESS = "frictionless"
    CHALLENGED = "challenged"
    ATTEMPTED = "attempted"
    FAILED = "failed"


NOT_A_TEST_CARD = "not_a_test_card"
AUTHENTICATION_FAILED = "authentication_failed"
CANCELLED = "cancelled"
CARD_EXPIRED = "54"

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "05": "do not honour",
        "41": "lost card",
        "43": "stolen card",
        "51": "insufficient funds",
        CARD_EXPIRED: "expired card",
        "59": "suspected fraud",
        "61": "exceeds the card's limit",
        "91": "the issuer is not available",
        "N7": "wrong card code",
        NOT_A_TEST_CARD: "not a test card: take one from /sandbox/info",
        AUTHENTICATION_FAILED: "the holder did not prove that the card is his",
        CANCELLED: "the holder cancelled at his bank",
    }
)
"""What each code of a refusal means, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxCard:
    """What a card does.

    Attributes:
        outcome: its name, which the bank keeps instead of the number.
        code: why it is refused, after 3-D Secure if it asks for that; `None` if it is not.
        authentication: `CHALLENGED` asks the holder for a one-time code first.
        answers: false if the work is done and nobody hears of it.
        charged_back: whether the holder will want the money back.
    """

    outcome: str
    code: str | None = None
    authentication: Authentication = Authentication.NONE
    answers: bool = True
    charged_back: bool = False


CARDS: Mapping[str, SandboxCard] = MappingProxyType(
    {
        "4242424242424242": SandboxCard(outcome="success"),
        "5555555555554444": SandboxCard(outcome="success"),
        "378282246310005": SandboxCard(outcome="success"),
        "4000000000003220": SandboxCard(
            outcome="three_d_secure", authentication=Authentication.CHALLENGED
        ),
        "4000008400001629": SandboxCard(
            outcome="three_d_secure_then_declined",
            code="05",
            authentication=Authentication.CHALLENGED,
        ),
        "4000000000002701": SandboxCard(
            outcome="frictionless", authentication=Authentication.FRICTIONLESS
        ),
        "4000000000002719": SandboxCard(
            outcome="attempted", authentication=Authentication.ATTEMPTED
        ),
        "4000000000002925": SandboxCard(
            outcome="authentication_failed",
            code=AUTHENTICATION_FAILED,
            authentication=Authentication.FAILED,
        ),
        "4000000000000002": SandboxCard(outcome="declined", code="05"),
        "4000000000009995": SandboxCard(outcome="insufficient_funds", code="51"),
        "4000000000000069": SandboxCard(outcome="expired_card", code=CARD_EXPIRED),
        "4000000000000127": SandboxCard(outcome="wrong_code", code="N7"),
        "4000000000006975": SandboxCard(outcome="limit_exceeded", code="61"),
        "4100000000000019": SandboxCard(outcome="suspected_fraud", code="59"),
        "4000000000009987": SandboxCard(outcome="lost_card", code="41"),
        "4000000000009979": SandboxCard(outcome="stolen_card", code="43"),
        "4000000000000911": SandboxCard(outcome="bank_unavailable", code="91"),
        "4000000000000119": SandboxCard(outcome="answer_lost", answers=False),
        "4000000000000259": SandboxCard(outcome="charged_back", charged_back=True),
    }
)
"""Every card by its number."""

_STRANGER = SandboxCard(outcome=NOT_A_TEST_CARD, code=NOT_A_TEST_CARD)
_BY_OUTCOME = {card.outcome: card for card in (*CARDS.values(), _STRANGER)}


def recognise(number: CardNumber, *, expired: bool) -> SandboxCard:
    """The card with this number; one that is no test card, or is out of date, is refused."""
    card = CARDS.get(number.reveal(), _STRANGER)
    if expired and card is not _STRANGER:
        return _BY_OUTCOME["expired_card"]
    return card


def named(outcome: str) -> SandboxCard:
    """The card that does this, as the bank wrote it down."""
    return _BY_OUTCOME[outcome]
