"""What is there to be shown: an invoice, the attempt that counts for it, and what the payer wants."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from urllib.parse import urlencode

from nonstopay.business.deposits.chains import Chains, family_of
from nonstopay.business.invoices.invoice import CARD, CRYPTO, UPI, Invoice
from nonstopay.business.invoices.states import PAYABLE
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments.cards.attempt import UsedCard
from nonstopay.business.payments.crypto.standing import Standing as CryptoStanding
from nonstopay.business.payments.health.health import Standing
from nonstopay.business.payments.health.states import State as Health
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.states import IN_DOUBT, State
from nonstopay.money import Money
from nonstopay.web.checkout import page
from nonstopay.web.checkout.card_form import Filled
from nonstopay.web.checkout.card_page import CardState, Pause
from nonstopay.web.checkout.crypto_facts import CryptoFacts
from nonstopay.web.checkout.crypto_page import CryptoState
from nonstopay.web.checkout.refund_form import Named

PAGE_PATH = "/widget/sale/create/"
PAY_PATH = "/widget/sale/pay/"
NEW_QR_PATH = "/widget/sale/new-qr/"
CANCEL_PATH = "/widget/sale/cancel/"
EVENTS_PATH = "/widget/sale/events/"
RETURN_PATH = "/widget/sale/return/"
REFUND_PATH = "/widget/sale/refund/"
LANDING_PATH = "/service/pay/{outcome}/"

MONEY_GOES_BACK = frozenset({State.RETURNING, State.RETURNED})
DONE_STATES = {
    InvoiceState.AWAITING_APPROVAL: page.DoneState.PAID,
    InvoiceState.PAID: page.DoneState.PAID,
    InvoiceState.FAILED: page.DoneState.FAILED,
    InvoiceState.EXPIRED: page.DoneState.EXPIRED,
    InvoiceState.CHARGEBACK: page.DoneState.CHARGED_BACK,
    InvoiceState.WITHHELD: page.DoneState.WITHHELD,
}
UPI_STATES = {
    State.WAITING: page.UpiState.WAITING,
    State.PROCESSING: page.UpiState.PROCESSING,
    State.UNKNOWN: page.UpiState.UNKNOWN,
    State.DECLINED: page.UpiState.DECLINED,
    State.EXPIRED: page.UpiState.EXPIRED,
}
LEAVABLE = (CryptoState.WAITING, CryptoState.EXPIRED)
"""Nothing has come by crypto: another coin, another method, or no payment at all."""
_OFFERED = (page.UpiState.WAITING, page.UpiState.DECLINED)
_CARD_STATES = {
    State.STARTING: CardState.CHECKING,
    State.WAITING: CardState.CHALLENGE,
    State.PROCESSING: CardState.PROCESSING,
    State.UNKNOWN: CardState.UNKNOWN,
    State.AUTHORISED: CardState.RESERVED,
    State.VOIDING: CardState.RELEASING,
}
_TROUBLES = {
    Health.HEALTHY: None,
    Health.DEGRADED: page.Trouble.DEGRADED,
    Health.PROBING: page.Trouble.DEGRADED,
    Health.DOWN: page.Trouble.DOWN,
}


class Scene(Enum):
    """Which page it is."""

    DONE = auto()
    LEFT = auto()
    GOES_BACK = auto()
    CARD = auto()
    CRYPTO = auto()
    UPI = auto()
    CHOOSE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything a page is made of.

    Attributes:
        token: the payer's, for the addresses on the page.
        public_url: for absolute addresses of our own landing pages.
        standing: how well the ways to pay work just now.
        returned: what came of the payment, if it is given back.
        cancelled: the payer chose to leave.
        unanswered: he chose a method, and its provider did not answer.
        again: what he paid goes back, and he wants to pay once more.
        used: with what card the payment was made.
        by_card: he wants to pay by card.
        another: the attempt that he leaves for another card, or for another coin.
        to_bank: he just sent the form, and is to go on to 3-D Secure.
        filled: the form as he sent it, if something is wrong with it.
        pause: too many cards were refused.
        crypto_facts: what there is of crypto.
        by_crypto: he wants to pay by crypto.
        same_address: he just chose another coin, and the address did not change.
        named: the address he wants his money back to, if something is wrong with it.
    """

    visit: page.Visit
    token: str
    public_url: str
    merchant: Merchant
    invoice: Invoice
    payment: Payment | None
    rails: Rails
    standing: Standing = field(default_factory=Standing)
    returned: Money | None = None
    cancelled: bool = False
    unanswered: bool = False
    again: bool = False
    used: UsedCard | None = None
    by_card: bool = False
    another: int = 0
    to_bank: bool = False
    filled: Filled | None = None
    pause: Pause | None = None
    crypto_facts: CryptoFacts = field(default_factory=CryptoFacts)
    by_crypto: bool = False
    same_address: bool = False
    named: Named | None = None

    @property
    def scene(self) -> Scene:
        """Which page the payer sees."""
        payment = self.payment
        if self.invoice.state not in PAYABLE:
            return Scene.DONE
        if self.cancelled:
            return Scene.LEFT
        if payment is not None and payment.state in MONEY_GOES_BACK and not self.again:
            return Scene.GOES_BACK
        if self.crypto_state is not None:
            return Scene.CRYPTO
        if self.card_state is not None:
            return Scene.CARD
        by_upi = payment is not None and payment.method == UPI.name
        if payment is not None and by_upi and payment.state in UPI_STATES and payment.link:
            return Scene.UPI
        return Scene.CHOOSE

    @property
    def card_state(self) -> CardState | None:
        """How it stands with paying by card, if that is how the payer pays or wants to."""
        attempt = self.card_attempt
        state = _CARD_STATES.get(attempt.state) if attempt else None
        if state is CardState.CHALLENGE and attempt is not None:
            left = self.another == attempt.id or attempt.expires_at <= self.visit.now
            return CardState.FORM if left else state
        if state is not None:
            return state
        offered = self.offered
        if self.is_in_doubt or self.by_crypto or CARD.name not in offered:
            return None
        wanted = self.by_card or attempt is not None or offered == [CARD.name]
        return CardState.FORM if wanted else None

    @property
    def crypto(self) -> CryptoStanding | None:
        """How it stands with the attempt that counts, if it is one by crypto."""
        return self.crypto_facts.current

    @property
    def crypto_state(self) -> CryptoState | None:
        """How it stands with paying by crypto, if that is how the payer pays or wants to."""
        standing = self.crypto
        if standing is not None:
            frozen = self.crypto_facts.is_frozen
            state = CryptoState.CHECKING if frozen else _crypto_state(standing, self.visit.now)
            leaves = self.by_card or (self.by_crypto and self.another == standing.payment.id)
            if state not in LEAVABLE or not leaves:
                return state
        offered = self.offered
        wanted = self.by_crypto or offered == [CRYPTO.name]
        may_begin = wanted and CRYPTO.name in offered and not self.is_in_doubt
        return CryptoState.COINS if may_begin else None

    def has_same_address(self, chains: Chains, coin: str) -> bool:
        """Whether the payer who takes this coin instead of the one before keeps his address."""
        if self.crypto is None or self.crypto.coin.name == coin:
            return False
        networks = (self.crypto.network, chains.network(chains.coin(coin).network))
        return len({family_of(network) for network in networks}) == 1

    @property
    def is_in_doubt(self) -> bool:
        """Whether the payer may have paid: no second payment is begun."""
        return self.payment is not None and self.payment.state in IN_DOUBT

    @property
    def awaited_network(self) -> str | None:
        """The chain whose next block is news for this page."""
        waits = self.crypto is not None and self.crypto.needed > 0
        return self.crypto.network.name if waits and self.crypto else None

    @property
    def card_attempt(self) -> Payment | None:
        """The attempt that counts, if it is one by card."""
        by_card = self.payment is not None and self.payment.method == CARD.name
        return self.payment if by_card else None

    @property
    def offered(self) -> list[str]:
        """The names of the methods that the payer may use for this invoice."""
        here = self.rails.methods(self.merchant, self.invoice.amount.currency.code)
        return [name for name in here if self.invoice.method in (None, name)]

    def may_pay_by(self, name: str) -> bool:
        """Whether the payer may begin with this method now: it is offered, and no card is in doubt."""
        settled = self.card_state in (None, CardState.FORM, CardState.CHALLENGE)
        free = self.crypto_state in (None, CryptoState.COINS, *LEAVABLE)
        return settled and free and name in self.offered

    @property
    def revision(self) -> str:
        """It changes whenever the page would; while a card is filled in, only with a new attempt."""
        paid = self.payment
        if self.card_state is CardState.FORM and self.scene is Scene.CARD:
            return str(self.card_attempt.id if self.card_attempt else 0)
        parts = [self.invoice.version, paid.id if paid else 0, paid.version if paid else 0]
        if (came := self.crypto) is not None:
            parts += [came.confirmations, came.received.minor, came.coming.minor, len(came.strays)]
        return ".".join(str(part) for part in parts)

    @property
    def shown(self) -> str:
        """The word for what is shown, as the live news calls it."""
        scene = self.scene
        if scene is Scene.DONE:
            return DONE_STATES[self.invoice.state].value
        if scene is Scene.GOES_BACK:
            return page.DoneState.REFUNDED.value
        if scene is Scene.LEFT:
            return page.DoneState.CANCELLED.value
        if scene is Scene.CRYPTO and self.crypto_state is not None:
            return self.crypto_state.value
        if scene is Scene.CARD and self.card_state is not None:
            return self.card_state.value
        if scene is Scene.UPI and self.payment is not None:
            late = self.payment.expires_at <= self.visit.now
            state = UPI_STATES[self.payment.state]
            return page.UpiState.EXPIRED.value if late and state in _OFFERED else state.value
        return "choose"

    def url(self, path: str, **more: str | int) -> str:
        return f"{path}?{urlencode({'token': self.token, **more})}"


