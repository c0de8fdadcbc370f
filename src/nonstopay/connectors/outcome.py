"""What a connector reports: one vocabulary for every provider and rail.

A connector translates a provider's words into an `Outcome` and decides nothing. A time-out, a 500 or
a word that is not in the provider's documents is `UNKNOWN`, never `DECLINED`: unknown money is asked
about until it is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from nonstopay import clock
from nonstopay.money import Money

DETAIL_MAX = 200


class Kind(StrEnum):
    """What happened to a payment, as far as the provider says."""

    WAITING = "waiting"
    """The provider knows the order and waits for the payer."""
    PROCESSING = "processing"
    """The payer has acted; the banks have not finished."""
    AUTHORISED = "authorised"
    """The money is reserved on the payer's card, and can be captured or let go."""
    CAPTURED = "captured"
    """The money is the provider's to hand on to us."""
    CAPTURE_REFUSED = "capture_refused"
    """A part of what is reserved was not taken, for good."""
    VOIDED = "voided"
    """What was reserved and not taken was let go."""
    VOID_REFUSED = "void_refused"
    """It can no longer be let go: taken already, or over."""
    DECLINED = "declined"
    """A try was refused, with a reason. The same order may still succeed later."""
    EXPIRED = "expired"
    """The order ended unpaid and can no longer be paid, says the provider."""
    UNKNOWN = "unknown"
    """Nobody can say yet. Ask again; never pay or refund twice on it."""
    REFUNDED = "refunded"
    """A refund was carried out."""
    REFUND_REFUSED = "refund_refused"
    """A refund was refused for good."""
    DISPUTED = "disputed"
    """The payer's bank wants the money back, or news of that: see `Outcome.dispute`."""


class Reason(StrEnum):
    """Why a try was refused: one taxonomy over all providers. What to do about it: `ADVICE`."""

    WRONG_PIN = "wrong_pin"
    PIN_LOCKED = "pin_locked"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    LIMIT_EXCEEDED = "limit_exceeded"
    ACCOUNT_UNUSABLE = "account_unusable"
    DECLINED_BY_BANK = "declined_by_bank"
    SUSPECTED_FRAUD = "suspected_fraud"
    CANCELLED_BY_PAYER = "cancelled_by_payer"
    TIMED_OUT = "timed_out"
    BANK_UNAVAILABLE = "bank_unavailable"
    APP_UNAVAILABLE = "app_unavailable"
    NETWORK_UNAVAILABLE = "network_unavailable"
    NOT_CREDITED = "not_credited"
    MERCHANT_REFUSED = "merchant_refused"
    AMOUNT_MISMATCH = "amount_mismatch"
    TECHNICAL = "technical"
    EXPIRED_CARD = "expired_card"
    WRONG_CODE = "wrong_code"
    WRONG_CARD_DETAILS = "wrong_card_details"
    LOST_OR_STOLEN = "lost_or_stolen"
    CARD_NOT_SUPPORTED = "card_not_supported"
    AUTHENTICATION_FAILED = "authentication_failed"
    AUTHENTICATION_REQUIRED = "authentication_required"
    DO_NOT_TRY_AGAIN = "do_not_try_again"
    NOT_RECEIVED = "not_received"


class Source(StrEnum):
    """At whose desk a try failed."""

    PAYER = "payer"
    APP = "app"
    """The payer's UPI app and the bank behind it."""
    BANK = "bank"
    """The bank that holds the payer's account."""
    NETWORK = "network"
    """NPCI's switch."""
    ACQUIRER = "acquirer"
    """The bank that holds the merchant's account."""
    PROVIDER = "provider"
    MERCHANT = "merchant"
    US = "us"


class Step(StrEnum):
    """How far a try got. Before `DEBIT` nothing has left the payer's account."""

    INITIATION = "initiation"
    AUTHENTICATION = "authentication"
    AUTHORISATION = "authorisation"
    DEBIT = "debit"
    CREDIT = "credit"
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class Failure:
    """What a code of a provider or of the network means."""

    reason: Reason
    source: Source
    step: Step


