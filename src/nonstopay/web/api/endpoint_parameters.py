"""Reading the parameters of the endpoint calls; all raise `ContractError` 50014 or 50015."""

import re
from datetime import UTC, datetime

from nonstopay.business.webhooks.delivery import Wanted
from nonstopay.web.api.errors import INVALID_PARAMETER, PARAMETER_REQUIRED, ContractError, invalid
from nonstopay.web.api.parameters import Parameters, given, plain_text

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_EVENT = re.compile(r"evt_([1-9][0-9]{0,17})", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
_FLAGS = {True: True, False: False, "true": True, "false": False}


def text(parameters: Parameters, name: str) -> str | None:
    """A text; None if it is not given."""
    value = given(parameters, name)
    if value is not None and type(value) is not str:
        raise invalid(name)
    return value


def required_text(parameters: Parameters, name: str) -> str:
    value = text(parameters, name)
    if value is None:
        raise _required(name)
    return value


def number(parameters: Parameters, name: str, default: int | None, allowed: range) -> int:
    """A whole number among `allowed`; the default if it is not given, or an error without one."""
    value = given(parameters, name)
    if value is None:
        if default is None:
            raise _required(name)
        return default
    written = plain_text(value)
    if written is None or not _NUMBER.fullmatch(written) or int(written) not in allowed:
        raise invalid(name)
    return int(written)


def endpoint_id(parameters: Parameters) -> int:
    return number(parameters, "id", None, range(1, 10**18))


def flag(parameters: Parameters, name: str) -> bool | None:
    """`true` or `false`, as JSON has them or as text; None if it is not given."""
    value = given(parameters, name)
    if value is None:
        return None
    if type(value) not in (bool, str) or value not in _FLAGS:
        raise invalid(name)
    return _FLAGS[value]


def events(parameters: Parameters) -> list[str] | None:
    """Kinds of events: a list, or in a form with commas between; None if not given, `[]` is all."""
    value = given(parameters, "events")
    if type(value) is str:
        return [kind.strip() for kind in value.split(",")]
    if value is None:
        return None
    if not isinstance(value, list) or not all(type(kind) is str for kind in value):
        raise invalid("events")
    return value


def event_id(parameters: Parameters, name: str) -> int | None:
    """An event as its `webhook-id` names it; None if it is not given."""
    value = given(parameters, name)
    if value is None:
        return None
    found = _EVENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise invalid(name)
    return int(found[1])


def required_event(parameters: Parameters) -> int:
    found = event_id(parameters, "event")
    if found is None:
        raise _required("event")
    return found


def wanted(parameters: Parameters) -> Wanted:
    """What is to be sent again: one event, or a range of them, or what failed since a time."""
    one, first, last = (event_id(parameters, name) for name in ("event", "from", "to"))
    since = _time(parameters, "failed_since")
    if (first is None) != (last is None):
        raise _required("to" if last is None else "from")
    if sum(choice is not None for choice in (one, first, since)) != 1:
        raise ContractError(INVALID_PARAMETER, "give event, or from and to, or failed_since")
    endpoint = given(parameters, "id")
    return Wanted(
        endpoint_id=None if endpoint is None else endpoint_id(parameters),
        first=one if first is None else first,
        last=one if last is None else last,
        failed_since=since,
    )


def _time(parameters: Parameters, name: str) -> datetime | None:
    value = given(parameters, name)
    if value is None:
        return None
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise invalid(name)
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    except ValueError:
        raise invalid(name) from None


def _required(name: str) -> ContractError:
    return ContractError(PARAMETER_REQUIRED, f"{name} required")
