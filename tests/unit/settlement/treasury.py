"""A treasury without a chain: merchants who earn, batches that close, and a sender who remembers his keys."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from nonstopay import clock
from nonstopay.business.merchants import change
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.change import Changes
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.settlement import records
from nonstopay.business.settlement.batch import Batch
from nonstopay.business.settlement.close import close
from nonstopay.business.settlement.pay import pay
from nonstopay.business.settlement.proof.prove import LAWS
from nonstopay.business.settlement.rules import Rules
from nonstopay.business.settlement.tell import tell
from nonstopay.business.settlement.terms import Cadence, Terms
from nonstopay.business.transactions.payout import Answer, Confirmed, Order
from nonstopay.ledger import balances
from nonstopay.ledger.proof import prove as prove_books
from nonstopay.money import Currency, coin, fiat
from nonstopay.store.db import Database, forbid_transaction
from tests.unit.payments.card_counter import CardCounter, open_card_counter

USD = fiat("USD")
USDC = coin("USDC", 6)
WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
AT_ONCE = Rules(clearing=dict.fromkeys(("CARD", "UPI", "CRYPTO"), timedelta(0)), rate_max_age=None)
EACH = Terms(cadence=Cadence.EACH_PAYMENT)


@dataclass
class Sender:
    """Confirms at once, or answers what `says` holds; `paid` is what left, once for each key."""

    says: list[Answer] = field(default_factory=list)
    asked: list[Order] = field(default_factory=list)
    paid: dict[str, Order] = field(default_factory=dict)

    async def ask(self, order: Order) -> Answer:
        forbid_transaction("a sender of coins")
        self.asked.append(order)
        if self.says:
            return self.says.pop(0)
        self.paid.setdefault(order.key, order)
        return Confirmed(f"0x{list(self.paid).index(order.key) + 1:064x}")


@dataclass
class Treasury:
    """What settlement works with, around one merchant of a counter."""

    counter: CardCounter
    sender: Sender = field(default_factory=Sender)
    rules: Rules = AT_ONCE

    @property
    def db(self) -> Database:
        return self.counter.db

    @property
    def merchant_id(self) -> int:
        return self.counter.merchant.id

    async def agree(self, **terms: Any) -> None:
        async with self.db.transaction() as tx:
            await records.save_terms(tx, self.merchant_id, replace(EACH, **terms))

    async def charge(self, percent: str) -> None:
        """From now on the fee is so many percent."""
        async with self.db.transaction() as tx:
            await change.change(tx, self.merchant_id, Changes(fee_percent=Decimal(percent)))
            merchant = await merchants.by_id(tx, self.merchant_id)
        assert merchant is not None
        self.counter.merchant = merchant

    async def earn(self, minor: int = 500, currency: str = "USD") -> Payment:
        """A payer pays an invoice by card."""
        invoice = await self.counter.invoice(amount_minor=minor, currency=currency, method="CARD")
        payment = await self.counter.pay(invoice)
        assert payment.state == "captured"
        return payment

    async def close(self, **how: Any) -> Batch | None:
        async with self.db.transaction() as tx:
            return await close(tx, self.merchant_id, self.rules, clock.now(), **how)

    async def closed(self) -> Batch:
        batch = await self.close()
        assert batch is not None
        return batch

    async def pay(self, batch: Batch) -> Batch:
        """Ask the sender once and, if it is paid, tell; the batch then."""
        at = clock.now()
        await pay(self.db, self.sender, batch.merchant_id, batch.id, attempts=1, at=at)
        after = await self.seen(batch)
        if after.state == "paid":
            await tell(self.db, batch.merchant_id, batch.id, at=at)
        return after

    async def settle(self) -> Batch:
        return await self.pay(await self.closed())

    async def seen(self, batch: Batch) -> Batch:
        async with self.db.reading() as conn:
            found = await records.find(conn, batch.merchant_id, batch.id)
        assert found is not None
        return found

    async def holds(self, account: str, currency: Currency = USD) -> str:
        async with self.db.reading() as conn:
            held = await balances.balance(conn, self.merchant_id, account, currency)
        return held.text()

    async def status(self, payment: Payment) -> str:
        return (await self.counter.seen(payment.invoice_id)).state

    async def must_hold(self) -> None:
        """Every invariant of payments, of settlement and of the books."""
        async with self.db.reading() as conn:
            checks = [*await prove(conn), *await prove(conn, LAWS)]
            checks += (await prove_books(conn, {})).checks
        assert [check for check in checks if check.failures] == []


async def open_treasury(db: Database) -> Treasury:
    treasury = Treasury(await open_card_counter(db))
    async with db.transaction() as tx:
        await change.change(tx, treasury.merchant_id, Changes(wallet=WALLET, active=True))
    await treasury.agree()
    return treasury
