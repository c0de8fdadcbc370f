"""From an attempt by crypto, or the wish to make one, to the page that the payer sees."""

from nonstopay.business.invoices.invoice import CRYPTO
from nonstopay.business.payments.crypto.standing import Standing
from nonstopay.connectors.crypto.networks import Network
from nonstopay.web.checkout import page
from nonstopay.web.checkout.coins import usual_seconds
from nonstopay.web.checkout.crypto_page import (
    CoinsPage,
    CryptoPage,
    CryptoState,
    Late,
    Over,
    Policy,
    Under,
)
from nonstopay.web.checkout.crypto_render import render_coins, render_crypto
from nonstopay.web.checkout.remains import Fate, Refund, Remains, Stray
from nonstopay.web.checkout.sight import (
    CANCEL_PATH,
    EVENTS_PATH,
    LEAVABLE,
    NEW_QR_PATH,
    PAGE_PATH,
    PAY_PATH,
    REFUND_PATH,
    Sight,
    brand_of,
    invoice_of,
    methods_of,
)


def render_crypto_of(sight: Sight, state: CryptoState) -> str:
    """The page as HTML."""
    standing = sight.crypto
    if state is CryptoState.COINS or standing is None:
        return _coins(sight)
    attempt, leavable = standing.payment, state in LEAVABLE
    return render_crypto(
        CryptoPage(
            visit=sight.visit,
            brand=brand_of(sight),
            invoice=invoice_of(sight),
            state=state,
            asked=standing.asked,
            received=standing.received,
            coming=standing.coming,
            missing=standing.missing,
            network=standing.network.title,
            address=standing.address,
            uri=standing.uri,
            gas=_gas(standing.network, standing.coin.ticker),
            locked_until=standing.ends,
            lock_seconds=int((standing.ends - attempt.started_at).total_seconds()),
            rate=standing.rate,
            rate_source=standing.rate_source,
            rate_at=standing.rate_at,
            confirmations=standing.confirmations,
            needed=standing.needed,
            usual_seconds=usual_seconds(standing.network, sight.invoice.amount),
            events_url=sight.url(EVENTS_PATH),
            coins_url=_coins_url(sight) if leavable else None,
            new_url=_new_url(sight, standing) if leavable else None,
            same_address=sight.same_address,
            policy=_policy(sight, standing),
            remains=remains_of(sight),
            methods=methods_of(sight, but=page.MethodKind.CRYPTO) if leavable else (),
            cancel_url=sight.url(CANCEL_PATH) if leavable else None,
            revision=sight.revision,
        )
    )


def remains_of(sight: Sight) -> Remains:
    """What the attempt left behind, or an earlier one."""
    standing, left = sight.crypto, sight.crypto_facts.left
    earlier = _refund(sight, left) if left else None
    if standing is None:
        return Remains(refund=earlier)
    own = _refund(sight, standing)
    shown = left.coin.currency if left and own is None else None
    return Remains(
        over=standing.over if standing.over.minor and own is None else None,
        is_late=standing.is_late,
        strays=tuple(
            Stray(amount=one.amount, network=one.network.title, fate=Fate(one.fate))
            for one in standing.strays
            if one.amount is None or one.amount.currency != shown
        ),
        refund=own or earlier,
    )


def _coins(sight: Sight) -> str:
    before = sight.crypto
    others = [name for name in sight.offered if name != CRYPTO.name]
    return render_coins(
        CoinsPage(
            visit=sight.visit,
            brand=brand_of(sight),
            invoice=invoice_of(sight),
            choices=sight.crypto_facts.choices,
            form_url=sight.url(PAY_PATH, method=page.MethodKind.CRYPTO),
            back_url=sight.url(PAGE_PATH) if before else None,
            unanswered=sight.unanswered,
            others_url=sight.url(PAGE_PATH) if others and not before else None,
            cancel_url=sight.url(CANCEL_PATH),
        )
    )


def _coins_url(sight: Sight) -> str | None:
    attempt = sight.payment
    if attempt is None or attempt.direct:
        return None
    return sight.url(PAGE_PATH, method=page.MethodKind.CRYPTO, another=attempt.id)


def _new_url(sight: Sight, standing: Standing) -> str:
    """Where the payer gets a new amount in the same coin."""
    return sight.url(NEW_QR_PATH, after=standing.payment.id, coin=standing.coin.name)


def _refund(sight: Sight, standing: Standing) -> Refund | None:
    network, wrong = standing.network.title, sight.named
    if standing.refundable is None:
        address = standing.refund_address
        return (
            Refund(amount=None, network=network, form_url=None, address=address)
            if address
            else None
        )
    return Refund(
        amount=standing.refundable,
        network=network,
        form_url=sight.url(REFUND_PATH, payment=standing.payment.id),
        address=wrong.address if wrong else "",
        problem=wrong.problem if wrong else None,
    )


def _policy(sight: Sight, standing: Standing) -> Policy:
    told = standing.policy
    late = Late(sight.merchant.late_success)
    return Policy(under=Under(told.under), over=Over(told.over), late=late)


def _gas(network: Network, ticker: str) -> str:
    """The coin that fees are paid in, if it is another one than is sent."""
    native = network.native
    return native.ticker if native and native.ticker != ticker else ""
