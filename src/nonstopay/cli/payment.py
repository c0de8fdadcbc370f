"""`nonstopay payment`: what became of a payment, and what the operator does about it.

Every command takes the invoice's id; the payment is the one that counts (`payments/records.current`).
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from cyclopts import App, Parameter

from nonstopay import clock, money
from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.payments import records
from nonstopay.business.payments.captures import ask as captures
from nonstopay.business.payments.disputes import records as disputes
from nonstopay.business.payments.disputes.record_news import record_news
from nonstopay.business.payments.let_go import ask_to_let_go
from nonstopay.business.payments.payment import News, Payment
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.refunds import ask as refunds
from nonstopay.business.payments.refunds import records as refund_records
from nonstopay.business.payments.returns.owed import owed
from nonstopay.business.payments.states import State
from nonstopay.cli.merchant import run
from nonstopay.cli.where import Where
from nonstopay.connectors.outcome import DisputeNews, DisputeStage, Kind, Outcome, Reason
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.money import Money
from nonstopay.store.db import Connection

app = App(name="payment", help="Look at payments; capture, let go, refund, decide a doubt.")
Amount = Annotated[str | None, Parameter(help="In the invoice's currency; left out: all of it.")]
_DECISIONS = {
    "captured": Kind.CAPTURED,
    "declined": Kind.DECLINED,
    "voided": Kind.VOIDED,
    "refunded": Kind.REFUNDED,
}


@app.command
def show(invoice_id: int, /, *, where: Where = Where()) -> None:
    """What is known of an invoice's payment: amounts, history, refunds, disputes."""

    async def act(conn: Connection, invoice: Invoice, payment: Payment) -> list[str]:
        news = await records.news(conn, invoice.merchant_id, payment.id)
        refunded = await refund_records.of_invoice(conn, invoice.merchant_id, invoice.id)
        disputed = await disputes.of_invoice(conn, invoice.merchant_id, invoice.id)
        return [
            f"invoice {invoice.id} of merchant {invoice.merchant_id}: {invoice.amount}, "
            f"{invoice.state}",
            f"payment {payment.id} by {payment.method} at {payment.connector}: {payment.state}",
            f"  reference {payment.reference}, provider's {payment.provider_reference or '-'}",
            f"  authorised {payment.authorised}, captured {payment.captured}, let go "
            f"{payment.voided}, open {payment.open}, refunded {payment.refunded}",
            *(
                f"  {clock.text(one.at)}  {one.source:<12} {one.outcome:<12} "
                f"{one.before} → {one.after}  {_detail(one)}".rstrip()
                for one in news
            ),
            *(
                f"refund {one.id}: {one.amount}, {one.state}, by the {one.source}"
                for one in refunded
            ),
            *(
                f"dispute {one.id}: {one.amount}, {one.state}, {one.reason}, borne by the {one.bearer}"
                for one in disputed
            ),
        ]

    async def read(gateway: Gateway) -> list[str]:
        async with gateway.db.reading() as conn:
            return await act(conn, *await _found(conn, invoice_id))

    print("\n".join(run(where, read)))


@app.command
def capture(
    invoice_id: int,
    /,
    *,
    amount: Amount = None,
    final: Annotated[bool, Parameter(negative=())] = False,
    where: Where = Where(),
) -> None:
    """Take what is reserved, or a part of it; the worker carries it out.

    Parameters
    ----------
    final
        Let go what is left.
    """

    async def act(tx: Connection, invoice: Invoice, payment: Payment) -> str:
        asked, _ = await captures.ask(
            tx,
            invoice.merchant_id,
            invoice.id,
            _money(amount, invoice),
            final=final,
            at=clock.now(),
        )
        return f"capture {asked.number} of payment {payment.id}: {asked.amount} is being taken"

    _do(where, invoice_id, act)


@app.command
def void(invoice_id: int, /, *, where: Where = Where()) -> None:
    """Let go what is reserved; the worker carries it out."""

    async def act(tx: Connection, invoice: Invoice, payment: Payment) -> str:
        await ask_to_let_go(tx, invoice.merchant_id, invoice.id, at=clock.now())
        return f"payment {payment.id}: {payment.open} is being let go"

    _do(where, invoice_id, act)


