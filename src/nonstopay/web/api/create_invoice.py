"""POST /api/btn-create-invoice/get/: the contract's parameters, checked in its order."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any, TypeGuard

import msgspec

from nonstopay import money
from nonstopay.business.invoices.invoice import CARD, CRYPTO, METHODS, NFT, UPI, Method, NewInvoice
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.errors import InvalidAmount
from nonstopay.web.api import errors
from nonstopay.web.api.errors import ContractError, invalid
from nonstopay.web.api.parameters import NumberText, Parameters, plain_text, read_json

CALLBACK_BYTES_MAX = 16 * 1024
TEXT_MAX = 200
URL_MAX = 2048
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_URL = re.compile(
    r"https?://(?:[^\s/?#@:\\\[\]\x00-\x20\x7f\"<>]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?#][^\s\\\x00-\x20\x7f\"<>]*)?"
)
_PERSONAL_ID = re.compile(r"[0-9]{11}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_URLS = ("success_url", "cancel_url", "pending_url", "failure_url")
_PAYER_TEXTS = ("name", "phone", "address1", "address2", "city", "state", "postcode")


def read_new_invoice(
    parameters: Parameters,
    merchant: Merchant,
    *,
    available: Callable[[Merchant, str], list[str]],
    callback: Callable[[], str],
    seal: Callable[[str], bytes],
) -> NewInvoice:
    """Check the parameters in the order of the document.

    Args:
        available: the methods a merchant's payers can use in a currency.
        callback: the text of `callbackJson` to the letter.
        seal: encrypts an identity number for keeping.

    Raises:
        ContractError: the first check that fails.
    """
    email = _required(parameters, "email", errors.EMAIL_REQUIRED)
    amount = _required(parameters, "amount", errors.AMOUNT_REQUIRED)
    devise = _required(parameters, "devise", errors.DEVISE_REQUIRED)
    email = _email(email)
    method = _method(parameters)
    currency = _currency(devise, method, merchant)
    minor = _amount(amount, currency, merchant)
    success, cancel, pending, failure = (_url(parameters, name) for name in _URLS)
    callback_json = _callback(parameters, callback)
    _solution_type(parameters)
    _check_available(parameters, method, available(merchant, currency.code))
    personal_id = _personal_id(parameters)
    ip = _ip(parameters)
    return NewInvoice(
        merchant_id=merchant.id,
        currency=currency.code,
        amount_minor=minor,
        email=email,
        method=method.name if method else None,
        direct=_is_direct(parameters, method),
        success_url=success,
        cancel_url=cancel,
        pending_url=pending,
        failure_url=failure,
        callback_json=callback_json,
        payer=_payer(parameters),
        personal_id_sealed=seal(personal_id) if personal_id else None,
        payer_ip=ip,
        payer_country=_country(parameters),
        idempotency_key=None,
        fields=None,
    )


def _required(parameters: Parameters, name: str, number: int) -> object:
    value = parameters.get(name)
    if value is None or value == "":
        raise ContractError(number, f"{name} required")
    return value


def _email(value: object) -> str:
    if not _is_text(value) or len(value) > 254 or not _EMAIL.fullmatch(value):
        raise ContractError(errors.INVALID_EMAIL)
    return value


def _method(parameters: Parameters) -> Method | None:
    """The method by the contract's table, first match; `None` is the payer's choice."""
    named = parameters.get("payment_solution_type")
    if parameters.get("checkoutMode") == "nft":
        return NFT
    if named:
        return METHODS.get(named) if isinstance(named, str) else None
    if parameters.get("payableCurrencies"):
        return CRYPTO
    if parameters.get("card_number"):
        return CARD
    if parameters.get("personal_id"):
        return UPI
    return None


def _currency(devise: object, method: Method | None, merchant: Merchant) -> money.Currency:
    candidates = [method] if method else [METHODS[name] for name in merchant.methods]
    if not _is_text(devise) or not any(devise in one.currencies for one in candidates):
        raise ContractError(errors.INVALID_DEVISE)
    return money.fiat(devise)


def _amount(value: object, currency: money.Currency, merchant: Merchant) -> int:
    text = plain_text(value)
    if text is None:
        raise ContractError(errors.INVALID_AMOUNT)
    try:
        minor = money.parse(text, currency).minor
    except InvalidAmount:
        raise ContractError(errors.INVALID_AMOUNT) from None
    bounds = merchant.bounds(currency)
    if bounds.minimum is not None and minor < bounds.minimum:
        raise ContractError(errors.BELOW_MINIMUM, "Your amount is BELOW the allowed minimum amount")
    if bounds.maximum is not None and minor > bounds.maximum:
        raise ContractError(errors.ABOVE_MAXIMUM, "Your amount is ABOVE the allowed maximum amount")
    return minor


def _url(parameters: Parameters, name: str) -> str | None:
    value = parameters.get(name)
    if value is None or value == "":
        return None
    if not _is_text(value) or len(value) > URL_MAX or not _URL.fullmatch(value):
        raise invalid(name)
    return value


def _callback(parameters: Parameters, callback: Callable[[], str]) -> str | None:
    """The merchant's JSON as text. In a form it is text that must be JSON."""
    if parameters.get("callbackJson") in (None, ""):
        return None
    text = callback()
    if len(text.encode()) > CALLBACK_BYTES_MAX or "\x00" in text or "\\u0000" in text:
        raise invalid("callbackJson")
    return text