def failures(table: str) -> Mapping[str, Failure]:
    """A table of codes: each line `reason source step: code code …`; an indented one goes on."""
    found: dict[str, Failure] = {}
    for line in table.replace("\n    ", " ").strip().splitlines():
        meaning, _, codes = line.partition(":")
        reason, source, step = meaning.split()
        failure = Failure(Reason(reason), Source(source), Step(step))
        found.update(dict.fromkeys(codes.split(), failure))
    return MappingProxyType(found)


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about a reason.

    Attributes:
        merchant: a sentence for the merchant's people; payers read the payment page's own words.
        again: whether the same try may well succeed if it is simply made again.
    """

    merchant: str
    again: bool


ADVICE: Mapping[Reason, Advice] = MappingProxyType(
    {
        Reason.WRONG_PIN: Advice("The payer mistyped the UPI PIN.", True),
        Reason.PIN_LOCKED: Advice(
            "The payer's PIN is locked or was never set; it takes a day, or another account.", False
        ),
        Reason.INSUFFICIENT_FUNDS: Advice("The account did not hold enough.", False),
        Reason.LIMIT_EXCEEDED: Advice(
            "A limit of the payer's bank or of the merchant category was reached.", False
        ),
        Reason.ACCOUNT_UNUSABLE: Advice(
            "The payer's account is closed, blocked, dormant or not enabled for UPI.", False
        ),
        Reason.DECLINED_BY_BANK: Advice(
            "The payer's bank refused and says why to him alone.", False
        ),
        Reason.SUSPECTED_FRAUD: Advice(
            "A risk check refused. Do not ask the payer to try again and again.", False
        ),
        Reason.CANCELLED_BY_PAYER: Advice("The payer cancelled in the app.", True),
        Reason.TIMED_OUT: Advice("The payer did not approve in time.", True),
        Reason.BANK_UNAVAILABLE: Advice("The payer's bank did not answer.", True),
        Reason.APP_UNAVAILABLE: Advice("The payer's UPI app failed; another app may work.", True),
        Reason.NETWORK_UNAVAILABLE: Advice("NPCI's network failed.", True),
        Reason.NOT_CREDITED: Advice(
            "The merchant's bank could not take the money; what was debited goes back.", True
        ),
        Reason.MERCHANT_REFUSED: Advice(
            "The merchant's own set-up at the provider does not allow it: ask the provider.", False
        ),
        Reason.AMOUNT_MISMATCH: Advice("The app asked for another amount than the order's.", True),
        Reason.TECHNICAL: Advice("Something failed between the parties.", True),
        Reason.EXPIRED_CARD: Advice("The card has expired.", False),
        Reason.WRONG_CODE: Advice("The payer mistyped the card code.", True),
        Reason.WRONG_CARD_DETAILS: Advice("The payer mistyped the number or the expiry.", True),
        Reason.LOST_OR_STOLEN: Advice(
            "The card is reported lost or stolen. Tell the payer no more than that it was refused.",
            False,
        ),
        Reason.CARD_NOT_SUPPORTED: Advice(
            "The card cannot be used for this kind of payment or in this currency.", False
        ),
        Reason.AUTHENTICATION_FAILED: Advice(
            "The payer did not prove to his bank that the card is his.", True
        ),
        Reason.AUTHENTICATION_REQUIRED: Advice(
            "The payer's bank wants 3-D Secure for this payment.", True
        ),
        Reason.DO_NOT_TRY_AGAIN: Advice(
            "The scheme forbids trying this card again (Visa and Mastercard fine repeats).", False
        ),
        Reason.NOT_RECEIVED: Advice("The provider never heard of the payment.", True),
    }
)


class DisputeStage(StrEnum):
    """How far the payer's bank went to have the money back, or how it ended."""

    INQUIRY = "inquiry"
    """The bank asks; no money has moved."""
    CHARGEBACK = "chargeback"
    """The money was taken back."""
    PRE_ARBITRATION = "pre_arbitration"
    """We had won it back, and the bank insists."""
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeNews:
    """News of a dispute.

    Attributes:
        reference: the provider's id of the dispute: all its stages carry it.
        reason: the scheme's reason code, as the provider writes it (`10.4`, `fraudulent`).
        answer_by: until when evidence is taken.
    """

    reference: str
    stage: DisputeStage
    reason: str = ""
    answer_by: datetime | None = None


class Authentication(StrEnum):
    """How 3-D Secure went, in the terms of EMV 3DS."""

    NONE = "none"
    FRICTIONLESS = "frictionless"
    CHALLENGED = "challenged"
    ATTEMPTED = "attempted"
    """The issuer takes no part; the scheme stands in."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One report on one order.

    Attributes:
        kind: what happened.
        at: when, by the provider's clock if it says so, else by ours (UTC).
        amount: the money it speaks of; always given with CAPTURED and REFUNDED, and compared by the
            core with what was asked.
        left: with CAPTURED, what is still reserved and can be taken, if the provider says so.
        reason: with DECLINED.
        source, step: with DECLINED, at whose desk it failed and how far it got, if that is known.
        provider_reference: the provider's own id of the order or refund.
        network_reference: the network's id of the transfer (UPI: the 12-digit UTR/RRN).
        link: with WAITING, what the payer opens (UPI: the `upi://pay?…` link; card: 3-D Secure).
        dispute: with DISPUTED; `amount` is what is disputed.
        authentication: how 3-D Secure went, if the provider says so.
        detail: the provider's own code, for people who look into it; never card data.
    """

    kind: Kind
    at: datetime
    amount: Money | None = None
    left: Money | None = None
    reason: Reason | None = None
    source: Source | None = None
    step: Step | None = None
    provider_reference: str | None = None
    network_reference: str | None = None
    link: str | None = None
    dispute: DisputeNews | None = None
    authentication: Authentication | None = None
    detail: str = ""


def unknown(detail: str, provider_reference: str | None = None) -> Outcome:
    """Nobody can say; `detail` says why, for people."""
    return Outcome(
        kind=Kind.UNKNOWN,
        at=clock.now(),
        provider_reference=provider_reference,
        detail=detail[:DETAIL_MAX],
    )
