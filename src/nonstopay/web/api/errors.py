"""The contract's error numbers and messages. They live here and nowhere else.

Documented errors are answered with HTTP 200, since existing clients read the body of a resolved
promise. What the documents do not know (unreadable JSON, a body too large, our own failure) carries
the HTTP status as its `errorCode` and is answered under that status.
"""

from nonstopay import errors

KEY_REQUIRED = 50001
EMAIL_REQUIRED = 50002
AMOUNT_REQUIRED = 50003
DEVISE_REQUIRED = 50004
INVALID_EMAIL = 50005
ADDRESS_NOT_ALLOWED = 50006
INVALID_KEY = 50007
WALLET_NOT_ACTIVE = 50008
INVALID_DEVISE = 50009
NO_ADDRESS_LINKED = 50010
ABOVE_MAXIMUM = 50011
OTHER_MERCHANTS_INVOICE = 50011
BELOW_MINIMUM = 50012
INVALID_ORDER = 50012
INVALID_AMOUNT = 50013
INVALID_PARAMETER = 50014
PARAMETER_REQUIRED = 50015
NOT_FOUND = 50016
METHOD_NOT_AVAILABLE = 50017
INSUFFICIENT_BALANCE = 50018

MESSAGES = {
    KEY_REQUIRED: "API-KEY required",
    AMOUNT_REQUIRED: "amount required",
    DEVISE_REQUIRED: "devise required",
    INVALID_EMAIL: "invalid email address",
    ADDRESS_NOT_ALLOWED: "this API-KEY can not use this API from this IP address",
    INVALID_KEY: "invalid API-KEY",
    INVALID_DEVISE: "invalid devise",
    NO_ADDRESS_LINKED: (
        "No IP is linked to your account. Please enter them in your profile page and API block"
    ),
    INVALID_AMOUNT: "invalid amount",
    METHOD_NOT_AVAILABLE: "payment method not available",
    INSUFFICIENT_BALANCE: "insufficient balance",
}

HISTORY_MESSAGES = {
    INVALID_KEY: "Invalid API-KEY",
    ADDRESS_NOT_ALLOWED: "You can not use this API from this IP address",
}
"""Where the history's page words an error differently."""

_WALLET_MESSAGE = (
    "You cannot create a sale because your wallet is being validated and activated."
    "You will receive a confirmation email as soon as the treatment process is completed."
    "While waiting for the final activation, you can still change it from {url} the profile page"
)

_STATUS_OF: tuple[tuple[type[errors.NonstopayError], int], ...] = (
    (errors.KeyReused, 422),
    (errors.Conflict, 409),
    (errors.Overloaded, 429),
    (errors.Unavailable, 503),
)
_NOT_NOW = "not available for the moment; please try again, with the same Idempotency-Key"


class ContractError(errors.NonstopayError):
    """An answer of the contract's error table, or an undocumented one with its own HTTP status."""

    code = "contract_error"

    def __init__(self, number: int, message: str | None = None, status: int = 200) -> None:
        super().__init__(message or MESSAGES[number])
        self.number = number
        self.status = status


def wallet_not_active(public_url: str) -> ContractError:
    """50008, with the address of the profile page."""
    message = _WALLET_MESSAGE.format(url=f"{public_url}/client/profile")
    return ContractError(WALLET_NOT_ACTIVE, message)


def invalid(parameter: str) -> ContractError:
    return ContractError(INVALID_PARAMETER, f"invalid {parameter}")


def unreadable(status: int, message: str) -> ContractError:
    """An error of transport, which the documents do not know."""
    return ContractError(status, message, status)


def as_contract_error(error: errors.NonstopayError) -> ContractError:
    """What a caller is told of an error from inside the house."""
    if isinstance(error, ContractError):
        return error
    for kind, status in _STATUS_OF:
        if isinstance(error, kind):
            # Words about a database or a provider may name our hosts and folders.
            return unreadable(status, _NOT_NOW if status == 503 else error.message)
    if isinstance(error, errors.InvalidInput):
        return ContractError(INVALID_PARAMETER, error.message)
    if isinstance(error, errors.NotFound):
        return ContractError(NOT_FOUND, error.message)
    return unreadable(500, "our own failure; nothing is lost, please try again")
