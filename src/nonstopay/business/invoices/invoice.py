"""The invoice: what a merchant asks a payer for, and the words the contract uses for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from nonstopay.business.invoices.states import State
from nonstopay.money import Money


@dataclass(frozen=True, slots=True)
class Method:
    """A way to pay: its name in the contract and the currencies an invoice may have for it."""

    name: str
    currencies: frozenset[str]


CARD = Method("CARD", frozenset({"USD", "EUR", "GBP", "INR", "ZAR"}))
UPI = Method("UPI", frozenset({"USD"}))
CRYPTO = Method("CRYPTO", frozenset({"USD"}))
NFT = Method("NFT", frozenset({"USD"}))
METHODS = {method.name: method for method in (CARD, UPI, CRYPTO)}

LIFETIME = timedelta(days=14)
"""CREATED or OPENED for longer than this is EXPIRED (the contract, statuses)."""


class NewInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice that passed every check and waits to be written: made often, so cheap to make.

    Attributes:
        method: the one the merchant chose, or `None` for the payer's choice.
        direct: server to server: the merchant shows the payment himself.
        callback_json: the merchant's own JSON text, sent back unchanged.
        payer: what the merchant told of the payer, as JSON text, without identity numbers.
        idempotency_key, fields: the caller's key and the keyed digests of his parameters.
        solution: the provider that the merchant named, or `None` for ours to choose.
    """

    merchant_id: int
    currency: str
    amount_minor: int
    email: str
    method: str | None
    direct: bool
    success_url: str | None
    cancel_url: str | None
    pending_url: str | None
    failure_url: str | None
    callback_json: str | None
    payer: str | None
    personal_id_sealed: bytes | None
    payer_ip: str | None
    payer_country: str | None
    idempotency_key: str | None
    fields: str | None
    solution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice as it stands.

    Attributes:
        solution: the provider that the merchant named, if he did.
        charged: what the payer paid in his rail's currency.
        credited: what that is in the invoice's; less than its amount where a part was captured, or less
            or more came by crypto.
        settled, tx_hash: what it was worth in the merchant's coin, and the transfer that brought it.
    """

    id: int
    merchant_id: int
    state: State
    version: int
    amount: Money
    email: str
    created_at: datetime
    state_at: datetime
    method: str | None
    direct: bool
    success_url: str | None
    cancel_url: str | None
    pending_url: str | None
    failure_url: str | None
    callback_json: str | None
    payer_ip: str | None
    payer_country: str | None
    charged: Money | None
    credited: Money | None
    fee: Money | None
    paid_at: datetime | None
    settled: Money | None = None
    tx_hash: str | None = None
    solution: str | None = None

    @property
    def expires_at(self) -> datetime:
        return self.created_at + LIFETIME

    @property
    def net(self) -> Money | None:
        """What is left for the merchant after the fee, once paid."""
        if self.fee is None:
            return None
        return (self.credited or self.amount) - self.fee


def identity_context(merchant_id: int) -> str:
    """What a payer's identity number is sealed for: it opens for no other merchant."""
    return f"personal-id:{merchant_id}"


STATUS = {state: f"invoice:{state}" for state in State}
"""How the contract writes a state."""

LABEL = {
    State.CREATED: "CREATED",
    State.OPENED: "OPENED",
    State.AWAITING_APPROVAL: "WAITING SETTLEMENT",
    State.PAID: "PAID",
    State.FAILED: "FAILED",
    State.EXPIRED: "EXPIRED",
    State.CHARGEBACK: "CHARGEBACK",
    State.WITHHELD: "WITHHELD",
}
"""How the contract labels a state in the history."""

DESCRIPTION = {
    State.CREATED: "The invoice has been created",
    State.OPENED: "The payer is on the payment page",
    State.AWAITING_APPROVAL: "The payment succeeded and is waiting for settlement",
    State.PAID: "Payment of the invoice has been made successfully",
    State.FAILED: "The payment failed",
    State.EXPIRED: "The invoice expired without a payment",
    State.CHARGEBACK: "The payer's bank took the money back",
    State.WITHHELD: "The money is held",
}
