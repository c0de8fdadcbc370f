"""`nonstopay risk`: whom to refuse and whom to let pass, why an attempt was judged as it was, reviews."""

from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices import records as invoices
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.cards import records as used_cards
from nonstopay.business.payments.refuse import refuse as refuse_payment
from nonstopay.business.payments.review import records as reviews
from nonstopay.business.payments.review.release import release as release_payment
from nonstopay.business.payments.review.review import Review
from nonstopay.business.risk import records
from nonstopay.business.risk.enter import enter, strike
from nonstopay.business.risk.entry import EVERYBODY, About, Entry, List
from nonstopay.business.risk.records import Kept
from nonstopay.cli.merchant import run
from nonstopay.cli.terminal import Terminal
from nonstopay.cli.where import Where
from nonstopay.errors import NotFound
from nonstopay.store.db import Connection

app = App(name="risk", help="Whom to block, watch or allow; decisions and their reasons; reviews.")
review = App(name="review", help="Payments that are withheld until you have looked at them.")
app.command(review)

Json = Annotated[bool, Parameter(name="--json", negative=())]
Merchant = Annotated[int, Parameter(help="Whose payers are meant; left out: all merchants'.")]
Note = Annotated[str, Parameter(help="Why, for those who wonder later.")]
REVIEWS_MAX = 1000


@app.command
def block(
    about: About,
    value: str,
    /,
    *,
    merchant: Merchant = EVERYBODY,
    note: Note = "",
    where: Where = Where(),
) -> None:
    """Refuse card attempts from now on; no provider is asked, and the payer reads no reason.

    Parameters
    ----------
    about
        card, bin, network, email, domain or country.
    value
        What is refused. A card is named by the id of an invoice on which it was tried.
    """
    _enter(where, List.BLOCK, about, value, merchant, note)


@app.command
def unblock(
    about: About, value: str, /, *, merchant: Merchant = EVERYBODY, where: Where = Where()
) -> None:
    """Take an entry off the block list."""
    _strike(where, List.BLOCK, about, value, merchant)


@app.command
def watch(
    about: About,
    value: str,
    /,
    *,
    merchant: Merchant = EVERYBODY,
    note: Note = "",
    where: Where = Where(),
) -> None:
    """Have card attempts charged, and their money withheld until you have looked at them."""
    _enter(where, List.WATCH, about, value, merchant, note)


@app.command
def unwatch(
    about: About, value: str, /, *, merchant: Merchant = EVERYBODY, where: Where = Where()
) -> None:
    """Take an entry off the watch list."""
    _strike(where, List.WATCH, about, value, merchant)


@app.command
def allow(
    about: About,
    value: str,
    /,
    *,
    merchant: Merchant = EVERYBODY,
    note: Note = "",
    where: Where = Where(),
) -> None:
    """Let card attempts pass, however many there are. What is blocked or watched stays so."""
    _enter(where, List.ALLOW, about, value, merchant, note)


@app.command
def disallow(
    about: About, value: str, /, *, merchant: Merchant = EVERYBODY, where: Where = Where()
) -> None:
    """Take an entry off the allow list."""
    _strike(where, List.ALLOW, about, value, merchant)


@app.command(name="list")
def list_entries(
    *, merchant: int | None = None, as_json: Json = False, where: Where = Where()
) -> None:
    """The lists, the newest entry first.

    Parameters
    ----------
    merchant
        Only what holds for this merchant.
    """

    async def act(gateway: Gateway) -> list[Entry]:
        async with gateway.db.reading() as conn:
            return await records.entries(conn, merchant)

    found = run(where, act)
    if as_json:
        print(msgspec.json.encode([asdict(one) for one in found]).decode())
    elif found:
        heads = ("LIST", "ABOUT", "VALUE", "MERCHANT", "SINCE", "NOTE")
        Terminal().table(heads, [_row(one) for one in found])
    else:
        print("the lists are empty")


@app.command
def explain(invoice_id: int, /, *, as_json: Json = False, where: Where = Where()) -> None:
    """Why the card attempt on an invoice was judged as it was, and from what facts."""

    async def act(gateway: Gateway) -> Kept:
        async with gateway.db.reading() as conn:
            merchant_id = await _merchant_of(conn, invoice_id)
            payment = await payments.current(conn, merchant_id, invoice_id)
            kept = await records.find(conn, merchant_id, payment.id) if payment else None
        if kept is None:
            raise NotFound(f"no card was tried on invoice {invoice_id}")
        return kept

    kept = run(where, act)
    if as_json:
        print(msgspec.json.encode(_described(kept)).decode())
        return
    terminal = Terminal()
    terminal.heading(f"{kept.verdict.decision}: {', '.join(kept.verdict.reasons) or 'all is well'}")
    terminal.facts(
        [
            ("at", clock.text(kept.at)),
            ("rules", f"version {kept.rules}"),
            *((name, _said(value)) for name, value in asdict(kept.facts).items()),
            *((f"limit {name}", str(value)) for name, value in asdict(kept.limits).items()),
        ]
    )


