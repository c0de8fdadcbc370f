"""Whatever happens in whatever order: the books hold what the bank holds, and every law of the proof.

Payers, the merchant, the worker and the bank act as hypothesis wishes, several at one moment; answers
are lost, processes die around calls, notifications come late, twice and in any order. In the end
everything is told and done, and the two sides are compared.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nonstopay import clock
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.payments.captures import ask as captures
from nonstopay.business.payments.let_go import ask_to_let_go
from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.payments.refunds import ask as refunds
from nonstopay.business.payments.states import State
from nonstopay.business.payments.take_in import take_in
from nonstopay.business.risk.limits import SANDBOX, Policy
from nonstopay.connectors.base import Notice
from nonstopay.connectors.charge import Browser
from nonstopay.connectors.outcome import DisputeStage
from nonstopay.errors import Conflict, InvalidInput, NotAllowed, Unavailable
from nonstopay.ledger.proof import prove as prove_books
from nonstopay.money import Money
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import CARD_BANK, CardCounter, dollars, open_card_counter
from tests.unit.payments.counter import move_to
from tests.unit.payments.own_bank import DIED_AFTER, DIED_BEFORE, LOST, Died, OwnBank
from tests.unit.payments.working import work

INVOICES = 2
_REFUSED = (Conflict, InvalidInput, NotAllowed)
"""What the gateway answers to a wish that cannot be."""


@dataclass
class World:
    counter: CardCounter
    bank: OwnBank
    invoices: list[Invoice]
    seen: list[int] = field(default_factory=lambda: [0] * INVOICES)
    contested: set[str] = field(default_factory=set)

    async def pay(self, number: int, way: int) -> None:
        """With what ends at once, at the payer's bank, or in a refusal; taken at once or by hand."""
        self.bank.asks, self.bank.refuses = way in (1, 4), way in (2, 5)
        shop = self.counter
        shop.merchant = replace(shop.merchant, captures_by_hand=way % 2 == 1)
        browser = Browser(ip=f"203.0.113.{clock.now().microsecond % 250}")
        with suppress(Died, *_REFUSED):
            payment = await shop.pay(
                self.invoices[number], after=self.seen[number], browser=browser
            )
            self.seen[number] = payment.id

    async def capture(self, number: int, share: int) -> None:
        invoice = self.invoices[number]
        with suppress(*_REFUSED):
            async with self.counter.db.transaction() as tx:
                amount = dollars(share * 50) if share else None
                await captures.ask(
                    tx,
                    invoice.merchant_id,
                    invoice.id,
                    amount,
                    final=share % 2 == 1,
                    at=clock.now(),
                )

    async def let_go(self, number: int, share: int) -> None:
        invoice = self.invoices[number]
        with suppress(*_REFUSED):
            async with self.counter.db.transaction() as tx:
                await ask_to_let_go(tx, invoice.merchant_id, invoice.id, at=clock.now())

    async def refund(self, number: int, share: int) -> None:
        invoice = self.invoices[number]
        with suppress(*_REFUSED):
            async with self.counter.db.transaction() as tx:
                amount = dollars(share * 50) if share else None
                await refunds.ask(
                    tx, invoice.merchant_id, invoice.id, amount, note=None, at=clock.now()
                )

    async def answer(self, number: int, which: int) -> None:
        """A payer answers his bank, days after he was asked if need be."""
        for reference, paper in self.bank.papers.items():
            if paper.is_asked:
                paper.is_refused = which == 1
                if which != 1:
                    paper.pay()
                paper.is_asked = False
                self.bank.tell(reference)
                return

    async def contest(self, number: int, which: int) -> None:
        """A payer wants his money or a part of it back from his bank, or his bank gives in."""
        for reference in list(self.bank.papers)[which % 3 :]:
            if reference not in self.contested:
                part = await self.part(reference, which)
                self.bank.contest(reference, DisputeStage.CHARGEBACK, part)
                self.contested.add(reference)
            else:
                self.bank.contest(reference, DisputeStage.WON)
            return

    async def desk(self, number: int, which: int) -> None:
        """Somebody at the provider gives money back to a payer."""
        for reference, paper in list(self.bank.papers.items())[which % 3 :]:
            part = await self.part(reference, which)
            self.bank.give_back(reference, paper.here if part is None else part)
            return

    async def part(self, reference: str, share: int) -> Money | None:
        """A part of what the merchant was credited; all of what may be on its way back."""
        payment = await self.counter.by_reference(CARD_BANK, reference)
        is_credited = payment.state is State.CAPTURED
        return dollars(share * 70) if share and is_credited else None

    async def run_out(self, number: int, which: int) -> None:
        for reference, paper in self.bank.papers.items():
            if paper.open.minor:
                self.bank.run_out(reference)
                return

    async def trouble(self, number: int, which: int) -> None:
        self.bank.troubles.append([LOST, DIED_BEFORE, DIED_AFTER][which % 3])

    async def hear(self, number: int, which: int) -> None:
        """A notification comes, which may come again."""
        if self.bank.news:
            notice = self.bank.news[which % len(self.bank.news)]
            await self.take_in(notice)

    async def take_in(self, notice: Notice) -> None:
        with suppress(Unavailable):
            await take_in(self.counter.db, CARD_BANK, notice, at=clock.now())

    async def work(self, number: int, which: int) -> None:
        with suppress(Died):
            await work(self.counter)

    async def wait(self, number: int, which: int) -> None:
        move_to(clock.now() + timedelta(minutes=2 * 4**which))

    async def come_to_rest(self) -> None:
        """All is told, twice and backwards, and done."""
        self.bank.troubles.clear()
        for _ in range(4):
            move_to(clock.now() + timedelta(hours=2))
            await work(self.counter)
            for notice in [*reversed(self.bank.news), *self.bank.news]:
                await self.take_in(notice)
        move_to(clock.now() + timedelta(days=2))
        await work(self.counter)


