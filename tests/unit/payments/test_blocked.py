"""A card that risk refuses: nobody is asked, the payer reads no reason, and the history says which rule."""

from dataclasses import replace

import msgspec
import pytest

from nonstopay import clock
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.payments.cards.note import NOBODY
from nonstopay.business.payments.look_up import LOOK_UP
from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.payments.routing.rule import Rule
from nonstopay.business.payments.states import State
from nonstopay.business.risk.enter import enter
from nonstopay.business.risk.entry import About, List
from nonstopay.business.risk.limits import Limits, Policy
from nonstopay.connectors.outcome import Reason
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import (
    CARD_BANK,
    OTHER_BANK,
    CardCounter,
    open_card_counter,
    refused,
)

MASTERCARD = "5555555555554444"


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    return await open_card_counter(database)


async def block(counter: CardCounter, about: About, value: str) -> None:
    async with counter.db.transaction() as tx:
        await enter(tx, counter.merchant.id, List.BLOCK, about, value, note="", at=clock.now())


async def history(counter: CardCounter) -> list[tuple[str, str, dict[str, object]]]:
    rows = await counter.db.fetch(
        "SELECT source, outcome, facts::text FROM payment_news ORDER BY payment_id, number"
    )
    return [(row["source"], row["outcome"], msgspec.json.decode(row["facts"])) for row in rows]


async def test_no_provider_is_asked_and_the_history_says_why(counter: CardCounter) -> None:
    await block(counter, About.BIN, "424242")
    invoice = await counter.invoice()

    payment = await counter.pay(invoice)

    assert (payment.state, payment.reason) == (State.DECLINED, Reason.SUSPECTED_FRAUD)
    assert payment.connector == NOBODY
    assert counter.card_bank.charges == counter.other_bank.charges == []
    [(source, outcome, facts)] = await history(counter)
    assert (source, outcome) == ("risk", "declined")
    assert facts["detail"] == "blocked_bin"
    assert await counter.db.fetch("SELECT 1 FROM job WHERE kind = $1", LOOK_UP) == []
    assert (await counter.seen(invoice.id)).state is InvoiceState.OPENED


async def test_he_may_pay_with_another_card(counter: CardCounter) -> None:
    await block(counter, About.BIN, "424242")
    invoice = await counter.invoice()
    first = await counter.pay(invoice)

    paid = await counter.pay(invoice, number=MASTERCARD, after=first.id)

    assert paid.state is State.CAPTURED
    assert await counter.movements() == ["capture"]
    async with counter.db.reading() as conn:
        assert all(check.holds for check in await prove(conn))


async def test_server_to_server_the_invoice_fails(counter: CardCounter) -> None:
    await block(counter, About.EMAIL, "asha@example.com")
    invoice = await counter.invoice(direct=True)

    await counter.pay(invoice, direct=True)

    assert (await counter.seen(invoice.id)).state is InvoiceState.FAILED
    assert counter.card_bank.charges == []


async def test_haste_is_blocked_by_the_same_way(counter: CardCounter) -> None:
    counter.rails = replace(counter.rails, risk=Policy(Limits(card_per_hour=1)))
    payments = [await counter.pay(await counter.invoice()) for _ in range(4)]

    assert [payment.state for payment in payments] == 3 * [State.CAPTURED] + [State.DECLINED]
    assert len(counter.card_bank.charges) == 3


async def test_an_attempt_says_which_rule_sent_it_where(counter: CardCounter) -> None:
    dollars = Rule(name="dollars", to=(OTHER_BANK, CARD_BANK), currencies=frozenset({"USD"}))
    counter.rails = replace(counter.rails, routing=(dollars,))
    counter.other_bank.says = refused(Reason.TECHNICAL)

    payment = await counter.pay(await counter.invoice())

    assert (payment.state, payment.connector) == (State.CAPTURED, CARD_BANK)
    ways = [facts for source, _, facts in await history(counter) if source == "routing"]
    assert ways == [
        {"rule": "dollars", "connectors": [OTHER_BANK, CARD_BANK], "place": 1},
        {"rule": "dollars", "connectors": [OTHER_BANK, CARD_BANK], "place": 2},
    ]
    assert (len(counter.other_bank.charges), len(counter.card_bank.charges)) == (1, 1)


async def test_who_is_not_in_the_rule_is_not_asked(counter: CardCounter) -> None:
    counter.rails = replace(counter.rails, routing=(Rule(name="one", to=(CARD_BANK,)),))
    counter.card_bank.says = refused(Reason.TECHNICAL)

    payment = await counter.pay(await counter.invoice())

    assert (payment.state, payment.connector) == (State.DECLINED, CARD_BANK)
    assert counter.other_bank.charges == []


async def test_a_provider_that_is_down_is_passed_over(counter: CardCounter) -> None:
    await counter.db.fetch(
        """INSERT INTO method_health (method, connector, version, state, opening, state_at,
                                      counted_from)
           VALUES ('CARD', $1, 1, 'down', false, $2, $2)""",
        CARD_BANK,
        clock.now(),
    )

    payment = await counter.pay(await counter.invoice())

    assert payment.connector == OTHER_BANK
    assert counter.card_bank.charges == []
