"""A counter without a web: a merchant, a bank that says what it is told to, and invoices to pay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from nonstopay import clock
from nonstopay.business.exchange.seed import seed
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import UPI, Invoice, NewInvoice
from nonstopay.business.merchants import change
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.change import Changes
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.start import Wish, start_upi
from nonstopay.business.payments.step import Source
from nonstopay.connectors.base import Notice, Order
from nonstopay.connectors.outcome import Kind, Outcome, Reason
from nonstopay.money import Money
from nonstopay.store.db import Database

NAME = "bank"


@dataclass
class Bank:
    """A provider that answers what `says` holds, and opens every order unless it is `silent`."""

    name: str = NAME
    says: Outcome = field(default_factory=lambda: no_answer())
    silent: bool = False
    orders: list[Order] = field(default_factory=list)

    async def start(self, order: Order) -> Outcome:
        self.orders.append(order)
        link = (
            f"upi://pay?pa=chai@bank&pn=Chai&tr={order.reference}&am={order.amount.text()}&cu=INR"
        )
        return no_answer() if self.silent else outcome(Kind.WAITING, link=link)

    async def look_up(self, reference: str) -> Outcome:
        return self.says

    async def refund(self, reference: str, key: str, amount: Money) -> Outcome:
        return self.says

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        return []


@dataclass
class Counter:
    db: Database
    bank: Bank
    rails: Rails
    merchant: Merchant

    async def invoice(self, **more: object) -> Invoice:
        """A new invoice over five dollars."""
        async with self.db.reading() as conn:
            [invoice_id] = await invoices.insert_new(
                conn, "test", [_new(self.merchant.id, **more)], clock.now()
            )
        assert invoice_id is not None
        return await self.seen(invoice_id)

    async def seen(self, invoice_id: int) -> Invoice:
        async with self.db.reading() as conn:
            invoice = await invoices.find(conn, self.merchant.id, invoice_id)
        assert invoice is not None
        return invoice

    async def attempt(self, invoice: Invoice, **wish: object) -> Payment:
        """The payer's attempt: his present one, or a new one."""
        return await start_upi(
            self.db,
            self.rails,
            self.merchant,
            invoice.id,
            Wish(**wish),  # type: ignore[arg-type]
        )

    async def hear(
        self, payment: Payment, kind: Kind, *, source: Source = "notification", **more: object
    ) -> Payment:
        """News of a payment; captured is for exactly what was asked, unless `amount` says else."""
        facts = {"amount": payment.charged, **more} if kind is Kind.CAPTURED else more
        return await record_outcome(
            self.db,
            NAME,
            payment.reference,
            outcome(kind, **facts),
            source=source,
            at=clock.now(),
        )

    async def reread(self, payment: Payment) -> Payment:
        async with self.db.reading() as conn:
            found = await records.find(conn, self.merchant.id, payment.id)
        assert found is not None
        return found

    async def movements(self) -> list[str]:
        """The movements in the merchant's book, one for each key, in order."""
        rows = await self.db.fetch(
            "SELECT movement FROM transfer WHERE line = 1 ORDER BY merchant_id, number"
        )
        return [row["movement"] for row in rows]

    async def events(self, invoice: Invoice) -> list[str]:
        rows = await self.db.fetch(
            "SELECT kind FROM event WHERE object_id = $1 ORDER BY id", invoice.id
        )
        return [row["kind"] for row in rows]


async def open_counter(db: Database, *, late_success: str = "credit") -> Counter:
    await seed(db)
    async with db.transaction() as tx:
        merchant_id = await change.create(
            tx,
            email="shop@example.com",
            name="Chai & Sons",
            changes=Changes(active=True, late_success=late_success),
            at=clock.now(),
        )
        merchant = await merchants.by_id(tx, merchant_id)
    assert merchant is not None
    bank = Bank()
    rails = Rails(
        upi={NAME: bank},
        notify_url="http://127.0.0.1/",
        upi_lifetime=timedelta(minutes=8),
        rate_max_age=None,
    )
    return Counter(db, bank, rails, merchant)


def outcome(kind: Kind, **more: object) -> Outcome:
    said = Outcome(kind=kind, at=clock.now())
    if kind is Kind.DECLINED:
        said = replace(said, reason=Reason.DECLINED_BY_BANK)
    return replace(said, **more)  # type: ignore[arg-type]


def no_answer() -> Outcome:
    """What a connector makes of silence."""
    return outcome(Kind.UNKNOWN, detail="no answer within 10 s")


def move_to(instant: datetime) -> None:
    """Move the clock to (at least) this instant."""
    clock.move_to_offset(clock.offset() + (instant - clock.now()))


def _new(merchant_id: int, **more: object) -> NewInvoice:
    new: dict[str, Any] = {
        "merchant_id": merchant_id,
        "currency": "USD",
        "amount_minor": 500,
        "email": "payer@example.com",
        "method": UPI.name,
        "direct": False,
        "success_url": None,
        "cancel_url": None,
        "pending_url": None,
        "failure_url": None,
        "callback_json": None,
        "payer": None,
        "personal_id_sealed": None,
        "payer_ip": None,
        "payer_country": None,
        "idempotency_key": None,
        "fields": None,
    }
    return NewInvoice(**new | more)
