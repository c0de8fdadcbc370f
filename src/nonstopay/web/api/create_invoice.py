"""POST /api/btn-create-invoice/get/: the contract's parameters, checked in its order."""

import re
from collections.abc import Callable

import msgspec

from nonstopay import money
from nonstopay.business.invoices.invoice import CARD, CRYPTO, METHODS, NFT, UPI, Method, NewInvoice
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments.cards.attempt import CardAttempt
from nonstopay.errors import InvalidAmount
from nonstopay.web.api import errors
from nonstopay.web.api.card_fields import has_card, read_card
from nonstopay.web.api.errors import ContractError, invalid
from nonstopay.web.api.parameters import Parameters, given, plain_text, read_value
from nonstopay.web.api.payer_fields import is_text, read_country, read_ip, read_text

CALLBACK_BYTES_MAX = 16 * 1024
URL_MAX = 2048
COINS_MAX = 32
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_URL = re.compile(
    r"https?://(?:[^\s/?#@:\\\[\]\x00-\x20\x7f\"<>]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?#][^\s\\\x00-\x20\x7f\"<>]*)?"
)
_PERSONAL_ID = re.compile(r"[0-9]{11}", re.ASCII)
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_URLS = ("success_url", "cancel_url", "pending_url", "failure_url")
_PAYER_TEXTS = ("name", "phone", "address1", "address2", "city", "state", "postcode")


def read_new_invoice(
    parameters: Parameters,
    merchant: Merchant,
    *,
    available: Callable[[Merchant, str], list[str]],
    solutions: Callable[[str], list[str]],
    coins: Callable[[Merchant], list[str]],
    callback: Callable[[], str],
    seal: Callable[[str], bytes],
) -> tuple[NewInvoice, CardAttempt | None]:
    """Check the parameters in the order of the document; the invoice, and the card that pays it at once.

    Args:
        available: the methods a merchant's payers can use in a currency.
        solutions: the connectors behind a method.
        coins: those that a merchant's payers can pay with.
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
    solution = _solution(parameters, method, available(merchant, currency.code), solutions)
    if method is CRYPTO and given(parameters, "payableCurrencies") is not None:
        solution = _payable_currencies(parameters, coins(merchant))
    direct = _is_direct(parameters, method)
    card = _card(parameters, email, merchant) if direct and method is CARD else None
    personal_id = _personal_id(parameters)
    ip = read_ip(parameters)
    new = NewInvoice(
        merchant_id=merchant.id,
        currency=currency.code,
        amount_minor=minor,
        email=email,
        method=method.name if method else None,
        direct=direct,
        success_url=success,
        cancel_url=cancel,
        pending_url=pending,
        failure_url=failure,
        callback_json=callback_json,
        payer=_payer(parameters),
        personal_id_sealed=seal(personal_id) if personal_id else None,
        payer_ip=ip,
        payer_country=read_country(parameters),
        idempotency_key=None,
        fields=None,
        solution=solution,
    )
    return new, card


def _required(parameters: Parameters, name: str, number: int) -> object:
    value = given(parameters, name)
    if value is None:
        raise ContractError(number, f"{name} required")
    return value


def _email(value: object) -> str:
    if not is_text(value) or len(value) > 254 or not _EMAIL.fullmatch(value):
        raise ContractError(errors.INVALID_EMAIL)
    return value


def _method(parameters: Parameters) -> Method | None:
    """The method by the contract's table, first match; `None` is the payer's choice."""
    named = given(parameters, "payment_solution_type")
    if parameters.get("checkoutMode") == "nft":
        return NFT
    if named is not None:
        return METHODS.get(named) if is_text(named) else None
    if given(parameters, "payableCurrencies") is not None:
        return CRYPTO
    if given(parameters, "card_number") is not None:
        return CARD
    if given(parameters, "personal_id") is not None:
        return UPI
    return None


def _currency(devise: object, method: Method | None, merchant: Merchant) -> money.Currency:
    candidates = [method] if method else [METHODS[name] for name in merchant.methods]
    if not is_text(devise) or not any(devise in one.currencies for one in candidates):
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
    value = given(parameters, name)
    if value is None:
        return None
    if not is_text(value) or len(value) > URL_MAX or not _URL.fullmatch(value):
        raise invalid(name)
    return value


def _callback(parameters: Parameters, callback: Callable[[], str]) -> str | None:
    """The merchant's JSON as text. In a form it is text that must be JSON."""
    if given(parameters, "callbackJson") is None:
        return None
    text = callback()
    if len(text.encode()) > CALLBACK_BYTES_MAX or _holds_nul(text):
        raise invalid("callbackJson")
    return text


def _holds_nul(text: str) -> bool:
    """Whether JSON text holds the one character that PostgreSQL cannot keep, plain or escaped."""
    return "\x00" in text or ("\\u0000" in text and _ESCAPED_NUL.search(text) is not None)


def form_callback(parameters: Parameters) -> str:
    """The text of a form's `callbackJson`, which must be strict JSON. Raises `ContractError`."""
    text = str(parameters["callbackJson"]).strip()
    try:
        read_value(text.encode())
    except (ContractError, UnicodeEncodeError):
        raise invalid("callbackJson") from None
    return text


def _solution_type(parameters: Parameters) -> None:
    named = given(parameters, "payment_solution_type")
    if named is not None and not (is_text(named) and named in METHODS):
        raise invalid("payment_solution_type")


def _solution(
    parameters: Parameters,
    method: Method | None,
    here: list[str],
    solutions: Callable[[str], list[str]],
) -> str | None:
    """The solution that is named, if one is. The rail must be there, on for this merchant, and have it."""
    if method:
        here = [method.name] if method.name in here else []
    solution = given(parameters, "payment_solution_name")
    if solution is not None and not (is_text(solution) and solution.isprintable()):
        raise invalid("payment_solution_name")
    if not any(solution is None or solution in solutions(name) for name in here):
        raise ContractError(errors.METHOD_NOT_AVAILABLE)
    return solution


def _payable_currencies(parameters: Parameters, offered: list[str]) -> str:
    """The coins that the merchant names, one or several in a list or parted by commas."""
    value = given(parameters, "payableCurrencies")
    names = [one.strip() for one in value.split(",")] if is_text(value) else value
    if not isinstance(names, list) or not names or len(names) > COINS_MAX:
        raise invalid("payableCurrencies")
    if any(not is_text(one) or one not in offered for one in names):
        raise invalid("payableCurrencies")
    return ",".join(dict.fromkeys(names))


def _is_direct(parameters: Parameters, method: Method | None) -> bool:
    if method is CARD:
        return has_card(parameters)
    if method is CRYPTO:
        return given(parameters, "payableCurrencies") is not None
    asked = ("payment_solution_type", "customer_ip")
    return method is UPI and all(given(parameters, name) is not None for name in asked)


def _card(parameters: Parameters, email: str, merchant: Merchant) -> CardAttempt:
    """Cards server to server are a permission: who sends them is in the scope of PCI DSS himself."""
    if not merchant.card_direct:
        raise ContractError(errors.METHOD_NOT_AVAILABLE)
    return read_card(parameters, email)


def _personal_id(parameters: Parameters) -> str | None:
    value = given(parameters, "personal_id")
    if value is None:
        return None
    text = plain_text(value)
    if text is None or not _PERSONAL_ID.fullmatch(text):
        raise invalid("personal_id")
    return text


def _payer(parameters: Parameters) -> str | None:
    details = {
        name: text for name in _PAYER_TEXTS if (text := read_text(parameters, name)) is not None
    }
    return msgspec.json.encode(details).decode() if details else None
