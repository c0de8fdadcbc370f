"""The life cycles of invoice, payment and delivery as a page for people, made from the tables themselves.

`python -m nonstopay.business.payments.draw > docs/states.md` writes it anew.
"""

import sys

from nonstopay.business.deposits.states import MACHINE as DEPOSIT
from nonstopay.business.invoices.states import MACHINE as INVOICE
from nonstopay.business.payments.captures.states import MACHINE as CAPTURE
from nonstopay.business.payments.disputes.states import MACHINE as DISPUTE
from nonstopay.business.payments.health.states import MACHINE as HEALTH
from nonstopay.business.payments.refunds.states import MACHINE as REFUND
from nonstopay.business.payments.review.states import MACHINE as REVIEW
from nonstopay.business.payments.states import CHARGE, COINS, ORDER
from nonstopay.business.transactions.states import MACHINE as TRANSACTION
from nonstopay.business.webhooks.states import DELIVERY
from nonstopay.state_machine import Event, Machine, State

_OPENING = """\
# Life cycles

This page is made from the tables in `business/*/states.py` by
`python -m nonstopay.business.payments.draw`; a test compares them.

A life cycle is one total table: every event has an answer in every state. An arrow may name a
movement of money, in brackets; it is posted in the transaction that changes the state, so that
state and books cannot part. In the tables `·` is heard and changes nothing; `✗` cannot happen, and
is refused as a bug if it does.
"""
_ABOUT = (
    (INVOICE, "The invoice", "What the merchant hears: every arrow is a webhook."),
    (
        ORDER,
        "The payment by UPI",
        "One attempt of a payer. [payments.md](payments.md) tells it in words.",
    ),
    (CHARGE, "The payment by card", "One attempt of a payer, at one provider."),
    (
        COINS,
        "The payment by crypto",
        "One coin at one price; [crypto.md](crypto.md) tells it in words.",
    ),
    (CAPTURE, "The capture", "A part of what is reserved, taken on the merchant's word."),
    (REFUND, "The refund", "What the merchant gives back."),
    (DISPUTE, "The dispute", "What the payer's bank wants back; the events are its stages."),
    (
        HEALTH,
        "A way to pay",
        "How well a method works at a provider, judged by its latest payments.",
    ),
    (REVIEW, "The review", "Money that is withheld; [risk.md](risk.md) tells it in words."),
    (DEPOSIT, "The deposit", "One transfer to an address of ours, in one block of a chain."),
    (
        TRANSACTION,
        "The transaction",
        "Coins that leave; [sending.md](sending.md) tells it in words.",
    ),
    (DELIVERY, "The delivery", "A webhook on its way to one endpoint."),
)


def markdown() -> str:
    """The page `docs/states.md`."""
    return "\n".join([_OPENING, *(_chapter(*about) for about in _ABOUT)])


def _chapter(machine: Machine[State, Event], title: str, about: str) -> str:
    return f"## {title}\n\n{about}\n\n```mermaid\n{machine.draw()}```\n\n{_table(machine)}"


def _table(machine: Machine[State, Event]) -> str:
    """The whole table: a row for each event, a column for each state."""
    states = list(machine.states)
    rows: list[list[str]] = [["event \\ in", *states], ["---"] * (len(states) + 1)]
    for event in machine.events:
        rows.append([f"`{event}`", *(_answer(machine, state, event) for state in states)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _answer(machine: Machine[State, Event], state: State, event: Event) -> str:
    if not machine.allows(state, event):
        return "✗"
    step = machine.step(state, event)
    return str(step.after) if step.moved else "·"


if __name__ == "__main__":
    sys.stdout.write(markdown())
