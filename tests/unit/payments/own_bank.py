"""A card bank with books of its own, which loses answers, dies on us, and tells late and twice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nonstopay.connectors.base import Notice
from nonstopay.connectors.charge import Charge, Paid
from nonstopay.connectors.outcome import DisputeNews, DisputeStage, Kind, Outcome, Reason
from nonstopay.money import Money
from tests.unit.payments.card_counter import CARD_BANK, dollars
from tests.unit.payments.counter import no_answer, outcome

NOTHING = dollars(0)
LOST, DIED_BEFORE, DIED_AFTER = "lost", "died before", "died after"


Act = Callable[[], Outcome]


class Died(Exception):
    """Our process was killed around a call."""


@dataclass
class Paper:
    """What the bank knows of a payment: what is reserved is taken, let go or open."""

    amount: Money
    is_taken_at_once: bool
    is_asked: bool = False
    is_refused: bool = False
    authorised: Money = NOTHING
    captured: Money = NOTHING
    voided: Money = NOTHING
    refunded: Money = NOTHING
    charged_back: Money = NOTHING

    @property
    def open(self) -> Money:
        return self.authorised - self.captured - self.voided

    @property
    def here(self) -> Money:
        """What the bank owes us of it."""
        return self.captured - self.refunded - self.charged_back

    def pay(self) -> None:
        self.is_asked, self.authorised = False, self.amount
        if self.is_taken_at_once:
            self.captured = self.amount


@dataclass
class OwnBank:
    """Implements `CardConnector`; `troubles` befall its next calls, one each."""

    name: str = CARD_BANK
    asks: bool = False
    refuses: bool = False
    papers: dict[str, Paper] = field(default_factory=dict)
    done: dict[str, Outcome] = field(default_factory=dict)
    news: list[Notice] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def holds(self) -> Money:
        return sum((paper.here for paper in self.papers.values()), NOTHING)

    async def authorise(self, charge: Charge) -> Outcome:
        def act() -> Outcome:
            if charge.reference not in self.papers:
                paper = Paper(charge.amount, charge.capture, self.asks, self.refuses)
                self.papers[charge.reference] = paper
                if not paper.is_asked and not paper.is_refused:
                    paper.pay()
                self.tell(charge.reference)
            return self._standing(charge.reference)

        return self._answer(act)

    async def complete(self, paid: Paid, returned: Mapping[str, str]) -> Outcome:
        return await self.look_up(paid)

    async def look_up(self, paid: Paid) -> Outcome:
        return self._answer(lambda: self._standing(paid.reference))

    async def capture(self, paid: Paid, key: str, amount: Money, *, final: bool) -> Outcome:
        def act() -> Outcome:
            paper = self.papers[paid.reference]
            if paper.open < amount:
                return outcome(Kind.CAPTURE_REFUSED)
            paper.captured += amount
            if final:
                paper.voided += paper.open
            return outcome(Kind.CAPTURED, amount=amount)

        return self._answer(lambda: self._once(paid, key, act))

    async def void(self, paid: Paid, key: str) -> Outcome:
        def act() -> Outcome:
            paper = self.papers[paid.reference]
            if paper.captured.minor or not paper.open.minor:
                return outcome(Kind.VOID_REFUSED)
            paper.voided = paper.open
            return outcome(Kind.VOIDED)

        return self._answer(lambda: self._once(paid, key, act))

    async def refund(self, paid: Paid, key: str, amount: Money) -> Outcome:
        def act() -> Outcome:
            paper = self.papers[paid.reference]
            if paper.here < amount:
                return outcome(Kind.REFUND_REFUSED)
            paper.refunded += amount
            return outcome(Kind.REFUNDED, amount=amount)

        return self._answer(lambda: self._once(paid, key, act))

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        return []

    def tell(self, reference: str) -> None:
        """Notify of a payment as it stands."""
        self.news.append(Notice(reference=reference, outcome=self._standing(reference)))

    def give_back(self, reference: str, part: Money) -> None:
        """Somebody at the desk gives a part of what is here back to the payer."""
        paper = self.papers[reference]
        part = min(part, paper.here)
        if part.minor <= 0:
            return
        paper.refunded += part
        name = f"desk-{len(self.news)}"
        told = outcome(Kind.REFUNDED, amount=part, provider_reference=name)
        self.news.append(Notice(reference=reference, outcome=told))

    def contest(self, reference: str, stage: DisputeStage, part: Money | None = None) -> None:
        """The payer's bank takes what is here, or a part of it, or gives back what it took."""
        paper = self.papers[reference]
        amount = paper.charged_back
        if stage is DisputeStage.CHARGEBACK:
            amount = paper.here if part is None else min(part, paper.here)
        if amount.minor <= 0:
            return
        paper.charged_back = amount if stage is DisputeStage.CHARGEBACK else NOTHING
        news = DisputeNews(reference=f"dp-{reference}", stage=stage)
        told = outcome(Kind.DISPUTED, amount=amount, dispute=news)
        self.news.append(Notice(reference=reference, outcome=told))

    def run_out(self, reference: str) -> None:
        """What is reserved and was not taken is let go."""
        paper = self.papers[reference]
        paper.voided += paper.open
        self.news.append(Notice(reference=reference, outcome=outcome(Kind.VOIDED)))

    def _answer(self, act: Act) -> Outcome:
        trouble = self.troubles.pop() if self.troubles else None
        if trouble == DIED_BEFORE:
            raise Died
        said = act()
        if trouble == DIED_AFTER:
            raise Died
        return no_answer() if trouble == LOST else said

    def _once(self, paid: Paid, key: str, act: Act) -> Outcome:
        if key not in self.done:
            self.done[key] = act()
            self.news.append(Notice(reference=paid.reference, outcome=self.done[key], key=key))
        return self.done[key]

    def _standing(self, reference: str) -> Outcome:
        paper = self.papers.get(reference)
        if paper is None:
            return outcome(Kind.DECLINED, reason=Reason.NOT_RECEIVED)
        said = outcome(
            _kind(paper), amount=paper.captured if paper.captured.minor else paper.amount
        )
        left = paper.open if paper.captured.minor else None
        return replace(said, left=left, provider_reference=f"own-{reference}")


def _kind(paper: Paper) -> Kind:
    if paper.is_refused:
        return Kind.DECLINED
    if paper.is_asked:
        return Kind.WAITING
    if paper.captured.minor:
        return Kind.CAPTURED
    return Kind.AUTHORISED if paper.open.minor else Kind.VOIDED
