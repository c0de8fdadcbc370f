"""Pages into HTML: one pure function per page."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nonstopay.money import Currency, Money
from nonstopay.web.checkout import links
from nonstopay.web.checkout.assets import asset
from nonstopay.web.checkout.card_page import CardPage, CardState, UsedCard
from nonstopay.web.checkout.page import (
    Brand,
    ChoosePage,
    Conversion,
    DonePage,
    DoneState,
    ErrorPage,
    Invoice,
    Landing,
    LandingPage,
    Method,
    UpiPage,
    UpiState,
    Visit,
)
from nonstopay.web.checkout.qr import qr_image
from nonstopay.web.checkout.text import languages
from nonstopay.web.checkout.wording import Wording, stamp

COUNTDOWN_WITHIN = timedelta(hours=1)
DESCRIPTION_SHOWN = 160
PAYABLE = (UpiState.WAITING, UpiState.DECLINED)
LANDING_LOOKS = {
    Landing.SUCCESS: DoneState.PAID,
    Landing.PENDING: DoneState.PENDING,
    Landing.CANCEL: DoneState.CANCELLED,
    Landing.FAILURE: DoneState.FAILED,
}
_INVISIBLE = dict.fromkeys(
    [*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


def render_choose(page: ChoosePage) -> str:
    """The invoice with the ways to pay it."""
    words = _wording(page.visit)
    return _render(
        "choose.html",
        page.visit,
        page.brand,
        title=words.say("choose.title", merchant=page.brand.merchant),
        ticket=_ticket(words, page.visit, page.invoice, page.invoice.amount, None),
        state="choose",
        methods=_methods(words, page),
        unanswered=_unanswered(words, page),
        cancel_url=_action(page.visit, page.cancel_url),
    )


def render_upi(page: UpiPage) -> str:
    """The wait for a UPI payment, in whichever state it is."""
    words, state = _wording(page.visit), page.shown
    amount, payee = words.money(page.amount), links.payee_of(page.upi_uri)
    label = words.say("upi.qr_label", amount=amount, payee=payee)
    return _render(
        "upi.html",
        page.visit,
        page.brand,
        title=words.say("upi.title", amount=amount),
        ticket=_ticket(words, page.visit, page.invoice, page.amount, page.conversion),
        state=state.value,
        revision=page.revision,
        events_url=links.own_path(page.events_url),
        amount=amount,
        payee=_isolated(payee),
        reason=page.reason.value if page.reason else None,
        payable=state in PAYABLE,
        uri=links.upi_link(page.upi_uri),
        apps=links.app_links(page.upi_uri, page.visit.platform),
        qr=qr_image(page.upi_uri, label) if state in PAYABLE else None,
        until=words.time(page.qr_expires_at),
        left=_countdown(page.qr_expires_at),
        lifetime=page.qr_seconds,
        share_left=_share_left(page),
        new_qr_url=_action(page.visit, page.new_qr_url),
        methods=_methods(words, page),
        cancel_url=_action(page.visit, page.cancel_url),
        sandbox_app_url=_own(page.sandbox_app_url),
    )


def render_card(page: CardPage) -> str:
    """Filling in a card, and the wait for what becomes of it."""
    words, state = _wording(page.visit), page.state
    amount, bank = words.money(page.amount), links.safe_href(page.bank_url)
    return _render(
        "card.html",
        page.visit,
        page.brand,
        title=words.say("card.title", amount=amount),
        ticket=_ticket(words, page.visit, page.invoice, page.amount, None),
        state=state.value,
        revision=page.revision,
        events_url=links.own_path(page.events_url),
        amount=amount,
        form_url=_action(page.visit, page.form_url),
        after=page.after,
        problems=page.problems,
        expiry=page.expiry,
        holder=page.holder,
        reason=page.reason,
        used=_used(page.used),
        paused=_paused(words, page),
        bank_url=bank,
        goes_to_bank=page.goes_to_bank and bank is not None,
        another_url=_action(page.visit, page.another_url),
        return_url=links.safe_href(page.return_url),
        moving=state in (CardState.CHECKING, CardState.PROCESSING, CardState.RELEASING),
        methods=_methods(words, page),
        cancel_url=_action(page.visit, page.cancel_url),
    )


def render_done(page: DonePage) -> str:
    """The end: paid, pending, cancelled, expired, failed, withheld, refunded or charged back."""
    words, state = _wording(page.visit), page.state
    back = links.safe_href(page.return_url)
    charged = page.payment.charged if page.payment else page.invoice.amount
    amount = (page.refunded or charged) if state is DoneState.REFUNDED else charged
    forwards = state is DoneState.PAID and back is not None
    return _render(
        "done.html",
        page.visit,
        page.brand,
        title=words.say("done.title", merchant=page.brand.merchant),
        state=state.value,
        revision=page.revision,
        events_url=_own(page.events_url),
        heading=words.say(f"done.{state}.heading"),
        lead=words.say(
            f"done.{state}.lead",
            merchant=_isolated(page.brand.merchant),
            amount=_strong(words.money(amount)),
        ),
        more=words.say("done.refunded.open") if page.again_url else None,
        due=words.money(amount),
        rows=_receipt(words, page),
        return_url=back,
        forward_seconds=page.forward_seconds if forwards else 0,
        resume_url=_action(page.visit, page.resume_url),
        again_url=_action(page.visit, page.again_url),
    )


def render_landing(page: LandingPage) -> str:
    """A generic landing page, with the invoice's figures where they are known."""
    words, invoice = _wording(page.visit), page.invoice
    key = f"landing.{page.outcome}"
    rows = [(words.say("order.number"), _isolated(invoice.number))] if invoice else []
    due = words.money(invoice.amount) if invoice else None
    state = LANDING_LOOKS[page.outcome].value
    return _render_notice(words, page.visit, page.brand, key, state, due=due, rows=rows)


