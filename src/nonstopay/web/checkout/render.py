"""Pages into HTML: one pure function per page."""

from collections.abc import Sequence

from markupsafe import Markup

from nonstopay.web.checkout import links
from nonstopay.web.checkout.card_page import CardPage, CardState, UsedCard
from nonstopay.web.checkout.frame import (
    action,
    countdown,
    fill,
    isolated,
    methods_shown,
    own,
    share_left,
    shortened,
    strong,
    ticket,
    wording_of,
)
from nonstopay.web.checkout.page import (
    Brand,
    ChoosePage,
    DonePage,
    DoneState,
    ErrorPage,
    Landing,
    LandingPage,
    UpiPage,
    UpiState,
    Visit,
)
from nonstopay.web.checkout.qr import qr_image
from nonstopay.web.checkout.remains_render import remains_shown
from nonstopay.web.checkout.wording import Wording

PAYABLE = (UpiState.WAITING, UpiState.DECLINED)
LANDING_LOOKS = {
    Landing.SUCCESS: DoneState.PAID,
    Landing.PENDING: DoneState.PENDING,
    Landing.CANCEL: DoneState.CANCELLED,
    Landing.FAILURE: DoneState.FAILED,
}


def render_choose(page: ChoosePage) -> str:
    """The invoice with the ways to pay it."""
    words = wording_of(page.visit)
    return fill(
        "choose.html",
        page.visit,
        page.brand,
        title=words.say("choose.title", merchant=page.brand.merchant),
        ticket=ticket(words, page.visit, page.invoice, words.money(page.invoice.amount)),
        state="choose",
        methods=methods_shown(words, page.visit, page.methods),
        unanswered=_unanswered(words, page),
        cancel_url=action(page.visit, page.cancel_url),
    )


def render_upi(page: UpiPage) -> str:
    """The wait for a UPI payment, in whichever state it is."""
    words, state = wording_of(page.visit), page.shown
    amount, payee = words.money(page.amount), links.payee_of(page.upi_uri)
    label = words.say("upi.qr_label", amount=amount, payee=payee)
    return fill(
        "upi.html",
        page.visit,
        page.brand,
        title=words.say("upi.title", amount=amount),
        ticket=_converted(words, page),
        state=state.value,
        revision=page.revision,
        events_url=links.own_path(page.events_url),
        amount=amount,
        payee=isolated(payee),
        reason=page.reason.value if page.reason else None,
        payable=state in PAYABLE,
        uri=links.upi_link(page.upi_uri),
        apps=links.app_links(page.upi_uri, page.visit.platform),
        qr=qr_image(page.upi_uri, label) if state in PAYABLE else None,
        until=words.time(page.qr_expires_at),
        left=countdown(page.qr_expires_at),
        lifetime=page.qr_seconds,
        share_left=share_left(page.visit, page.qr_expires_at, page.qr_seconds),
        new_qr_url=action(page.visit, page.new_qr_url),
        methods=methods_shown(words, page.visit, page.methods),
        cancel_url=action(page.visit, page.cancel_url),
        sandbox_app_url=own(page.sandbox_app_url),
    )


def render_card(page: CardPage) -> str:
    """Filling in a card, and the wait for what becomes of it."""
    words, state = wording_of(page.visit), page.state
    amount, bank = words.money(page.amount), links.safe_href(page.bank_url)
    return fill(
        "card.html",
        page.visit,
        page.brand,
        title=words.say("card.title", amount=amount),
        ticket=ticket(words, page.visit, page.invoice, amount),
        state=state.value,
        revision=page.revision,
        events_url=links.own_path(page.events_url),
        amount=amount,
        form_url=action(page.visit, page.form_url),
        after=page.after,
        problems=page.problems,
        expiry=page.expiry,
        holder=page.holder,
        reason=page.reason,
        used=_used(page.used),
        paused=_paused(words, page),
        bank_url=bank,
        goes_to_bank=page.goes_to_bank and bank is not None,
        another_url=action(page.visit, page.another_url),
        return_url=links.safe_href(page.return_url),
        moving=state in (CardState.CHECKING, CardState.PROCESSING, CardState.RELEASING),
        methods=methods_shown(words, page.visit, page.methods),
        cancel_url=action(page.visit, page.cancel_url),
    )


