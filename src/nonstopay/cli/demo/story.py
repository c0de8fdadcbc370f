"""What the demo shows: one invoice from its creation to the merchant's webhook and the books."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import STATUS
from nonstopay.business.merchants import change, keys
from nonstopay.business.merchants.change import Changes
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.proof import prove as payments_proof
from nonstopay.business.settlement.agree import agree
from nonstopay.business.settlement.terms import Cadence, Terms
from nonstopay.business.webhooks.rotate import rotate
from nonstopay.business.webhooks.set_callback import set_callback
from nonstopay.cli.demo.gateway_process import GatewayProcess
from nonstopay.cli.gateway import opened
from nonstopay.cli.outsiders import Bank, Browser, Door, Refused, Shop, until
from nonstopay.cli.terminal import Terminal
from nonstopay.cli.where import database_of
from nonstopay.config import Settings
from nonstopay.ledger import balances, proof
from nonstopay.ledger.balances import Balance
from nonstopay.ledger.proof import Check
from nonstopay.ledger.transfer import Line
from nonstopay.sandbox import clock as sandbox_clock
from nonstopay.sandbox.receiver import Received, Receiver

SHOP_NAME = "Malabar Spice House"
ORDER = {"email": "asha@example.com", "amount": "15.04", "devise": "USD"}
TERMS = Changes(
    networks=["127.0.0.0/8", "::1/128"],
    active=True,
    fee_percent=Decimal("2.5"),
    fee_fixed=Decimal("0.30"),
    wallet="0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
)
AT_ONCE = Terms(cadence=Cadence.EACH_PAYMENT)
_AWAITING = "invoice:awaiting_approval"
_PAID = "invoice:paid"
SETTLED_SECONDS = 40
"""The chains start with the gateway, and are ready some seconds later."""
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Merchant:
    """The demo's merchant, with what he is shown once."""

    id: int
    api_key: str
    webhook_secret: str


@dataclass(frozen=True, slots=True)
class Books:
    """What the books say after the payment."""

    payment: Payment
    status: str
    tx_hash: str | None
    lines: list[Line]
    balances: list[Balance]
    proof: proof.Proof
    checks: tuple[Check, ...]


class After:
    """What goes on once the story is told: the shop's receiver listens."""

    def __init__(self, terminal: Terminal, receiver: Receiver) -> None:
        self._terminal = terminal
        self._receiver = receiver
        self._told = {event.id for event in receiver.events}

    async def tell_news(self, gateway: GatewayProcess) -> None:
        """Say what the shop hears, until cancelled. Raises if the gateway ends."""
        while True:
            gateway.require_running()
            for event in [one for one in self._receiver.events if one.id not in self._told]:
                self._told.add(event.id)
                self._terminal.say(f"  webhook {event.id}  {_news(event)}")
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def told(
    terminal: Terminal, settings: Settings, process: GatewayProcess
) -> AsyncIterator[After]:
    """Tell the story on a gateway that is ready, sum it up, and keep the shop's receiver open.

    Raises:
        NonstopayError: a step failed; its line is crossed out, the message says why.
    """
    with database_of(settings) as database:
        async with opened(settings, database) as gateway, Door(process.url) as door:
            await sandbox_clock.step(gateway.db)
            following = asyncio.create_task(sandbox_clock.follow(gateway.db))
            try:
                with terminal.step(f"a merchant, {SHOP_NAME}") as step:
                    merchant = await _make_merchant(gateway)
                    step.found = f"merchant {merchant.id}; fee 2.5 % and 0.30"
                async with Receiver(merchant.webhook_secret) as receiver:
                    await _tell(terminal, gateway, door, merchant, receiver)
                    yield After(terminal, receiver)
            finally:
                following.cancel()
                with suppress(asyncio.CancelledError):
                    await following


async def _tell(
    terminal: Terminal, gateway: Gateway, door: Door, merchant: Merchant, receiver: Receiver
) -> None:
    shop = Shop(door, merchant.api_key)
    async with gateway.db.transaction() as tx:
        await set_callback(tx, merchant.id, receiver.url, clock.now(), allow_loopback=True)
    invoice_id = await _take_payment(terminal, door, shop, receiver)
    if gateway.sender is not None:
        await _see_settled(terminal, shop, receiver, invoice_id)
    with terminal.step("read the books and prove them from the first line") as step:
        books = await _read_books(gateway, merchant.id, invoice_id)
        if broken := [failure for check in books.checks for failure in check.failures]:
            raise Refused(f"the books do not hold: {'; '.join(broken[:3])}")
        step.found = f"{books.proof.lines} lines, {len(books.checks)} laws: all hold"
    another = await shop.create_invoice(ORDER | {"callbackJson": {"order": "A-1002"}})
    _sum_up(terminal, merchant, receiver, invoice_id, books)
    _show_around(terminal, door.base_url, merchant, another)


async def _make_merchant(gateway: Gateway) -> Merchant:
    at = clock.now()
    async with gateway.db.transaction() as tx:
        merchant_id = await change.create(
            tx, email="shop@example.com", name=SHOP_NAME, changes=TERMS, at=at
        )
        api_key = await keys.issue(tx, merchant_id, mode=gateway.settings.mode, at=at)
        secret = await rotate(tx, gateway.sealer, merchant_id, at)
        await agree(tx, merchant_id, AT_ONCE)
    return Merchant(merchant_id, api_key, secret)


