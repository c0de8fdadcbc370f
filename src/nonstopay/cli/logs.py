"""Logs: one JSON line an event on standard error, with what must not be seen taken out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from nonstopay.card_number import hide_numbers
from nonstopay.config import Settings

_SECRET_NAMES = re.compile(
    r"key|secret|token|password|card|cvc|ccv|cvv|pan\b|authorization|personal", re.I
)
_SECRET_VALUES = re.compile(r"nsp_[a-z]+_[0-9A-Za-z]{20,}|wh(?:sec|sk)_[A-Za-z0-9+/=_-]+")
_SAFE_NAMES = frozenset({"key"})
_OF_STRUCTLOG = frozenset({"_record", "_from_structlog"})  # taken out before anything is written
_SHORT = 10**12
HIDDEN = "[hidden]"


def configure(settings: Settings) -> None:
    """Send structlog and the standard library's logging to standard error as JSON."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    structlog.configure(
        processors=[
            *shared[:1],
            *shared[2:],
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("uvicorn", "uvicorn.error", "aiohttp", "asyncio"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


def hide_secrets(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take secrets out of an event: by the name of the value, and by what it looks like.

    What is nested is looked into, and an object is looked at as it would be written.
    """
    for name, value in event.items():
        if name not in _OF_STRUCTLOG:
            event[name] = HIDDEN if _is_secret(name) else _without_secrets(value)
    return event


def _is_secret(name: str) -> bool:
    return name not in _SAFE_NAMES and _SECRET_NAMES.search(name) is not None


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            return hide_numbers(_SECRET_VALUES.sub(HIDDEN, value), HIDDEN)
        case bool() | float() | None:
            return value
        case int():
            return value if -_SHORT < value < _SHORT else _number_or_hidden(value)
        case dict():
            return {
                hide_numbers(str(name), HIDDEN): HIDDEN
                if _is_secret(str(name))
                else _without_secrets(inner)
                for name, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_without_secrets(one) for one in value]
    return _without_secrets(repr(value))


def _number_or_hidden(value: int) -> int | str:
    text = str(value)
    return value if hide_numbers(text) == text else HIDDEN
