"""What the latest payments say of a provider.

A payer counts once, however often he tries, and a try of his that succeeds makes good those that did not.
What is his own doing proves that the provider works: a mistyped PIN, an empty account, a change of mind.
A merchant whose payers alone fail has a trouble of his own.
"""

from dataclasses import dataclass

from nonstopay.business.payments.health.states import Event
from nonstopay.connectors.outcome import Reason, Source

PAYERS_MIN = 5
"""So many payers must have tried before anything is said."""
FAILED_MIN = 3
"""And so many of them in vain before anything bad is said."""
FINE_PERCENT = 10
FAILING_PERCENT = 30
DEAD_PERCENT = 80
THEIR_DESKS = (Source.BANK, Source.NETWORK, Source.ACQUIRER, Source.PROVIDER)
THEIR_FAULTS = (
    Reason.BANK_UNAVAILABLE,
    Reason.NETWORK_UNAVAILABLE,
    Reason.NOT_CREDITED,
    Reason.TECHNICAL,
)


@dataclass(frozen=True, slots=True)
class Tries:
    """Payers who tried something and those who failed; the merchants whose payers they were."""

    payers: int = 0
    failed: int = 0
    merchants: int = 0
    failed_merchants: int = 0

    def says(self) -> Event:
        """What these tries say of a provider that is in use."""
        if self.payers < PAYERS_MIN:
            return Event.QUIET
        if self.merchants > 1 and self.failed_merchants == 1:
            return Event.FINE
        event = self._by_share()
        is_bad = event in (Event.FAILING, Event.DEAD)
        return Event.MIXED if is_bad and self.failed < FAILED_MIN else event

    def says_of_a_probe(self) -> Event:
        """What these tries say of a provider that was down: the first of them decide."""
        return self._by_share() if self.payers else Event.QUIET

    def _by_share(self) -> Event:
        percent = 100 * self.failed
        if percent <= FINE_PERCENT * self.payers:
            return Event.FINE
        if percent < FAILING_PERCENT * self.payers:
            return Event.MIXED
        return Event.FAILING if percent < DEAD_PERCENT * self.payers else Event.DEAD


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two measures: whether orders can be opened, and whether tries to pay them get through."""

    opening: Tries = Tries()
    paying: Tries = Tries()