ACTS: dict[str, Callable[[World, int, int], Awaitable[None]]] = {
    "pay": World.pay,
    "capture": World.capture,
    "let go": World.let_go,
    "refund": World.refund,
    "answer": World.answer,
    "contest": World.contest,
    "desk": World.desk,
    "run out": World.run_out,
    "trouble": World.trouble,
    "hear": World.hear,
    "work": World.work,
    "wait": World.wait,
}
acts = st.tuples(
    st.sampled_from(["work", "hear", "capture", *ACTS]),
    st.integers(0, INVOICES - 1),
    st.integers(0, 5),
)
moments = st.lists(st.lists(acts, min_size=1, max_size=3), min_size=4, max_size=14)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(moments)
async def test_the_books_hold_what_the_bank_holds(
    database: Database, happened: list[list[tuple[str, int, int]]]
) -> None:
    world = await a_world(database)
    # One payer leaves his bank's page and pays with another card; the other is to be captured by hand.
    for number, way in ((0, 4), (0, 0), (1, 3)):
        await world.pay(number, way)

    for moment in happened:
        await asyncio.gather(*(ACTS[act](world, number, more) for act, number, more in moment))
    await world.come_to_rest()

    counter, bank = world.counter, world.bank
    assert dollars(await booked(counter)) == bank.holds, bank.papers
    async with counter.db.reading() as conn:
        for check in await prove(conn):
            assert not check.failures, check
        assert not (await prove_books(conn)).failures
    undone = await counter.db.fetch(
        "SELECT kind, key FROM job WHERE kind <> 'payment:look-up' AND merchant_id = $1",
        counter.merchant.id,
    )
    assert undone == []


async def booked(counter: CardCounter) -> int:
    """What the books say that the bank holds, in cents."""
    held = await counter.db.fetchval(
        """SELECT coalesce(sum(debits - credits), 0)::bigint FROM account
            WHERE merchant_id = $1 AND name = $2""",
        counter.merchant.id,
        f"provider:{CARD_BANK}",
    )
    return int(held)


async def a_world(database: Database) -> World:
    """A new shop, its bank and two invoices, beside those of the examples before."""
    clock.move_to_offset(timedelta(0))
    counter = await open_card_counter(database)
    bank = OwnBank()
    counter.rails = replace(counter.rails, card={CARD_BANK: bank}, risk=Policy(limits=SANDBOX))
    return World(counter, bank, [await counter.invoice() for _ in range(INVOICES)])