def _crypto_state(standing: CryptoStanding, now: datetime) -> CryptoState:
    """What to show of an attempt by crypto: what came counts for more than what we call it."""
    came = standing.received + standing.coming
    if came.minor and standing.policy.is_enough(came, standing.asked):
        return CryptoState.SEEN
    is_over = standing.payment.state is State.EXPIRED or standing.ends <= now
    if is_over and not standing.coming.minor:
        return CryptoState.EXPIRED
    return CryptoState.SHORT if came.minor else CryptoState.WAITING


def brand_of(sight: Sight) -> page.Brand:
    return page.Brand(merchant=sight.merchant.name)


def invoice_of(sight: Sight) -> page.Invoice:
    return page.Invoice(
        number=str(sight.invoice.id),
        amount=sight.invoice.amount,
        valid_until=sight.invoice.expires_at,
    )


def methods_of(sight: Sight, *, but: page.MethodKind | None = None) -> list[page.Method]:
    """The methods the payer may choose: the merchant's choice for this invoice, or all that are on.

    Those that work come first. What is down is shown only if there is nothing else.
    """
    found = [_method(sight, name) for name in sight.offered]
    usable = [method for method in found if method.trouble is not page.Trouble.DOWN]
    ordered = sorted(usable or found, key=lambda method: method.trouble is not None)
    return [method for method in ordered if method.kind is not but]


def _method(sight: Sight, name: str) -> page.Method:
    kind = page.MethodKind(name.lower())
    by_link = kind in (page.MethodKind.CARD, page.MethodKind.CRYPTO)
    return page.Method(
        kind=kind,
        url=sight.url(PAGE_PATH if by_link else PAY_PATH, method=kind),
        by_link=by_link,
        trouble=_TROUBLES[sight.standing.of(name, sight.rails.solutions(name))],
    )


def return_url(sight: Sight, state: page.DoneState) -> str:
    """The merchant's address for this end, or our own landing page."""
    invoice = sight.invoice
    outcome, merchants = {
        page.DoneState.PAID: ("success", invoice.success_url),
        page.DoneState.CANCELLED: ("cancel", invoice.cancel_url),
        page.DoneState.PENDING: ("pending", invoice.pending_url),
        page.DoneState.WITHHELD: ("pending", invoice.pending_url),
    }.get(state, ("failure", invoice.failure_url))
    return merchants or sight.public_url + LANDING_PATH.format(outcome=outcome)
