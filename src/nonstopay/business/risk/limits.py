"""How much is too much: the thresholds as one table, for all merchants and for single ones.

Above a limit an attempt is reviewed; above `BLOCK_FROM` times the limit it is blocked. The limits are
wide: they are for programs that try cards, not for payers who buy twice. Merchants who send us one and
the same e-mail for all their payers need another limit for it, or none. In the sandbox everybody pays with
the same few cards all day long: there is no limit there unless it is set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from nonstopay.business.risk.issuers import Issuers, read_issuers
from nonstopay.config import RiskLimits, Settings
from nonstopay.errors import Misconfigured

BLOCK_FROM = 3
ALL = "all"
"""The section of the configuration that is for every merchant."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds that hold for a merchant; 0 is no limit.

    Attributes:
        card_per_hour, email_per_hour, address_per_hour: invoices that are tried with one card, one
            e-mail, from one address.
        cards_per_email, cards_per_address: different cards in a day.
        country_mismatch: what becomes of a card from another country than its payer.
    """

    card_per_hour: int = 30
    email_per_hour: int = 60
    address_per_hour: int = 120
    cards_per_email: int = 20
    cards_per_address: int = 40
    country_mismatch: Literal["off", "review", "block"] = "review"


SANDBOX = Limits(
    card_per_hour=0,
    email_per_hour=0,
    address_per_hour=0,
    cards_per_email=0,
    cards_per_address=0,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator set: limits for all merchants, for some, and where cards come from."""

    limits: Limits = Limits()
    of_merchant: Mapping[int, Limits] = field(default_factory=dict)
    issuers: Issuers = field(default_factory=Issuers)

    def limits_of(self, merchant_id: int) -> Limits:
        return self.of_merchant.get(merchant_id, self.limits)


def policy_of(settings: Settings) -> Policy:
    """The policy of an installation; a merchant's section changes what it names and leaves the rest.

    Raises:
        Misconfigured: a section that is neither `all` nor a merchant's number, or an unreadable file.
    """
    for name in settings.risk:
        if name != ALL and not (name.isascii() and name.isdigit()):
            raise Misconfigured(
                f"risk.{name}: sections are risk.{ALL} and risk.<merchant's number>"
            )
    usual = Limits() if settings.live else SANDBOX
    everybodys = _changed(usual, settings.risk.get(ALL))
    return Policy(
        limits=everybodys,
        of_merchant={
            int(name): _changed(everybodys, section)
            for name, section in settings.risk.items()
            if name != ALL
        },
        issuers=read_issuers(settings.risk_bins),
    )


def _changed(limits: Limits, section: RiskLimits | None) -> Limits:
    given = msgspec.structs.asdict(section) if section else {}
    return replace(limits, **{name: value for name, value in given.items() if value is not None})
