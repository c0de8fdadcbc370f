"""A counter that takes cards: a bank with reservations, and a payer with a card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nonstopay import clock
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.payments import records
from nonstopay.business.payments.cards.attempt import CardAttempt
from nonstopay.business.payments.cards.start import start_card
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.card_number import CardCode, CardNumber
from nonstopay.config import Settings
from nonstopay.connectors.base import Notice
from nonstopay.connectors.charge import Browser, Card, Charge, Paid, Payer
from nonstopay.connectors.outcome import Kind, Outcome, Reason
from nonstopay.ledger import balances
from nonstopay.money import Money, fiat
from nonstopay.store.db import Database
from nonstopay.store.vault.keyring import keyring_of
from nonstopay.store.vault.vault import Vault
from tests.unit.payments.counter import Counter, no_answer, open_counter, outcome

CARD_BANK = "card_bank"
OTHER_BANK = "other_bank"
VISA = "4242424242424242"
USD = fiat("USD")


@dataclass
class CardBank:
    """A provider that captures, or does what `says` holds; `acts` is all that it was asked to do."""

    name: str = CARD_BANK
    says: Outcome | None = None
    knows: Outcome = field(default_factory=lambda: no_answer())
    acts: list[tuple[str, ...]] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)

    async def authorise(self, charge: Charge) -> Outcome:
        self.charges.append(charge)
        kind = Kind.CAPTURED if charge.capture else Kind.AUTHORISED
        return self._answer("authorise", kind, charge.amount)

    async def complete(self, paid: Paid, returned: Mapping[str, str]) -> Outcome:
        return self.knows

    async def look_up(self, paid: Paid) -> Outcome:
        return self.knows

    async def capture(self, paid: Paid, key: str, amount: Money, *, final: bool) -> Outcome:
        return self._answer(f"capture {key}{' final' * final}", Kind.CAPTURED, amount)

    async def void(self, paid: Paid, key: str) -> Outcome:
        return self._answer(f"void {key}", Kind.VOIDED, None)

    async def refund(self, paid: Paid, key: str, amount: Money) -> Outcome:
        return self._answer(f"refund {key}", Kind.REFUNDED, amount)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        return []

    def _answer(self, act: str, kind: Kind, amount: Money | None) -> Outcome:
        self.acts.append((act, amount.text()) if amount else (act,))
        said = self.says or outcome(kind, amount=amount)
        return replace(said, provider_reference=said.provider_reference or f"{self.name}-1")


@dataclass
class CardCounter(Counter):
    """A counter with two card banks, asked in this order."""

    card_bank: CardBank = field(default_factory=CardBank)
    other_bank: CardBank = field(default_factory=lambda: CardBank(OTHER_BANK))

    async def pay(self, invoice: Invoice, *, number: str = VISA, **more: Any) -> Payment:
        """The payer types his card and presses the button."""
        return await start_card(
            self.db, self.rails, self.merchant, invoice.id, an_attempt(number, **more)
        )

    async def hear_of(self, payment: Payment, kind: Kind, **facts: Any) -> Payment:
        """A notification about a card payment."""
        return await record_outcome(
            self.db,
            payment.connector,
            payment.reference,
            outcome(kind, **facts),
            source="notification",
            at=clock.now(),
        )

    async def by_reference(self, connector: str, reference: str) -> Payment:
        async with self.db.reading() as conn:
            owner = await records.owner_of_reference(conn, connector, reference)
            assert owner is not None
            payment = await records.find(conn, *owner)
        assert payment is not None
        return payment

    async def holds(self, account: str) -> str:
        """What an account of the merchant's book holds in dollars."""
        async with self.db.reading() as conn:
            held = await balances.balance(conn, self.merchant.id, account, USD)
        return held.text()


async def open_card_counter(db: Database, **of_merchant: Any) -> CardCounter:
    """Open a counter that takes cards and UPI."""
    plain = await open_counter(db)
    cards = CardCounter(db, plain.bank, plain.rails, replace(plain.merchant, **of_merchant))
    settings = Settings(secret_key="a secret that only this test's cards are sealed with")
    cards.rails = replace(
        plain.rails,
        card={CARD_BANK: cards.card_bank, OTHER_BANK: cards.other_bank},
        vault=await Vault.unlock(db, keyring_of(settings), clock.now()),
        return_url=lambda merchant_id, invoice_id: "https://pay.example.com/return",
    )
    return cards


def an_attempt(number: str = VISA, **more: Any) -> CardAttempt:
    facts: dict[str, Any] = {
        "card": Card(
            number=CardNumber(number),
            expiry_month=12,
            expiry_year=2039,
            code=CardCode("734"),
            holder="Asha Rao",
        ),
        "payer": Payer(email="asha@example.com", name="Asha Rao"),
        "browser": Browser(ip="203.0.113.7"),
    }
    return CardAttempt(**facts | more)


def dollars(minor: int) -> Money:
    return Money(minor, USD)


def refused(reason: Reason) -> Outcome:
    return outcome(Kind.DECLINED, reason=reason)
