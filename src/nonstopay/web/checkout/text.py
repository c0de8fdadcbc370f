"""The payer's words: one TOML catalogue per language, found by listing `messages/`.

A message is plain text with `{name}` placeholders and no plural forms. Both the message and what is
put into it are escaped, so that a sentence can carry neither our mistake nor a stranger's markup.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from markupsafe import Markup, escape

DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """One catalogue: `tag` for the lang attribute, `direction` ltr or rtl.

    `locale` writes its money, `times` its dates and times (English: day before month, 24 hours)."""

    tag: str
    name: str
    locale: str
    times: str
    direction: str
    messages: Mapping[str, str]

    def say(self, key: str, /, **values: object) -> Markup:
        """The message under `key` (`upi.waiting.heading`), escaped, its placeholders filled.

        Raises:
            KeyError: no such message, or a placeholder without a value.
        """
        return escape(self.messages[key]).format(**values)


@cache
def languages() -> Mapping[str, Language]:
    """Every language the payment page speaks, by tag; the default one first."""
    found = {}
    for file in files(__package__).joinpath("messages").iterdir():
        if file.name.endswith(".toml"):
            tag = file.name.removesuffix(".toml")
            found[tag] = _read(tag, file.read_text(encoding="utf-8"))
    order = sorted(found, key=lambda tag: (tag != DEFAULT_LANGUAGE, tag))
    return MappingProxyType({tag: found[tag] for tag in order})


def negotiate(accept_language: str | None, lang_param: str | None) -> str:
    """The tag of the language to answer in: the one asked for by link, else the browser's best.

    `accept_language` is the header of RFC 9110 §12.5.4; a region (`fr-CA`) falls back to its
    language. Nothing in either can be an error: what is not understood is passed over.
    """
    if lang_param and _supported(lang_param):
        return _supported(lang_param)
    for tag in by_preference(accept_language or ""):
        if _supported(tag):
            return _supported(tag)
    return DEFAULT_LANGUAGE


def by_preference(header: str) -> list[str]:
    """What an Accept header names and does not refuse, the most wanted first, in lower case.

    Weights as in RFC 9110 §12.4.2; what has none counts 1, what has 0 is refused.
    """
    weighed = []
    for part in header[:500].split(","):
        name, _, quality = part.partition(";")
        weight = _quality(quality)
        if weight > 0:
            weighed.append((weight, name.strip().lower()))
    return [name for _, name in sorted(weighed, key=lambda item: -item[0])]


def _supported(tag: str) -> str:
    primary = tag.strip().lower().partition("-")[0]
    return primary if primary in languages() else ""


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1
    try:
        return float(value)
    except ValueError:
        return 0


def _read(tag: str, toml: str) -> Language:
    tables = tomllib.loads(toml)
    about = tables.pop("language")
    return Language(
        tag=tag,
        name=about["name"],
        locale=about["locale"],
        times=about["times"],
        direction=about["direction"],
        messages=MappingProxyType(dict(_flatten(tables, ""))),
    )


def _flatten(tables: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in tables.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