@app.command
def refund(
    invoice_id: int,
    /,
    *,
    amount: Amount = None,
    reason: str | None = None,
    where: Where = Where(),
) -> None:
    """Give the payer his money back, or a part of it; the worker carries it out."""

    async def act(tx: Connection, invoice: Invoice, payment: Payment) -> str:
        asked, after = await refunds.ask(
            tx,
            invoice.merchant_id,
            invoice.id,
            _money(amount, invoice),
            note=reason,
            at=clock.now(),
        )
        return (
            f"refund {asked.id}: {asked.amount} is set aside for the payer; "
            f"{await refunds.left(tx, after)} can still be refunded"
        )

    _do(where, invoice_id, act)


@app.command
def decide(invoice_id: int, decision: str, /, *, note: str, where: Where = Where()) -> None:
    """Say what became of a payment that its provider does not tell: a person found it out.

    Parameters
    ----------
    decision
        captured, declined, voided or refunded: of the whole payment.
    note
        How you know, for the history.
    """
    kind = _DECISIONS.get(decision)
    if kind is None:
        raise InvalidInput("decision", f"a payment is {', '.join(_DECISIONS)}")

    async def act(gateway: Gateway) -> str:
        async with gateway.db.reading() as conn:
            _, payment = await _found(conn, invoice_id)
            is_owed = kind is Kind.REFUNDED and payment.state is State.RETURNING
            amount = await owed(conn, payment) if is_owed else payment.charged
        told = Outcome(
            kind=kind,
            at=clock.now(),
            amount=amount,
            reason=Reason.TECHNICAL if kind is Kind.DECLINED else None,
            detail=note,
        )
        after = await record_outcome(
            gateway.db,
            payment.connector,
            payment.reference,
            told,
            source="operator",
            at=clock.now(),
        )
        return f"payment {payment.id}: {payment.state} → {after.state}"

    print(run(where, act))


@app.command
def dispute(
    invoice_id: int,
    reference: str,
    stage: str,
    /,
    *,
    amount: Amount = None,
    reason: str = "",
    where: Where = Where(),
) -> None:
    """Book a dispute that the provider told of in a currency that was not charged, or not at all.

    Parameters
    ----------
    reference
        The provider's id of it.
    stage
        inquiry, chargeback, pre_arbitration, won or lost.
    reason
        The scheme's reason code.
    """
    if stage not in list(DisputeStage):
        raise InvalidInput("stage", f"a dispute is at {', '.join(DisputeStage)}")

    async def act(gateway: Gateway) -> str:
        async with gateway.db.reading() as conn:
            invoice, payment = await _found(conn, invoice_id)
        told = Outcome(
            kind=Kind.DISPUTED,
            at=clock.now(),
            amount=_money(amount, invoice),
            dispute=DisputeNews(reference=reference, stage=DisputeStage(stage), reason=reason),
        )
        booked = await record_news(
            gateway.db, payment.merchant_id, payment.id, told, at=clock.now()
        )
        if booked is None:
            raise InvalidInput("invoice_id", f"it was paid in {payment.charged.currency.code}")
        return f"dispute {booked.id}: {booked.amount}, {booked.state}, borne by the {booked.bearer}"

    print(run(where, act))


def _do(
    where: Where, invoice_id: int, act: Callable[[Connection, Invoice, Payment], Awaitable[str]]
) -> None:
    """Do it in one transaction, and print what it says."""

    async def in_transaction(gateway: Gateway) -> str:
        async with gateway.db.transaction() as tx:
            return await act(tx, *await _found(tx, invoice_id))

    print(run(where, in_transaction))


async def _found(conn: Connection, invoice_id: int) -> tuple[Invoice, Payment]:
    merchant_id = await invoices.merchant_of(conn, invoice_id)
    invoice = await invoices.find(conn, merchant_id, invoice_id) if merchant_id else None
    if invoice is None:
        raise NotFound(f"there is no invoice {invoice_id}")
    payment = await records.current(conn, invoice.merchant_id, invoice_id)
    if payment is None:
        raise NotFound(f"nobody has tried to pay invoice {invoice_id}")
    return invoice, payment


def _detail(one: News) -> str:
    """What was told besides: the rule that sent an attempt its way, the reason of a refusal."""
    told = one.facts
    ways = " → ".join(told.get("connectors", ()))
    words = [told.get("rule"), ways, told.get("reason"), told.get("detail"), told.get("note")]
    return ", ".join(str(word) for word in (*words, *told.get("reasons", ())) if word)


def _money(text: str | None, invoice: Invoice) -> Money | None:
    return None if text is None else money.parse(text, invoice.amount.currency)
