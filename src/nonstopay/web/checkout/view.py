"""From an invoice and its newest attempt to the page that the payer sees."""

from dataclasses import dataclass
from urllib.parse import urlencode

from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import EARNED, PAYABLE
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.states import State
from nonstopay.connectors.outcome import Reason
from nonstopay.web.checkout import page
from nonstopay.web.checkout.render import render_choose, render_done, render_upi

PAGE_PATH = "/widget/sale/create/"
PAY_PATH = "/widget/sale/pay/"
NEW_QR_PATH = "/widget/sale/new-qr/"
CANCEL_PATH = "/widget/sale/cancel/"
EVENTS_PATH = "/widget/sale/events/"
LANDING_PATH = "/service/pay/{outcome}/"

_DONE = {
    InvoiceState.AWAITING_APPROVAL: page.DoneState.PAID,
    InvoiceState.PAID: page.DoneState.PAID,
    InvoiceState.FAILED: page.DoneState.FAILED,
    InvoiceState.EXPIRED: page.DoneState.EXPIRED,
    InvoiceState.CHARGEBACK: page.DoneState.CHARGED_BACK,
    InvoiceState.WITHHELD: page.DoneState.WITHHELD,
}
_UPI = {
    State.WAITING: page.UpiState.WAITING,
    State.PROCESSING: page.UpiState.PROCESSING,
    State.UNKNOWN: page.UpiState.UNKNOWN,
    State.DECLINED: page.UpiState.DECLINED,
    State.EXPIRED: page.UpiState.EXPIRED,
}
_OFFERED = (page.UpiState.WAITING, page.UpiState.DECLINED)
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
_MONEY_GOES_BACK = frozenset({State.RETURNING, State.RETURNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything a page is made of.

    Attributes:
        token: the payer's, for the addresses on the page.
        public_url: for absolute addresses of our own landing pages.
        cancelled: the payer chose to leave.
    """

    visit: page.Visit
    token: str
    public_url: str
    merchant: Merchant
    invoice: Invoice
    payment: Payment | None
    rails: Rails
    cancelled: bool = False

    @property
    def revision(self) -> str:
        paid = self.payment
        return revision((self.invoice.version, paid.id if paid else 0, paid.version if paid else 0))

    @property
    def shown(self) -> str:
        """The word for what is shown, as the live news calls it."""
        if self.invoice.state not in PAYABLE:
            return _DONE[self.invoice.state].value
        if self.payment is None or self.payment.state is State.STARTING:
            return "choose"
        if self.payment.state in _MONEY_GOES_BACK:
            return page.DoneState.REFUNDED.value
        state = _UPI.get(self.payment.state)
        if state in _OFFERED and self.payment.expires_at <= self.visit.now:
            state = page.UpiState.EXPIRED
        return state.value if state else "choose"

    def url(self, path: str, **more: str | int) -> str:
        return f"{path}?{urlencode({'token': self.token, **more})}"


def revision(parts: tuple[int, int, int]) -> str:
    """A revision as text: it changes whenever the page would."""
    return ".".join(str(part) for part in parts)


def render(sight: Sight) -> str:
    """The page as HTML."""
    invoice, payment = sight.invoice, sight.payment
    if invoice.state not in PAYABLE:
        return _done(sight, _DONE[invoice.state])
    if sight.cancelled:
        return _done(sight, page.DoneState.CANCELLED)
    if payment is not None and payment.state in _MONEY_GOES_BACK:
        return _done(sight, page.DoneState.REFUNDED)
    if payment is not None and payment.state in _UPI and payment.link:
        return _upi(sight, payment, payment.link)
    return render_choose(
        page.ChoosePage(
            visit=sight.visit,
            brand=_brand(sight),
            invoice=_invoice(sight),
            methods=_methods(sight),
            cancel_url=sight.url(CANCEL_PATH),
        )
    )


def _upi(sight: Sight, payment: Payment, uri: str) -> str:
    sandbox = sight.visit.sandbox
    return render_upi(
        page.UpiPage(
            visit=sight.visit,
            brand=_brand(sight),
            invoice=_invoice(sight),
            state=_UPI[payment.state],
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
            methods=[one for one in _methods(sight) if one.kind is not page.MethodKind.UPI],
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
            brand=_brand(sight),
            invoice=_invoice(sight),
            state=state,
            payment=_paid(invoice, payment) if paid and payment else None,
            refunded=payment.charged if payment and state is page.DoneState.REFUNDED else None,
            return_url=_return_url(sight, state),
            resume_url=sight.url(PAGE_PATH) if state is page.DoneState.CANCELLED else None,
            revision=sight.revision,
        )
    )


def _paid(invoice: Invoice, payment: Payment) -> page.Payment:
    return page.Payment(
        charged=invoice.charged or payment.charged,
        at=invoice.paid_at or payment.state_at,
        kind=page.MethodKind.UPI,
        reference=payment.network_reference or "",
    )


def _return_url(sight: Sight, state: page.DoneState) -> str:
    """The merchant's address for this end, or our own landing page."""
    invoice = sight.invoice
    outcome, merchants = {
        page.DoneState.PAID: ("success", invoice.success_url),
        page.DoneState.CANCELLED: ("cancel", invoice.cancel_url),
        page.DoneState.PENDING: ("pending", invoice.pending_url),
        page.DoneState.WITHHELD: ("pending", invoice.pending_url),
    }.get(state, ("failure", invoice.failure_url))
    return merchants or sight.public_url + LANDING_PATH.format(outcome=outcome)


def _brand(sight: Sight) -> page.Brand:
    return page.Brand(merchant=sight.merchant.name)


def _invoice(sight: Sight) -> page.Invoice:
    return page.Invoice(
        number=str(sight.invoice.id),
        amount=sight.invoice.amount,
        valid_until=sight.invoice.expires_at,
    )


def _methods(sight: Sight) -> list[page.Method]:
    """The methods the payer may choose: the merchant's choice for this invoice, or all that are on."""
    invoice = sight.invoice
    here = sight.rails.methods(sight.merchant, invoice.amount.currency.code)
    return [
        page.Method(
            kind=page.MethodKind(name.lower()), url=sight.url(PAY_PATH, method=name.lower())
        )
        for name in here
        if invoice.method in (None, name)
    ]
