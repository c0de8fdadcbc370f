"""From an attempt by card, or the wish to make one, to the page that the payer sees."""

from nonstopay.business.payments.states import State
from nonstopay.card_number import Brand
from nonstopay.connectors.outcome import Reason
from nonstopay.web.checkout import card_page, page
from nonstopay.web.checkout.card_page import CardReason, CardState
from nonstopay.web.checkout.render import render_card
from nonstopay.web.checkout.sight import (
    CANCEL_PATH,
    EVENTS_PATH,
    PAGE_PATH,
    PAY_PATH,
    Sight,
    brand_of,
    invoice_of,
    methods_of,
    return_url,
)

REASONS = {
    Reason.INSUFFICIENT_FUNDS: CardReason.INSUFFICIENT_FUNDS,
    Reason.EXPIRED_CARD: CardReason.EXPIRED_CARD,
    Reason.WRONG_CODE: CardReason.WRONG_CODE,
    Reason.WRONG_CARD_DETAILS: CardReason.WRONG_DETAILS,
    Reason.LIMIT_EXCEEDED: CardReason.LIMIT_EXCEEDED,
    Reason.ACCOUNT_UNUSABLE: CardReason.NOT_USABLE,
    Reason.CARD_NOT_SUPPORTED: CardReason.NOT_USABLE,
    Reason.DECLINED_BY_BANK: CardReason.ASK_BANK,
    Reason.PIN_LOCKED: CardReason.ASK_BANK,
    Reason.LOST_OR_STOLEN: CardReason.REFUSED,
    Reason.DO_NOT_TRY_AGAIN: CardReason.REFUSED,
    Reason.SUSPECTED_FRAUD: CardReason.REFUSED,
    Reason.AUTHENTICATION_FAILED: CardReason.NOT_CONFIRMED,
    Reason.WRONG_PIN: CardReason.NOT_CONFIRMED,
    Reason.AUTHENTICATION_REQUIRED: CardReason.CONFIRM,
    Reason.CANCELLED_BY_PAYER: CardReason.LEFT,
    Reason.TIMED_OUT: CardReason.TOO_LATE,
    Reason.BANK_UNAVAILABLE: CardReason.BANK_SILENT,
    Reason.APP_UNAVAILABLE: CardReason.TECHNICAL,
    Reason.NETWORK_UNAVAILABLE: CardReason.TECHNICAL,
    Reason.NOT_CREDITED: CardReason.OTHER_WAY,
    Reason.MERCHANT_REFUSED: CardReason.OTHER_WAY,
    Reason.AMOUNT_MISMATCH: CardReason.TECHNICAL,
    Reason.TECHNICAL: CardReason.TECHNICAL,
    Reason.NOT_RECEIVED: CardReason.TECHNICAL,
}
_BRANDS = {
    Brand.VISA: "Visa",
    Brand.MASTERCARD: "Mastercard",
    Brand.AMEX: "American Express",
    Brand.DISCOVER: "Discover",
    Brand.DINERS: "Diners Club",
    Brand.JCB: "JCB",
    Brand.UNIONPAY: "UnionPay",
    Brand.RUPAY: "RuPay",
    Brand.MAESTRO: "Maestro",
    Brand.UNKNOWN: "",
}
_LEAVABLE = (CardState.FORM, CardState.CHALLENGE)


def render_card_of(sight: Sight, state: CardState) -> str:
    """The page as HTML."""
    attempt, filled = sight.card_attempt, sight.filled
    leavable = state in _LEAVABLE
    challenged = state is CardState.CHALLENGE and attempt is not None
    return render_card(
        card_page.CardPage(
            visit=sight.visit,
            brand=brand_of(sight),
            invoice=invoice_of(sight),
            state=state,
            amount=sight.invoice.amount,
            form_url=sight.url(PAY_PATH, method=page.MethodKind.CARD),
            events_url=_events_url(sight, state),
            after=attempt.id if attempt else 0,
            problems=filled.problems if filled else {},
            expiry=filled.expiry if filled else "",
            holder=filled.holder if filled else "",
            reason=_reason(sight) if state is CardState.FORM and not filled else None,
            used=used_of(sight),
            pause=sight.pause,
            bank_url=attempt.link if challenged and attempt else None,
            goes_to_bank=sight.to_bank,
            another_url=_another_url(sight) if challenged else None,
            return_url=(
                return_url(sight, page.DoneState.PENDING) if state is CardState.RESERVED else None
            ),
            methods=methods_of(sight, but=page.MethodKind.CARD) if leavable else (),
            cancel_url=sight.url(CANCEL_PATH) if leavable else None,
            revision=sight.revision,
        )
    )


def used_of(sight: Sight) -> card_page.UsedCard | None:
    """All that is shown of the card that was used."""
    if sight.used is None:
        return None
    return card_page.UsedCard(brand=_BRANDS[sight.used.brand], last4=sight.used.last4)


def _events_url(sight: Sight, state: CardState) -> str:
    """The news of this very page: those who fill in a card are not told what they look away from."""
    if state is not CardState.FORM:
        return sight.url(EVENTS_PATH)
    more = {"another": sight.another} if sight.another else {}
    return sight.url(EVENTS_PATH, method=page.MethodKind.CARD, **more)


def _another_url(sight: Sight) -> str | None:
    """Where the payer fills in another card; a merchant who sent a card himself has no form for it."""
    attempt = sight.card_attempt
    if attempt is None or attempt.direct:
        return None
    return sight.url(PAGE_PATH, method=page.MethodKind.CARD, another=attempt.id)


def _reason(sight: Sight) -> CardReason | None:
    """Why the last card did not pay, if there was one."""
    attempt = sight.card_attempt
    if attempt is None or sight.another == attempt.id:
        return None
    if attempt.state is State.DECLINED:
        return REASONS[attempt.reason] if attempt.reason else CardReason.TECHNICAL
    if attempt.state in (State.EXPIRED, State.WAITING):
        return CardReason.TOO_LATE
    return None