def form_callback(parameters: Parameters) -> str:
    """The text of a form's `callbackJson`, which must be strict JSON. Raises `ContractError`."""
    text = str(parameters["callbackJson"]).strip()
    try:
        read_json(b'{"callbackJson":%s}' % text.encode())
    except (ContractError, UnicodeEncodeError):
        raise invalid("callbackJson") from None
    return text


def _solution_type(parameters: Parameters) -> None:
    named = parameters.get("payment_solution_type")
    if named and named not in METHODS:
        raise invalid("payment_solution_type")


def _check_available(parameters: Parameters, method: Method | None, here: list[str]) -> None:
    """The rail must be there, on for this merchant, and have the solution that is named."""
    if (method.name not in here) if method else not here:
        raise ContractError(errors.METHOD_NOT_AVAILABLE)
    solution = parameters.get("payment_solution_name")
    if solution and not _is_text(solution):
        raise invalid("payment_solution_name")


def _is_direct(parameters: Parameters, method: Method | None) -> bool:
    return bool(
        method is UPI and parameters.get("payment_solution_type") and parameters.get("customer_ip")
    )


def _personal_id(parameters: Parameters) -> str | None:
    text = plain_text(parameters.get("personal_id") or None)
    if parameters.get("personal_id") and (text is None or not _PERSONAL_ID.fullmatch(text)):
        raise invalid("personal_id")
    return text


def _ip(parameters: Parameters) -> str | None:
    value = parameters.get("customer_ip")
    if not value:
        return None
    try:
        return str(ipaddress.ip_address(value if _is_text(value) else ""))
    except ValueError:
        raise invalid("customer_ip") from None


def _country(parameters: Parameters) -> str | None:
    value = parameters.get("country")
    if not value:
        return None
    if not _is_text(value) or not _COUNTRY.fullmatch(value):
        raise invalid("country")
    return value


def _payer(parameters: Parameters) -> str | None:
    details: dict[str, Any] = {}
    for name in _PAYER_TEXTS:
        value = parameters.get(name)
        if value is None or value == "":
            continue
        text = plain_text(value)
        if text is None or len(text) > TEXT_MAX or not text.isprintable():
            raise invalid(name)
        details[name] = text
    return msgspec.json.encode(details).decode() if details else None


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and not isinstance(value, NumberText)
