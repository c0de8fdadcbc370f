"""Post offices: what takes a letter from us and brings it to a person."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail as a person reads it.

    Attributes:
        id: the left half of its Message-ID, the same each time it is sent, so that a repeat can be
            told from a second letter.
        recipient: one address, without a name.
        text: plain; the HTML part is made of it.
    """

    id: str
    recipient: str
    subject: str
    text: str


class Verdict(StrEnum):
    """What the post office said."""

    ACCEPTED = "accepted"
    LATER = "later"
    """Not now, or nobody knows: to be tried again."""
    REFUSED = "refused"
    """This letter will never be taken."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, and in the post office's words why; nothing where there is nothing to say."""

    verdict: Verdict
    problem: str = ""
