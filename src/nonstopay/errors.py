"""Every way nonstopay can fail, on one screen.

    NonstopayError               code, message, transient
    ├── InvalidInput             the caller's words are wrong; names the parameter
    │   ├── InvalidAmount
    │   └── InvalidCard          a card number or code; never says which digits
    ├── NotAllowed               the caller is known, the act is not his
    ├── NotFound
    ├── Conflict                 true words, wrong moment
    │   ├── KeyReused            an idempotency key came again with other content
    │   └── InProgress           the twin of this call is still running (transient)
    ├── Unavailable              try again later (transient)
    │   ├── DatabaseUnavailable
    │   ├── Overloaded
    │   ├── CommitUnknown        the answer to COMMIT was lost: ask again with the same key
    │   └── ProviderUnavailable
    ├── Misconfigured            the operator must act before we start
    └── LawBroken                a bug of ours: stop rather than go on wrong
        ├── IllegalTransition
        └── TransactionOpen      a network call was tried inside a transaction

The contract's numbers (50001 …) are given at the edge, in `web/api/errors.py`: inside the house an
error says what is wrong, not how a reply spells it.
"""

from typing import ClassVar


class NonstopayError(Exception):
    """Root of the tree.

    `code` is a stable word for logs and programs, `message` a sentence for people, `transient` tells
    whether the same call may succeed later without anybody changing anything.
    """

    code: ClassVar[str] = "error"
    transient: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(NonstopayError):
    """A parameter has the wrong form; `parameter` is its name as the caller wrote it."""

    code = "invalid_input"

    def __init__(self, parameter: str, message: str | None = None) -> None:
        super().__init__(message or f"invalid {parameter}")
        self.parameter = parameter


class InvalidAmount(InvalidInput):
    """Not a plain positive decimal number with at most the currency's decimals."""

    code = "invalid_amount"

    def __init__(self, message: str = "invalid amount") -> None:
        super().__init__("amount", message)


class InvalidCard(InvalidInput):
    """No card number, or no card code. The message never repeats what was read."""

    code = "invalid_card"


class NotAllowed(NonstopayError):
    code = "not_allowed"


class NotFound(NonstopayError):
    code = "not_found"


class Conflict(NonstopayError):
    code = "conflict"


class KeyReused(Conflict):
    """The same idempotency key with another body; `fields` are those that differ."""

    code = "idempotency_key_reused"

    def __init__(self, fields: list[str]) -> None:
        super().__init__(
            "this Idempotency-Key was used with other content; "
            + (f"different: {', '.join(fields)}" if fields else "the request differs")
        )
        self.fields = fields


class InProgress(Conflict):
    code = "in_progress"
    transient = True


class Unavailable(NonstopayError):
    code = "unavailable"
    transient = True


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"


class Overloaded(Unavailable):
    code = "overloaded"


class CommitUnknown(Unavailable):
    """The connection broke between COMMIT and its answer: done or not, nobody knows yet."""

    code = "commit_unknown"


class ProviderUnavailable(Unavailable):
    code = "provider_unavailable"


class Misconfigured(NonstopayError):
    code = "misconfigured"


class LawBroken(NonstopayError):
    code = "law_broken"


class IllegalTransition(LawBroken):
    code = "illegal_transition"


class TransactionOpen(LawBroken):
    code = "transaction_open"
