"""Risk and routing as an operator handles them, command by command."""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nonstopay import clock
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.payments.routing import records
from nonstopay.business.payments.routing.past import Attempt
from nonstopay.business.payments.states import State
from nonstopay.business.risk.issuers import Issuers
from nonstopay.business.risk.limits import Policy
from nonstopay.connectors.charge import Payer
from nonstopay.connectors.outcome import Reason
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import (
    CARD_BANK,
    OTHER_BANK,
    CardCounter,
    open_card_counter,
    refused,
)

SECRET = "a secret that only this test's cards are sealed with"
"""Of the counter: its vault opens with it."""


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    cards = await open_card_counter(database)
    cards.rails = replace(cards.rails, risk=Policy(issuers=Issuers({"424242": "US"})))
    return cards


@pytest.fixture
def nonstopay(migrated_url: str) -> Any:
    """Run a command: its exit status and what it said."""

    async def run(*words: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "nonstopay", *words, "--database", migrated_url),
            env={"NONSTOPAY_SECRET_KEY": SECRET},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    return run


async def paid_from_abroad(counter: CardCounter, **more: Any) -> int:
    invoice = await counter.invoice()
    await counter.pay(invoice, payer=Payer(email="asha@example.com", country="IN"), **more)
    return invoice.id


async def test_a_review_is_listed_explained_and_decided(
    counter: CardCounter, nonstopay: Any
) -> None:
    first, second = await paid_from_abroad(counter), await paid_from_abroad(counter)

    _, listed = await nonstopay("risk", "review", "list", "--json")
    _, explained = await nonstopay("risk", "explain", str(first), "--json")
    _, shown = await nonstopay("payment", "show", str(first))
    _, released = await nonstopay("risk", "review", "release", str(first), "--note", "he is known")
    _, refused = await nonstopay("risk", "review", "refuse", str(second))
    status, again = await nonstopay("risk", "review", "release", str(second))

    assert [one["invoice"] for one in json.loads(listed)] == [str(first), str(second)]
    assert json.loads(listed)[0]["reasons"] == "card_from_elsewhere"
    told = json.loads(explained)
    assert (told["decision"], told["facts"]["card_country"]) == ("review", "US")
    assert f"default, {CARD_BANK} → {OTHER_BANK}, card_from_elsewhere" in shown
    assert "is the merchant's" in released
    assert "5.00 USD goes back to the payer" in refused
    assert (status, "nothing is withheld" in again) == (1, True)
    assert (await counter.seen(first)).state is InvoiceState.AWAITING_APPROVAL
    assert (await counter.seen(second)).state is InvoiceState.WITHHELD


async def test_a_card_is_blocked_by_an_invoice_on_which_it_was_tried(
    counter: CardCounter, nonstopay: Any
) -> None:
    invoice_id = await paid_from_abroad(counter)

    status, said = await nonstopay("risk", "block", "card", str(invoice_id), "--note", "lost")
    blocked = await counter.pay(await counter.invoice())
    _, listed = await nonstopay("risk", "list", "--json")
    await nonstopay("risk", "unblock", "card", str(invoice_id))
    let_through = await counter.pay(await counter.invoice())

    assert (status, "on the block list of merchant 1" in said) == (0, True)
    assert blocked.reason is Reason.SUSPECTED_FRAUD
    [entry] = json.loads(listed)
    assert (entry["about"], entry["merchant_id"], entry["note"]) == ("card", 1, "lost")
    assert let_through.state is State.CAPTURED


async def test_what_is_not_understood_is_refused(database: Database, nonstopay: Any) -> None:
    status, said = await nonstopay("risk", "block", "network", "everywhere")

    assert status == 1
    assert "network" in said


async def test_past_attempts_are_read_with_what_became_of_them(counter: CardCounter) -> None:
    counter.card_bank.says = refused(Reason.TECHNICAL)
    await paid_from_abroad(counter)
    at = clock.now()

    async with counter.db.reading() as conn:
        found = [one async for one in records.attempts(conn, at.replace(year=2000), clock.now())]

    assert [(one.connector, one.first, one.approved) for one in found] == [
        (CARD_BANK, True, False),
        (OTHER_BANK, False, True),
    ]
    assert {one.segment for one in found} == {("visa", "IN", "USD")}
    assert all(isinstance(one, Attempt) for one in found)


async def test_rules_are_tried_on_the_past_and_nothing_is_written(
    counter: CardCounter, nonstopay: Any, tmp_path: Path
) -> None:
    await paid_from_abroad(counter)
    rules = tmp_path / "proposed.toml"
    rules.write_text('[[routing]]\nto = ["card_sandbox"]\nwhen = {currency = "USD"}\n')
    before = await counter.db.fetch("SELECT count(*) FROM payment_news")

    status, said = await nonstopay("routing", "replay", "--rules", str(rules), "--json")
    _, for_people = await nonstopay("routing", "replay", "--rules", str(rules))

    assert status == 0
    found = json.loads(said)
    assert (found["payments"], found["moved"]) == (1, 1)
    [segment] = found["segments"]
    assert segment["before"] == {CARD_BANK: 1}
    assert segment["after"] == {"card_sandbox": 1}
    assert segment["approved_after"] is None
    assert "too few to say" in for_people
    assert await counter.db.fetch("SELECT count(*) FROM payment_news") == before


async def test_a_rule_of_an_unknown_provider_is_refused(
    database: Database, nonstopay: Any, tmp_path: Path
) -> None:
    rules = tmp_path / "proposed.toml"
    rules.write_text('[[routing]]\nto = ["nobody_we_know"]\n')

    status, said = await nonstopay("routing", "replay", "--rules", str(rules))

    assert status == 2
    assert "there is no card provider nobody_we_know" in said


async def test_the_rules_are_shown_with_the_health_of_the_providers(
    database: Database, nonstopay: Any
) -> None:
    _, said = await nonstopay("routing", "show", "--json")

    shown = json.loads(said)
    assert shown["rules"] == [{"rule": "default", "when": "any other", "to": "card_sandbox"}]
    assert shown["health"] == {"card_sandbox": "healthy"}
