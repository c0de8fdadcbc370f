"""How it stands with a payment by crypto: what the payer sees, and the merchant who shows it himself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from nonstopay.business.deposits import records as deposit_records
from nonstopay.business.deposits.chains import Chains, family_of
from nonstopay.business.deposits.deposit import Deposit
from nonstopay.business.deposits.states import State as DepositState
from nonstopay.business.invoices.invoice import CRYPTO
from nonstopay.business.payments import records
from nonstopay.business.payments.crypto import records as crypto
from nonstopay.business.payments.crypto.policy import Policy, deadline
from nonstopay.business.payments.crypto.tally import Tally, assign, tally
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.states import State
from nonstopay.connectors.crypto import payment_uri
from nonstopay.connectors.crypto.networks import Coin, Network
from nonstopay.errors import NotFound
from nonstopay.money import Money
from nonstopay.store.db import Connection, Database

CREDITED, WAITING, REFUNDABLE, IGNORED = "credited", "waiting", "refundable", "ignored"


@dataclass(frozen=True, slots=True)
class Stray:
    """A transfer that was not asked for; `fate` is a word of the four above.

    `amount` is `None` for a token that nobody vouches for.
    """

    network: Network
    amount: Money | None
    fate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands.

    Attributes:
        asked, received, coming, missing, over: what was asked; what is sure; what is seen and not sure
            yet; what is still to be sent; what came beyond that.
        confirmations, needed: of the transfer that is furthest from sure; zero if none is coming.
        uri: what a wallet reads, for what is missing.
        ends: until when the rest may be sent.
        refundable: what the payer may have back, once he names an address.
        refund_address: the one that he named.
    """

    payment: Payment
    coin: Coin
    network: Network
    address: str
    asked: Money
    received: Money
    coming: Money
    missing: Money
    over: Money
    confirmations: int
    needed: int
    uri: str | None
    ends: datetime
    expires_at: datetime
    rate: Decimal
    rate_source: str
    rate_at: datetime
    strays: tuple[Stray, ...]
    refundable: Money | None
    refund_address: str | None
    is_late: bool
    policy: Policy


async def standing(db: Database, rails: Rails, chains: Chains, payment: Payment) -> Standing:
    """How it stands with a payment by crypto.

    Raises:
        NotFound: it is none, or its coin is not in our table any more.
    """
    if payment.method != CRYPTO.name:
        raise NotFound(f"payment {payment.id} is not by crypto")
    coin = chains.coin(payment.charged.currency.code)
    network = chains.network(coin.network)
    async with db.reading() as conn:
        payments = await records.of_invoice(
            conn, payment.merchant_id, payment.invoice_id, CRYPTO.name
        )
        deposits = await deposit_records.of_invoice(conn, payment.merchant_id, payment.invoice_id)
        addresses = await deposit_records.addresses_of(
            conn, payment.merchant_id, payment.invoice_id
        )
        of, strays = assign(payments, deposits)
        refunds = await crypto.refunds(conn, payment.merchant_id, payment.invoice_id)
        came = tally(payment, of[payment.id], refunds)
        refundable = await _left(conn, payment, came)
        named = [one.address for one in refunds if one.payment_id == payment.id]
        policy = await crypto.policy(conn, payment.merchant_id)
    address = addresses[family_of(network)].address
    nothing = Money(0, coin.currency)
    missing = max(payment.charged - came.received - came.coming, nothing)
    ends = deadline(payment, came, rails.coin_lifetime)
    elsewhere = [one for other in payments if other.id != payment.id for one in of[other.id]]
    return Standing(
        payment=payment,
        coin=coin,
        network=network,
        address=address,
        asked=payment.charged,
        received=came.received,
        coming=came.coming,
        missing=missing,
        over=max(came.received - payment.charged, nothing),
        confirmations=came.confirmations,
        needed=came.needed,
        uri=payment_uri.write(network, coin, address, missing) if missing.minor else None,
        ends=ends,
        expires_at=payment.expires_at,
        rate=payment.rate,
        rate_source=payment.rate_source,
        rate_at=payment.rate_at,
        strays=_strays(chains, [*strays, *elsewhere], payments),
        refundable=refundable,
        refund_address=named[-1] if named else None,
        is_late=any(seen_at > ends for seen_at in came.seen_at),
        policy=policy,
    )


async def refundable_of(conn: Connection, merchant_id: int, payment_id: int) -> Money | None:
    """What the payer may have back of a payment as it stands now; `None` if nothing."""
    payment = await records.find(conn, merchant_id, payment_id)
    if payment is None:
        return None
    payments = await records.of_invoice(conn, merchant_id, payment.invoice_id, CRYPTO.name)
    deposits = await deposit_records.of_invoice(conn, merchant_id, payment.invoice_id)
    of, _ = assign(payments, deposits)
    refunds = await crypto.refunds(conn, merchant_id, payment.invoice_id)
    return await _left(conn, payment, tally(payment, of[payment.id], refunds))


async def _left(conn: Connection, payment: Payment, came: Tally) -> Money | None:
    if payment.state not in (State.CAPTURED, State.EXPIRED):
        return None
    taken = await crypto.accepted(conn, payment.merchant_id, payment.id)
    left = came.received - Money(taken, payment.charged.currency)
    return left if left.minor > 0 else None


def _strays(
    chains: Chains, deposits: Sequence[Deposit], payments: Sequence[Payment]
) -> tuple[Stray, ...]:
    states = {payment.charged.currency.code: payment.state for payment in payments}
    return tuple(
        Stray(
            chains.network(one.network),
            one.amount if one.coin else None,
            _fate(one, states.get(one.coin)),
        )
        for one in deposits
        if one.state is not DepositState.GONE
    )


def _fate(deposit: Deposit, state: State | None) -> str:
    if deposit.state is DepositState.IGNORED:
        return IGNORED
    if state is State.CAPTURED:
        return CREDITED
    return WAITING if deposit.state is DepositState.SEEN else REFUNDABLE
