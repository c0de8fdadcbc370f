"""The pages of a payment by card, one in each of its states."""

from dataclasses import replace
from datetime import timedelta

from nonstopay.web.checkout.card_page import (
    CardPage,
    CardReason,
    CardState,
    Pause,
    Problem,
    UsedCard,
)
from nonstopay.web.checkout.render import render_card
from tests.unit.web.checkout_pages import BRAND, INVOICE, METHODS, NOW, VISIT

BANK = "https://issuer.example/challenge?id=17&lang=en"
CARD = CardPage(
    visit=VISIT,
    brand=BRAND,
    invoice=INVOICE,
    state=CardState.FORM,
    amount=INVOICE.amount,
    form_url="/widget/sale/pay/?token=abc&method=card",
    events_url="/events/?token=abc&method=card",
    after=16,
    used=UsedCard(brand="Visa", last4="4242"),
    bank_url=BANK,
    another_url="/widget/sale/create/?token=abc&method=card&another=16",
    return_url="https://lotus.example/pending",
    methods=METHODS[:1],
    cancel_url="/cancel/?token=abc",
    revision="16",
)
FIELDS = ("number", "expiry", "code", "holder")


def every_card_page(language: str = "en") -> dict[str, str]:
    """Each page as HTML, by a name for the failure message."""
    card = replace(CARD, visit=replace(VISIT, language=language, sandbox=True))
    pages = {f"card {state}": replace(card, state=state) for state in CardState}
    pages |= {f"card {reason}": replace(card, reason=reason) for reason in CardReason}
    for problem in (Problem.MISSING, Problem.INVALID):
        wrong = dict.fromkeys(FIELDS, problem)
        pages[f"card {problem}"] = replace(card, problems=wrong)
    pages["card past"] = replace(card, problems={"expiry": Problem.PAST})
    later = Pause(until=NOW + timedelta(minutes=40))
    pages["card paused"] = replace(card, pause=later)
    pages["card closed"] = replace(card, pause=Pause(until=None))
    going = replace(card, state=CardState.CHALLENGE, goes_to_bank=True)
    pages["card going"] = going
    return {name: render_card(page) for name, page in pages.items()}
