"""The lists: whom to refuse, to look at and to let pass, by what of an attempt, for one merchant or all."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nonstopay.business.merchants.change import read_network
from nonstopay.business.risk.issuers import DIGITS_MAX, Issuers
from nonstopay.business.risk.verdict import Subject
from nonstopay.errors import InvalidInput

EVERYBODY = 0
"""In place of a merchant: all of them."""
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+", re.ASCII)
_FORMS = {
    "card": re.compile(r"[0-9a-f]{64}", re.ASCII),
    "bin": re.compile(rf"[0-9]{{1,{DIGITS_MAX}}}", re.ASCII),
    "email": re.compile(rf"[^\s@]{{1,64}}@{_DOMAIN.pattern}"),
    "domain": _DOMAIN,
    "country": re.compile(r"[A-Z]{2}", re.ASCII),
}


class List(StrEnum):
    BLOCK = "block"
    WATCH = "watch"
    """It is charged, and the money withheld until somebody has looked at it."""
    ALLOW = "allow"


class About(StrEnum):
    """What of an attempt an entry is about."""

    CARD = "card"
    """A card's fingerprint, which is one merchant's."""
    BIN = "bin"
    """The first digits of its number, at most six."""
    NETWORK = "network"
    """The payer's address, or a network in CIDR notation."""
    EMAIL = "email"
    DOMAIN = "domain"
    """Of the e-mail, with all domains below it."""
    COUNTRY = "country"
    """The payer's, as told, or the card's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of a list. `merchant_id` is `EVERYBODY` for all merchants."""

    merchant_id: int
    list: List
    about: About
    value: str
    note: str
    entered_at: datetime


def in_form(about: About, text: str) -> str:
    """A value as it is kept and looked for.

    Raises:
        InvalidInput: another form.
    """
    if about is About.NETWORK:
        return str(read_network(text))
    value = text.strip()
    value = value.upper() if about is About.COUNTRY else value.lower()
    if not _FORMS[about].fullmatch(value):
        raise InvalidInput(about, f"{about}: not of the right form")
    return value


def traits(subject: Subject, issuers: Issuers) -> list[tuple[About, str]]:
    """All values by which an attempt may stand on a list."""
    return [
        (About.CARD, subject.fingerprint.hex()),
        *((About.BIN, subject.first6[:end]) for end in range(1, len(subject.first6) + 1)),
        *((About.NETWORK, network) for network in _networks_around(subject.payer_ip)),
        (About.EMAIL, subject.email),
        *((About.DOMAIN, domain) for domain in _domains(subject.email)),
        *(
            (About.COUNTRY, country)
            for country in (subject.payer_country, issuers.country_of(subject.first6))
            if country
        ),
    ]


def _networks_around(payer_ip: str | None) -> Iterator[str]:
    try:
        address = read_network(payer_ip or "")
    except InvalidInput:
        return
    for length in range(address.prefixlen + 1):
        yield str(address.supernet(new_prefix=length))


def _domains(email: str) -> Iterator[str]:
    labels = email.rpartition("@")[2].split(".")
    for start in range(len(labels) - 1):
        yield ".".join(labels[start:])
