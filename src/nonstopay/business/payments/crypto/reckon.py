"""Reckon what came for an invoice: the books, its payments, the invoice and its event, in one transaction.

Everything is worked out anew from all of the invoice's deposits, whatever changed and however often it is
asked for: each deposit is booked under its own key, and a payment steps by its table. So whoever dies
in the middle is made good by the next look.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nonstopay.business.deposits import records as deposit_records
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.deposit import Deposit, missing
from nonstopay.business.deposits.states import State as DepositState
from nonstopay.business.deposits.watch.alive import caught_up
from nonstopay.business.deposits.worth import STABLE
from nonstopay.business.exchange.rate import RateMissing, RateTooOld
from nonstopay.business.invoices import expire
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import CRYPTO, Invoice
from nonstopay.business.invoices.states import PAYABLE
from nonstopay.business.invoices.states import Event as InvoiceEvent
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.invoices.step import step as step_invoice
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records
from nonstopay.business.payments.credit import credit
from nonstopay.business.payments.crypto import records as crypto
from nonstopay.business.payments.crypto.books import key_of
from nonstopay.business.payments.crypto.policy import Case, Choice, Policy, Verdict, deadline, judge
from nonstopay.business.payments.crypto.price import price
from nonstopay.business.payments.crypto.start import insert_attempt
from nonstopay.business.payments.crypto.tally import Tally, assign, tally
from nonstopay.business.payments.crypto.tell import tell
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.review.hold import withhold_now
from nonstopay.business.payments.states import Event, State, machine_of
from nonstopay.ledger import movements, post
from nonstopay.ledger.post import Overdraft
from nonstopay.money import Money
from nonstopay.store.db import Connection, Database

UNREAD_PAUSE = timedelta(seconds=10)
"""When to look again at a payment whose time is up, and whose chain could not be read."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What a reckoning works with; the invoice's row is locked.

    `read`: by network, whether it was read up to now.
    """

    rails: Rails
    chains: Chains
    merchant: Merchant
    policy: Policy
    read: Mapping[str, bool]
    at: datetime


async def reckon(
    db: Database, rails: Rails, chains: Chains, merchant_id: int, invoice_id: int, *, at: datetime
) -> datetime | None:
    """Bring an invoice up to what came for it; when to look again, if its time is not up yet."""
    read = await caught_up(db, chains.networks)
    async with db.transaction() as tx:
        invoice = await invoices.lock(tx, merchant_id, invoice_id)
        merchant = await merchants.by_id(tx, merchant_id)
        if invoice is None or merchant is None:
            return None
        scene = _Scene(rails, chains, merchant, await crypto.policy(tx, merchant_id), read, at)
        deposits = await deposit_records.of_invoice(tx, merchant_id, invoice_id)
        await _book(tx, invoice, deposits, at)
        payments = await records.of_invoice(tx, merchant_id, invoice_id, CRYPTO.name)
        payments += await _adopt(tx, scene, invoice, payments, deposits)
        of, _ = assign(payments, deposits)
        refunds = await crypto.refunds(tx, merchant_id, invoice_id)
        again = [
            await _settle(tx, scene, invoice_id, payment, tally(payment, of[payment.id], refunds))
            for payment in payments
        ]
        await expire.expire(tx, merchant_id, invoice_id, at, records.has_doubt)
    return min((one for one in again if one is not None), default=None)


async def _book(
    tx: Connection, invoice: Invoice, deposits: Sequence[Deposit], at: datetime
) -> None:
    """Post what is sure, each transfer once, in whatever block it stands; and what the chain took back."""
    lost = missing(deposits)
    for deposit in deposits:
        if deposit.state not in (DepositState.CONFIRMED, DepositState.FROZEN):
            continue
        facts = movements.Facts(
            merchant_id=invoice.merchant_id,
            key=key_of(deposit),
            about=f"invoice:{invoice.id}",
            at=at,
            connector="",
            network=deposit.network,
            charged=deposit.amount,
        )
        await post.post(tx, movements.lines(movements.DEPOSIT, facts))
        if deposit in lost:
            gone = replace(facts, key=f"{facts.key}/lost/{deposit.block_hash}")
            await post.post(tx, movements.lines(movements.DEPOSIT_LOST, gone))
        else:
            await _book_return(tx, facts, deposit)


async def _book_return(tx: Connection, facts: movements.Facts, deposit: Deposit) -> None:
    """A transfer that is there, in this block again or in another: if its loss was booked, it is undone."""
    lost = f"{facts.key}/lost/{deposit.block_hash}"
    if await crypto.is_posted(tx, deposit.merchant_id, lost):
        back = replace(facts, key=f"{facts.key}/back/{deposit.block_hash}")
        await post.post(tx, movements.lines(movements.DEPOSIT_BACK, back))


async def _adopt(
    tx: Connection,
    scene: _Scene,
    invoice: Invoice,
    payments: Sequence[Payment],
    deposits: Sequence[Deposit],
) -> list[Payment]:
    """An attempt for each stablecoin that came unasked, if the merchant credits those."""
    if scene.policy.stray is Choice.REFUND or invoice.state not in PAYABLE or not payments:
        return []
    _, strays = assign(payments, deposits)
    adopted: dict[str, Payment] = {}
    for deposit in strays:
        if deposit.state not in (DepositState.SEEN, DepositState.CONFIRMED):
            continue
        coin = scene.chains.coin_of(deposit.network, deposit.contract)
        if coin is None or coin.ticker not in STABLE or coin.name in adopted:
            continue
        asked = await price(tx, invoice.amount, coin, max_age=scene.rails.coin_rate_max_age)
        adopted[coin.name] = await insert_attempt(
            tx, scene.rails, scene.chains, invoice, coin, asked, direct=False, at=scene.at
        )
    return list(adopted.values())


async def _settle(
    tx: Connection, scene: _Scene, invoice_id: int, payment: Payment, came: Tally
) -> datetime | None:
    """Step one payment as its coins have it; when its time is up, if it still runs."""
    # What another of the invoice's payments did in this transaction counts: it is read again.
    invoice = await invoices.find(tx, payment.merchant_id, invoice_id)
    assert invoice is not None
    ends = deadline(payment, came, scene.rails.coin_lifetime)
    # A chain that was not read may hold what pays it: nobody's time is up by a node's silence.
    is_read = scene.read.get(scene.chains.coin(payment.charged.currency.code).network, False)
    case = Case(
        payment=payment,
        invoice=invoice.state,
        tally=came,
        policy=scene.policy,
        late=scene.merchant.late_success,
        today=await _price_of_today(tx, scene, payment),
        lifetime=scene.rails.coin_lifetime,
        at=scene.at if is_read else min(scene.at, ends - timedelta.resolution),
    )
    verdict = judge(case)
    step = machine_of(CRYPTO.name).step(payment.state, verdict.event)
    if step.moved:
        await _write(tx, scene, invoice, payment, verdict, step.after, came)
    if payment.state is State.CAPTURED and came.lost.minor:
        await _hold_back(tx, invoice, payment, scene.at)
    if step.after not in (State.WAITING, State.PROCESSING):
        return None
    return ends if ends > scene.at else scene.at + UNREAD_PAUSE


async def _write(
    tx: Connection,
    scene: _Scene,
    invoice: Invoice,
    payment: Payment,
    verdict: Verdict,
    state: State,
    came: Tally,
) -> None:
    credited = verdict.credited or payment.captured
    after = replace(
        payment,
        state=state,
        version=payment.version + 1,
        state_at=scene.at,
        authorised=credited,
        captured=credited,
    )
    await records.save(tx, after)
    await tell(tx, payment, after, came)
    facts = {"received": str(came.received), "coming": str(came.coming)}
    await records.add_news(
        tx, after, before=payment.state, source="chain", outcome=verdict.event, facts=facts
    )
    if verdict.event is Event.CREDIT and verdict.accepted is not None:
        await credit(
            tx,
            scene.merchant,
            invoice,
            after,
            charged=verdict.accepted,
            credited=credited,
            key=movements.DEPOSIT_ACCEPTED,
            movement=movements.DEPOSIT_ACCEPTED,
            at=scene.at,
        )


async def _hold_back(tx: Connection, invoice: Invoice, payment: Payment, at: datetime) -> None:
    """The chain took back what the merchant was credited for: he cannot have it until somebody looked."""
    if invoice.state is not InvoiceState.AWAITING_APPROVAL or invoice.fee is None:
        return
    try:
        await withhold_now(tx, payment, payment.captured - invoice.fee, at)
    except Overdraft:
        _log.error(
            "ALARM: a deposit was taken back, and the merchant's balance does not hold it any more",
            extra={"merchant": payment.merchant_id, "payment": payment.id},
        )
        return
    await step_invoice(tx, invoice, InvoiceEvent.WITHHOLD, at)


async def _price_of_today(tx: Connection, scene: _Scene, payment: Payment) -> Money | None:
    """What the invoice costs in the payment's coin by now; a stablecoin's price does not change."""
    coin = scene.chains.coin(payment.charged.currency.code)
    if coin.ticker in STABLE:
        return payment.charged
    try:
        found = await price(tx, payment.amount, coin, max_age=scene.rails.coin_rate_max_age)
    except (RateMissing, RateTooOld) as unknown:
        _log.warning("what came late cannot be valued now: %s", unknown)
        return None
    return found.converted
