"""What is known of an attempt when it is judged, and the judgement."""

from dataclasses import dataclass, field
from enum import StrEnum


class Decision(StrEnum):
    """What becomes of an attempt, from the mildest to the hardest."""

    ALLOW = "allow"
    REVIEW = "review"
    """It is charged, and the money is withheld until somebody has looked at it."""
    BLOCK = "block"
    """No provider is asked; the payer reads that his card was refused, and no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who wants to pay what with which card.

    Attributes:
        fingerprint: equal for equal numbers of one merchant.
        first6: of the card's number, at most six digits.
        payer_country: ISO 3166-1 alpha-2, as told.
    """

    merchant_id: int
    invoice_id: int
    fingerprint: bytes = field(repr=False)
    first6: str
    email: str = field(repr=False)
    payer_ip: str | None
    payer_country: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules are told. It is kept with the decision, so that anybody can decide again.

    Attributes:
        blocked, watched, allowed: what of the attempt stands on these lists: `card`, `network` …
        card_country: of the bank that issued the card, if its number is in the operator's file.
        invoices_of_card, invoices_of_email, invoices_of_address: on how many invoices this card, this
            e-mail and this address were tried within the hour, the present one counted.
        cards_of_email, cards_of_address: how many different cards were tried within the day.
    """

    blocked: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    payer_country: str | None = None
    card_country: str | None = None
    invoices_of_card: int = 1
    invoices_of_email: int = 1
    invoices_of_address: int = 1
    cards_of_email: int = 1
    cards_of_address: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and the names of the rules that led to it, none if all is well."""

    decision: Decision
    reasons: tuple[str, ...] = ()