def render_error(page: ErrorPage) -> str:
    """A link that does not work, or a moment when we do not."""
    return _render_notice(_wording(page.visit), page.visit, None, f"error.{page.kind}", "error")


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
    return _render(
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
        return_url=None,
        forward_seconds=0,
        resume_url=None,
        again_url=None,
    )


def _render(template: str, visit: Visit, brand: Brand, **values: object) -> str:
    words = _wording(visit)
    spoken = languages().values()
    frame = _environment().get_template(template)
    return frame.render(
        t=words.say,
        language=words.language,
        languages=[(to.tag, to.name, links.in_language(visit.url, to.tag)) for to in spoken],
        now=stamp(visit.now),
        sandbox=visit.sandbox,
        brand=brand,
        merchant=_isolated(brand.merchant),
        monogram=next((letter for letter in brand.merchant if letter.isalnum()), "").upper(),
        logo_url=_own(brand.logo_url),
        css_url=_own(brand.css_url),
        asset=asset,
        **values,
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_without_invisible,
    )


def _without_invisible(value: object) -> object:
    """Drop control and direction-override characters: a name must not rewrite its neighbours."""
    return value.translate(_INVISIBLE) if isinstance(value, str) else value


def _wording(visit: Visit) -> Wording:
    return Wording(visit.language, visit.zone)


def _ticket(
    words: Wording, visit: Visit, invoice: Invoice, due: Money, conversion: Conversion | None
) -> dict[str, object]:
    same_currency = due.currency == invoice.amount.currency
    conversion = None if same_currency else conversion
    soon = timedelta(0) < invoice.valid_until - visit.now <= COUNTDOWN_WITHIN
    return {
        "due": words.money(due),
        "same_as": words.money(invoice.amount) if conversion else None,
        "rate": _rate(words, invoice.amount.currency, due, conversion) if conversion else None,
        "description": _shortened(invoice.description),
        "reference": _shortened(invoice.reference),
        "number": invoice.number,
        "valid_until": words.moment(invoice.valid_until),
        "left": _countdown(invoice.valid_until) if soon else "",
    }


def _rate(words: Wording, base: Currency, due: Money, conversion: Conversion) -> Markup:
    return words.say(
        "order.rate",
        one=f"1\N{NO-BREAK SPACE}{base.code}",
        charged=words.rate(conversion.rate, due.currency.code),
        source=conversion.source,
        date=words.date(conversion.as_of),
        time=words.time(conversion.locked_until),
    )


def _countdown(instant: datetime) -> Markup:
    """The room where the script counts down to an instant that is written out beside it."""
    return Markup('<b class="left" role="timer" data-left="{}" hidden></b>').format(stamp(instant))


def _share_left(page: UpiPage) -> int:
    """Whole per cent of the code's life that are left."""
    left = (page.qr_expires_at - page.visit.now).total_seconds()
    return max(0, min(100, round(100 * left / max(1, page.qr_seconds))))


def _methods(words: Wording, page: ChoosePage | UpiPage | CardPage) -> list[dict[str, object]]:
    return [_method(words, page.visit, method) for method in page.methods]


def _method(words: Wording, visit: Visit, method: Method) -> dict[str, object]:
    label = method.label or words.say(f"method.{method.kind}")
    return {
        "kind": method.kind.value,
        "url": _action(visit, method.url),
        "by_link": method.by_link,
        "label": label,
        "hint": method.hint or words.say(f"method.{method.kind}_hint"),
        "trouble": words.say(f"trouble.{method.trouble}", method=label) if method.trouble else None,
    }


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
        return words.say("card.closed", merchant=_isolated(page.brand.merchant))
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
        ("merchant", _isolated(page.brand.merchant)),
        ("number", invoice.number),
        ("reference", _isolated(_shortened(invoice.reference))),
        ("amount", words.money(invoice.amount)),
    ]
    if payment:
        rows += [
            ("charged", words.money(payment.charged) if payment.charged != invoice.amount else ""),
            ("time", words.moment(payment.at)),
            ("method", payment.card or words.say(f"method.{payment.kind}")),
            ("bank_reference", payment.reference),
        ]
    rows.append(("refunded", words.money(page.refunded) if page.refunded else ""))
    return [(words.say(f"order.{key}"), value) for key, value in rows if value]


def _own(path: str | None) -> str | None:
    return None if path is None else links.own_path(path)


def _action(visit: Visit, path: str | None) -> str | None:
    """Where a form posts to or our own link leads: on to a page in the same language."""
    return None if path is None else links.in_language(path, visit.language)


def _isolated(text: str) -> Markup:
    """A stranger's words, kept from reordering ours when they run the other way."""
    return Markup("<bdi>{}</bdi>").format(text) if text else Markup("")


def _strong(text: str) -> Markup:
    return Markup("<strong>{}</strong>").format(text)


def _shortened(text: str) -> str:
    return text if len(text) <= DESCRIPTION_SHOWN else f"{text[: DESCRIPTION_SHOWN - 1]}…"