def render_done(page: DonePage) -> str:
    """The end: paid, pending, cancelled, expired, failed, withheld, refunded or charged back."""
    words, state = wording_of(page.visit), page.state
    back = links.safe_href(page.return_url)
    charged = page.payment.charged if page.payment else page.invoice.amount
    amount = (page.refunded or charged) if state is DoneState.REFUNDED else charged
    remains = remains_shown(words, page.visit, page.brand.merchant, page.remains)
    forwards = state is DoneState.PAID and back is not None and remains is None
    return fill(
        "done.html",
        page.visit,
        page.brand,
        title=words.say("done.title", merchant=page.brand.merchant),
        state=state.value,
        revision=page.revision,
        events_url=own(page.events_url),
        heading=words.say(f"done.{state}.heading"),
        lead=words.say(
            f"done.{state}.lead",
            merchant=isolated(page.brand.merchant),
            amount=strong(words.money(amount)),
        ),
        more=words.say("done.refunded.open") if page.again_url else None,
        due=words.money(amount),
        rows=_receipt(words, page),
        remains=remains,
        return_url=back,
        forward_seconds=page.forward_seconds if forwards else 0,
        resume_url=action(page.visit, page.resume_url),
        again_url=action(page.visit, page.again_url),
    )


def render_landing(page: LandingPage) -> str:
    """A generic landing page, with the invoice's figures where they are known."""
    words, invoice = wording_of(page.visit), page.invoice
    key = f"landing.{page.outcome}"
    rows = [(words.say("order.number"), isolated(invoice.number))] if invoice else []
    due = words.money(invoice.amount) if invoice else None
    state = LANDING_LOOKS[page.outcome].value
    return _render_notice(words, page.visit, page.brand, key, state, due=due, rows=rows)


def render_error(page: ErrorPage) -> str:
    """A link that does not work, or a moment when we do not."""
    return _render_notice(wording_of(page.visit), page.visit, None, f"error.{page.kind}", "error")


def _render_notice(
    words: Wording,
    visit: Visit,
    brand: Brand | None,
    key: str,
    state: str,
    *,
    due: str | None = None,
    rows: Sequence[tuple[Markup, Markup]] = (),
) -> str:
    return fill(
        "done.html",
        visit,
        brand or Brand(merchant=""),
        title=words.say(f"{key.partition('.')[0]}.title"),
        state=state,
        revision="",
        events_url=None,
        heading=words.say(f"{key}.heading"),
        lead=words.say(f"{key}.lead"),
        more=None,
        due=due,
        rows=rows,
        remains=None,
        return_url=None,
        forward_seconds=0,
        resume_url=None,
        again_url=None,
    )


def _converted(words: Wording, page: UpiPage) -> dict[str, object]:
    """The ticket in rupees, with how they became of the invoice's own money."""
    asked, due, conversion = page.invoice.amount, page.amount, page.conversion
    if conversion is None or due.currency == asked.currency:
        return ticket(words, page.visit, page.invoice, words.money(due))
    rate = words.say(
        "order.rate",
        one=f"1\N{NO-BREAK SPACE}{asked.currency.code}",
        charged=words.rate(conversion.rate, due.currency.code),
        source=conversion.source,
        date=words.date(conversion.as_of),
        time=words.time(conversion.locked_until),
    )
    same_as = words.money(asked)
    return ticket(words, page.visit, page.invoice, words.money(due), same_as=same_as, rate=rate)


def _used(card: UsedCard | None) -> Markup | None:
    """What is shown of a card, read out as its last four digits."""
    if card is None:
        return None
    dots = Markup('<span aria-hidden="true">••••</span>')
    return Markup("<b>{} {}\N{NO-BREAK SPACE}{}</b>").format(card.brand, dots, card.last4)


def _paused(words: Wording, page: CardPage) -> Markup | None:
    if page.pause is None:
        return None
    if page.pause.until is None:
        return words.say("card.closed", merchant=isolated(page.brand.merchant))
    return words.say("card.paused", time=words.time(page.pause.until))


def _unanswered(words: Wording, page: ChoosePage) -> Markup | None:
    """What is said to a payer whose choice came to nothing; another way only if there is one."""
    if page.unanswered is None:
        return None
    others = any(method.kind is not page.unanswered for method in page.methods)
    key = "choose.unanswered_others" if others else "choose.unanswered"
    return words.say(key, method=words.say(f"method.{page.unanswered}"))


def _receipt(words: Wording, page: DonePage) -> list[tuple[Markup, Markup | str]]:
    """The rows of the receipt that have something to say."""
    invoice, payment = page.invoice, page.payment
    rows: list[tuple[str, Markup | str]] = [
        ("merchant", isolated(page.brand.merchant)),
        ("number", invoice.number),
        ("reference", isolated(shortened(invoice.reference))),
        ("amount", words.money(invoice.amount)),
    ]
    if payment:
        rows += [
            ("charged", words.money(payment.charged) if payment.charged != invoice.amount else ""),
            ("time", words.moment(payment.at)),
            ("method", payment.means or words.say(f"method.{payment.kind}")),
            ("bank_reference", payment.reference),
        ]
    rows.append(("refunded", words.money(page.refunded) if page.refunded else ""))
    return [(words.say(f"order.{key}"), value) for key, value in rows if value]
