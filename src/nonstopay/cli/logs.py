"""Logs: one JSON line an event on standard error, with what must not be seen taken out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from nonstopay.config import Settings

_SECRET_NAMES = re.compile(
    r"key|secret|token|password|card|cvc|ccv|pan\b|authorization|personal", re.I
)
_SECRET_VALUES = re.compile(
    r"nsp_[a-z]+_[0-9A-Za-z]{20,}|wh(?:sec|sk)_[A-Za-z0-9+/=_-]+|(?:\d[ -]?){13,19}"
)
_SAFE_NAMES = frozenset({"key"})
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
    """Take secrets out of an event: by the name of the value, and by what it looks like."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name) and name not in _SAFE_NAMES:
            event[name] = HIDDEN
        elif isinstance(value, str):
            event[name] = _SECRET_VALUES.sub(HIDDEN, value)
    return event
