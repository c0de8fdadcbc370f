"""From what is there to be shown to the page that the payer sees."""

from urllib.parse import urlencode

from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import EARNED
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import State
from nonstopay.connectors.outcome import Reason
from nonstopay.web.checkout import page
from nonstopay.web.checkout.card_view import render_card_of, used_of
from nonstopay.web.checkout.crypto_view import remains_of, render_crypto_of
from nonstopay.web.checkout.render import render_choose, render_done, render_upi
from nonstopay.web.checkout.sight import (
    CANCEL_PATH,
    DONE_STATES,
    EVENTS_PATH,
    NEW_QR_PATH,
    PAGE_PATH,
    UPI_STATES,
    Scene,
    Sight,
    brand_of,
    invoice_of,
    methods_of,
    return_url,
)

_REASONS = {
    Reason.WRONG_PIN: page.DeclineReason.WRONG_PIN,
    Reason.PIN_LOCKED: page.DeclineReason.ACCOUNT_UNUSABLE,
    Reason.INSUFFICIENT_FUNDS: page.DeclineReason.INSUFFICIENT_FUNDS,
    Reason.LIMIT_EXCEEDED: page.DeclineReason.LIMIT_EXCEEDED,
    Reason.ACCOUNT_UNUSABLE: page.DeclineReason.ACCOUNT_UNUSABLE,
    Reason.DECLINED_BY_BANK: page.DeclineReason.DECLINED_BY_BANK,
    Reason.SUSPECTED_FRAUD: page.DeclineReason.DECLINED_BY_BANK,
    Reason.CANCELLED_BY_PAYER: page.DeclineReason.APP_CANCELLED,
    Reason.TIMED_OUT: page.DeclineReason.TOO_LATE,
    Reason.BANK_UNAVAILABLE: page.DeclineReason.BANK_SILENT,
    Reason.APP_UNAVAILABLE: page.DeclineReason.TECHNICAL,
    Reason.NETWORK_UNAVAILABLE: page.DeclineReason.TECHNICAL,
    Reason.NOT_CREDITED: page.DeclineReason.OTHER_WAY,
    Reason.MERCHANT_REFUSED: page.DeclineReason.OTHER_WAY,
    Reason.AMOUNT_MISMATCH: page.DeclineReason.TECHNICAL,
    Reason.TECHNICAL: page.DeclineReason.TECHNICAL,
}


def render(sight: Sight) -> str:
    """The page as HTML."""
    payment, scene = sight.payment, sight.scene
    card, crypto = sight.card_state, sight.crypto_state
    if scene is Scene.DONE:
        return _done(sight, DONE_STATES[sight.invoice.state])
    if scene is Scene.LEFT:
        return _done(sight, page.DoneState.CANCELLED)
    if scene is Scene.GOES_BACK:
        return _done(sight, page.DoneState.REFUNDED)
    if scene is Scene.CRYPTO and crypto is not None:
        return render_crypto_of(sight, crypto)
    if scene is Scene.CARD and card is not None:
        return render_card_of(sight, card)
    if scene is Scene.UPI and payment is not None and payment.link:
        return _upi(sight, payment, payment.link)
    return render_choose(
        page.ChoosePage(
            visit=sight.visit,
            brand=brand_of(sight),
            invoice=invoice_of(sight),
            methods=methods_of(sight),
            cancel_url=sight.url(CANCEL_PATH),
            unanswered=_unanswered(sight),
        )
    )


def _unanswered(sight: Sight) -> page.MethodKind | None:
    """The method whose provider left the payer without an answer, as long as it still does."""
    payment = sight.payment
    if not sight.unanswered or payment is None or payment.state is not State.STARTING:
        return None
    return page.MethodKind(payment.method.lower())


def _upi(sight: Sight, payment: Payment, uri: str) -> str:
    sandbox = sight.visit.sandbox
    return render_upi(
        page.UpiPage(
            visit=sight.visit,
            brand=brand_of(sight),
            invoice=invoice_of(sight),
            state=UPI_STATES[payment.state],
            amount=payment.charged,
            upi_uri=uri,
            qr_expires_at=payment.expires_at,
            qr_seconds=int((payment.expires_at - payment.started_at).total_seconds()),
            events_url=sight.url(EVENTS_PATH),
            new_qr_url=sight.url(NEW_QR_PATH, after=payment.id),
            conversion=page.Conversion(
                rate=payment.rate,
                source=payment.rate_source,
                as_of=payment.rate_at.date(),
                locked_until=payment.expires_at,
            ),
            reason=_REASONS[payment.reason] if payment.reason else None,
            methods=methods_of(sight, but=page.MethodKind.UPI),
            cancel_url=sight.url(CANCEL_PATH),
            revision=sight.revision,
            sandbox_app_url=f"/sandbox/upi/app?{urlencode({'uri': uri})}" if sandbox else None,
        )
    )


def _done(sight: Sight, state: page.DoneState) -> str:
    invoice, payment = sight.invoice, sight.payment
    paid = payment is not None and invoice.state in EARNED
    return render_done(
        page.DonePage(
            visit=sight.visit,
            brand=brand_of(sight),
            invoice=invoice_of(sight),
            state=state,
            payment=_paid(sight, invoice, payment) if paid and payment else None,
            refunded=sight.returned if state is page.DoneState.REFUNDED else None,
            remains=remains_of(sight),
            return_url=return_url(sight, state),
            resume_url=sight.url(PAGE_PATH) if state is page.DoneState.CANCELLED else None,
            again_url=sight.url(PAGE_PATH, again=1) if state is page.DoneState.REFUNDED else None,
            revision=sight.revision,
        )
    )


def _paid(sight: Sight, invoice: Invoice, payment: Payment) -> page.Payment:
    kind = page.MethodKind(payment.method.lower())
    return page.Payment(
        charged=invoice.charged or payment.charged,
        at=invoice.paid_at or payment.state_at,
        kind=kind,
        reference=(payment.network_reference or "") if kind is page.MethodKind.UPI else "",
        means=_means(sight),
    )


def _means(sight: Sight) -> str:
    """With what the payer paid, as far as it may be shown."""
    if used := used_of(sight):
        return f"{used.brand} •••• {used.last4}".strip()
    if crypto := sight.crypto:
        return f"{crypto.coin.ticker}, {crypto.network.title}"
    return ""
