"""Reading a call's parameters, from JSON, a form or the query, into one shape.

JSON is read strictly (RFC 8259 and, for duplicate names, I-JSON RFC 7493): one value a name, no NaN or
Infinity, no number that a double cannot hold, no lone surrogates, no deep nesting. Numbers keep their
text, so that no amount passes through a float.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from nonstopay.web.api.errors import ContractError, unreadable

BODY_BYTES_MAX = 64 * 1024
DEPTH_MAX = 32
FIELDS_MAX = 100
Parameters = dict[str, Any]


class NumberText(str):
    """A JSON number as it was written."""

    __slots__ = ()


class _Callback(msgspec.Struct):
    callbackJson: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815 the contract's name


def read_json(body: bytes) -> Parameters:
    """The members of a JSON object; numbers as `NumberText`.

    Raises:
        ContractError: 400, saying what is wrong.
    """
    document = read_value(body)
    if not isinstance(document, dict):
        raise _bad("the body must be a JSON object")
    return document


def read_value(body: bytes) -> object:
    """One JSON value of any kind; numbers as `NumberText`. Raises as `read_json`."""
    try:
        text = body.decode()
        if body.count(b"[") + body.count(b"{") > DEPTH_MAX and _depth(text) > DEPTH_MAX:
            raise _bad(f"the JSON is nested more than {DEPTH_MAX} deep")
        document: object = _DECODER.decode(text)
        if b"\\u" in body:
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise _bad("the body is not UTF-8") from None
    except UnicodeEncodeError:
        raise _bad("the JSON holds half a surrogate pair") from None
    except RecursionError:
        raise _bad(f"the JSON is nested more than {DEPTH_MAX} deep") from None
    except json.JSONDecodeError as error:
        raise _bad(f"the body is not JSON: {error.msg} at position {error.pos}") from None
    return document


def callback_text(body: bytes) -> str:
    """The text of `callbackJson` in a JSON body that was read already, to the letter."""
    return bytes(msgspec.json.decode(body, type=_Callback).callbackJson).decode()


def read_query(query: bytes) -> Parameters:
    """The parameters of a query string or a urlencoded form; a name may come once."""
    try:
        pairs = parse_qsl(
            query.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"
        )
    except (UnicodeDecodeError, ValueError):
        raise _bad("the parameters are not readable as UTF-8 form data") from None
    return _once(pairs)


async def read_multipart(headers: Mapping[bytes, bytes], body: bytes) -> Parameters:
    """The text fields of a multipart form; files are refused."""

    async def chunks() -> Any:
        yield body

    parser = MultiPartParser(
        Headers(raw=list(headers.items())), chunks(), max_files=0, max_fields=FIELDS_MAX
    )
    try:
        body.decode()
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        raise _bad(f"the form is not readable: {error}") from None
    return _once([(name, str(value)) for name, value in form.multi_items()])


def plain_text(value: object) -> str | None:
    """A value as text: a string or a number as it was written; `None` for anything else."""
    return str(value) if isinstance(value, str) else None


def given(parameters: Parameters, name: str, default: str | None = None) -> object | None:
    """The parameter's value, or `default` if it is left out, null or the empty text: not given."""
    value = parameters.get(name)
    return default if value is None or value == "" else value


def comparable(value: object) -> object:
    """A parameter as idempotency compares it: numbers by value, everything else as parsed."""
    if isinstance(value, NumberText):
        return ["number", str(Decimal(value).normalize(_EXACT))]
    if isinstance(value, dict):
        return {name: comparable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [comparable(member) for member in value]
    return value


def _once(pairs: Sequence[tuple[str, Any]]) -> Parameters:
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _bad(f"the parameter {twice[:40]!r} is given twice")
    return parameters


def _number(text: str) -> NumberText:
    if len(text) > 300 or "e" in text.lower():
        try:
            in_range = Decimal(text).copy_abs() <= _DOUBLE_MAX
        except InvalidOperation:  # an exponent of 19 digits, whatever its sign
            in_range = False
        if not in_range:
            raise _bad("the JSON holds a number out of range")
    return NumberText(text)


def _constant(name: str) -> NoReturn:
    raise _bad(f"{name} is not JSON")


def _depth(text: str) -> int:
    """How deep brackets nest, those within strings left out."""
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _bad(message: str) -> ContractError:
    return unreadable(400, message)


_DOUBLE_MAX = Decimal("1.7976931348623157e308")
_EXACT = Context(prec=BODY_BYTES_MAX, Emax=MAX_EMAX, Emin=MIN_EMIN)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_number, parse_int=_number, parse_constant=_constant
)