async def _take_payment(terminal: Terminal, door: Door, shop: Shop, receiver: Receiver) -> int:
    """From the order to the merchant's webhook; the invoice's id."""
    browser, bank = Browser(door), Bank(door)
    terminal.heading("A payment, seen from outside")
    with terminal.step("the shop asks for 15.04 USD: POST /api/btn-create-invoice/get/") as step:
        address = await shop.create_invoice(ORDER | {"callbackJson": {"order": "A-1001"}})
        step.found = f"redirectUrl {address[:60]}…"
    with terminal.step("the shop hears of its invoice by signed webhook") as step:
        first = await _hear(receiver, "invoice:created")
        invoice_id = int(first.body["id"])
        step.found = f"{first.id}: invoice {invoice_id} is its order A-1001; signature verified"
    with terminal.step("the payer opens the payment page and presses UPI") as step:
        page = await browser.open(address)
        page = await browser.press(page.form("method=upi"))
        step.found = f"{page.upi_link[:70]}…"
    with terminal.step("the payer approves in his UPI app: POST /sandbox/upi/pay") as step:
        order = await bank.pay(page.upi_link, "success")
        step.found = f"the bank says {order['status']}, UTR {order['utr']}"
    with terminal.step(f"GET /api/invoice/status/ says {_AWAITING}") as step:
        await until(_AWAITING, lambda: shop.status(invoice_id))
        step.found = "the shop may credit its customer now"
    with terminal.step("the shop hears of the payment by signed webhook") as step:
        paid = await _hear(receiver, _AWAITING)
        step.found = f"{paid.id}: {_news(paid)}; signature verified"
    return invoice_id


async def _see_settled(terminal: Terminal, shop: Shop, receiver: Receiver, invoice_id: int) -> None:
    """From the merchant's balance to the coins in his wallet."""
    with terminal.step(
        "a batch closes, and USDC leave the hot wallet on the sandbox's chain"
    ) as step:
        await until(_PAID, lambda: shop.status(invoice_id), SETTLED_SECONDS)
        step.found = f"the transfer is final, the invoice is {_PAID}"
    with terminal.step("the shop hears of it by signed webhook") as step:
        paid = await _hear(receiver, _PAID)
        step.found = f"{paid.id}: {_news(paid)}; signature verified"


async def _hear(receiver: Receiver, status: str) -> Received:
    """The message of this status, once it has come with a signature that holds."""

    def heard() -> dict[str, Received]:
        return {event.body["status"]: event for event in receiver.events}

    async def asked() -> str:
        return status if status in heard() else f"unheard, {receiver.refused} refused"

    await until(status, asked)
    return heard()[status]


async def _read_books(gateway: Gateway, merchant_id: int, invoice_id: int) -> Books:
    async with gateway.db.reading() as conn:
        payment = await payments.current(conn, merchant_id, invoice_id)
        if payment is None:
            raise Refused(f"invoice {invoice_id} has no payment")
        invoice = await invoices.find(conn, merchant_id, invoice_id)
        if invoice is None:
            raise Refused(f"there is no invoice {invoice_id}")
        proven = await proof.prove(conn)
        return Books(
            payment=payment,
            status=STATUS[invoice.state],
            tx_hash=invoice.tx_hash,
            lines=await balances.statement(conn, merchant_id, f"payment:{payment.id}"),
            balances=await balances.balances(conn, merchant_id),
            proof=proven,
            checks=(*proven.checks, *await payments_proof.prove(conn)),
        )


def _sum_up(
    terminal: Terminal, merchant: Merchant, receiver: Receiver, invoice_id: int, books: Books
) -> None:
    payment = books.payment
    terminal.heading(f"What happened, in {terminal.seconds:.1f} s")
    terminal.facts(
        [
            ("invoice", f"{invoice_id}: {payment.amount}, {books.status}"),
            ("payment", f"{payment.id}: {payment.charged}, {payment.state}"),
            ("rate", f"{payment.rate:f} {payment.rate_source} of {payment.rate_at:%Y-%m-%d}"),
            ("UTR", payment.network_reference or "none"),
            ("transfer", books.tx_hash or "none: no chain runs here"),
        ]
    )
    terminal.heading("Webhooks that the shop received")
    rows = [(one.id, one.body["status"], "verified") for one in receiver.events]
    terminal.table(("id", "status", "signature"), rows)
    terminal.heading(f"The book of merchant {merchant.id}")
    terminal.table(
        ("line", "debit", "credit", "amount", "movement"),
        [
            (str(number), line.debit, line.credit, str(line.amount), line.movement)
            for number, line, _ in books.lines
        ],
        right="amount",
    )
    terminal.say()
    terminal.table(
        ("account", "balance"),
        [(one.account, str(one.money)) for one in books.balances],
        right="balance",
    )
    if books.tx_hash is None:
        terminal.heading("Without a chain")
        terminal.say(
            "  No program for a chain was found (nonstopay doctor says which), so no coins can"
        )
        terminal.say(f"  be sent: the invoice stays at {_AWAITING}, and what is owed")
        terminal.say("  to the merchant stands in his book.")


def _show_around(terminal: Terminal, url: str, merchant: Merchant, unpaid: str) -> None:
    body = msgspec.json.encode(ORDER).decode()
    terminal.heading("Look around")
    terminal.facts(
        [
            ("pay one yourself", unpaid),
            ("pretend UPI app", f"{url}/sandbox/upi/app"),
            ("sandbox", f"{url}/sandbox/info"),
            ("health", f"{url}/health/ready"),
            ("metrics", f"{url}/metrics"),
            ("documents", "README.md and docs/README.md"),
            ("API key", merchant.api_key),
        ]
    )
    terminal.say(f"\n  curl -s {url}/api/btn-create-invoice/get/ \\")
    terminal.say(f"    -H 'API-KEY: {merchant.api_key}' \\")
    terminal.say(f"    -H 'Content-Type: application/json' -d '{body}'")


def _news(event: Received) -> str:
    body: dict[str, Any] = dict(event.body)
    return f"{body['status']}  invoice {body['id']}  {body['amount']} {body['devise']}"