@review.command(name="list")
def list_reviews(
    *, merchant: int | None = None, as_json: Json = False, where: Where = Where()
) -> None:
    """What is withheld, the oldest first, with the reasons.

    Parameters
    ----------
    merchant
        Only this merchant's.
    """

    async def act(gateway: Gateway) -> list[tuple[Review, tuple[str, ...]]]:
        async with gateway.db.reading() as conn:
            held = await reviews.held(conn, merchant, REVIEWS_MAX)
            return [(one, await _reasons(conn, one)) for one in held]

    found = run(where, act)
    rows = [
        (
            str(one.invoice_id),
            str(one.merchant_id),
            str(one.held),
            clock.text(one.opened_at),
            ", ".join(reasons),
        )
        for one, reasons in found
    ]
    heads = ("INVOICE", "MERCHANT", "WITHHELD", "SINCE", "REASONS")
    if as_json:
        names = [head.lower() for head in heads]
        print(msgspec.json.encode([dict(zip(names, row, strict=True)) for row in rows]).decode())
    elif rows:
        Terminal().table(heads, rows)
    else:
        print("nothing is withheld")


@review.command
def release(invoice_id: int, /, *, note: Note = "", where: Where = Where()) -> None:
    """It is in order: the merchant gets the money, and hears that he may credit his customer."""

    async def act(gateway: Gateway) -> str:
        async with gateway.db.transaction() as tx:
            merchant_id = await _merchant_of(tx, invoice_id)
            await release_payment(tx, merchant_id, invoice_id, note=note, at=clock.now())
        return f"invoice {invoice_id}: its money is the merchant's"

    print(run(where, act))


@review.command
def refuse(invoice_id: int, /, *, note: Note = "", where: Where = Where()) -> None:
    """It is not: the payer gets his money back, and we give up our fee. The worker carries it out."""

    async def act(gateway: Gateway) -> str:
        async with gateway.db.transaction() as tx:
            merchant_id = await _merchant_of(tx, invoice_id)
            refund = await refuse_payment(tx, merchant_id, invoice_id, note=note, at=clock.now())
        given = f"{refund.amount} goes back to the payer" if refund else "it was refunded already"
        return f"invoice {invoice_id}: {given}"

    print(run(where, act))


def _enter(where: Where, one: List, about: About, value: str, merchant: int, note: str) -> None:
    async def act(gateway: Gateway) -> Entry:
        async with gateway.db.transaction() as tx:
            merchant_id, text = await _meant(tx, about, value, merchant)
            return await enter(tx, merchant_id, one, about, text, note=note, at=clock.now())

    entry = run(where, act)
    print(f"{entry.about} {entry.value} is on the {entry.list} list of {_whose(entry)}")


def _strike(where: Where, one: List, about: About, value: str, merchant: int) -> None:
    async def act(gateway: Gateway) -> None:
        async with gateway.db.transaction() as tx:
            merchant_id, text = await _meant(tx, about, value, merchant)
            await strike(tx, merchant_id, one, about, text)

    run(where, act)
    print(f"{about} {value} is off the {one} list")


async def _meant(conn: Connection, about: About, value: str, merchant: int) -> tuple[int, str]:
    """Whose entry and which value is meant: a card's fingerprint, if an invoice was named instead."""
    if about is not About.CARD or not value.isdigit() or len(value) > 18:
        return merchant, value
    merchant_id = await _merchant_of(conn, int(value))
    payment = await payments.current(conn, merchant_id, int(value))
    used = await used_cards.find(conn, merchant_id, payment.id) if payment else None
    if used is None:
        raise NotFound(f"no card was tried on invoice {value}")
    return merchant_id, used.fingerprint.hex()


async def _merchant_of(conn: Connection, invoice_id: int) -> int:
    merchant_id = await invoices.merchant_of(conn, invoice_id)
    if merchant_id is None:
        raise NotFound(f"there is no invoice {invoice_id}")
    return merchant_id


async def _reasons(conn: Connection, one: Review) -> tuple[str, ...]:
    kept = await records.find(conn, one.merchant_id, one.payment_id)
    return kept.verdict.reasons if kept else ()


def _row(entry: Entry) -> tuple[str, ...]:
    since = clock.text(entry.entered_at)
    return (entry.list, entry.about, entry.value, _whose(entry), since, entry.note)


def _whose(entry: Entry) -> str:
    return "everybody" if entry.merchant_id == EVERYBODY else f"merchant {entry.merchant_id}"


def _said(value: object) -> str:
    return ", ".join(map(str, value)) or "-" if isinstance(value, tuple) else str(value or "-")


def _described(kept: Kept) -> dict[str, Any]:
    return {
        "decision": kept.verdict.decision,
        "reasons": kept.verdict.reasons,
        "at": clock.text(kept.at),
        "rules": kept.rules,
        "facts": asdict(kept.facts),
        "limits": asdict(kept.limits),
    }
