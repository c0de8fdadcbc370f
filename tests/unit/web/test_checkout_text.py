"""The languages of the payment page, and whether its colours can be read."""

import re
from dataclasses import replace
from string import Formatter

import pytest

from nonstopay.web.checkout.assets import asset
from nonstopay.web.checkout.text import languages, negotiate
from nonstopay.web.sandbox import upi_app

ENGLISH = languages()["en"].messages


def placeholders(message: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(message) if name is not None}


@pytest.mark.parametrize("tag", [tag for tag in languages() if tag != "en"])
def test_every_catalogue_says_the_same_with_the_same_blanks(tag: str) -> None:
    messages = languages()[tag].messages
    assert messages.keys() == ENGLISH.keys()
    for key, message in messages.items():
        assert placeholders(message) == placeholders(ENGLISH[key]), key
        assert message.strip(), key


def test_hindi_is_written_in_devanagari() -> None:
    latin = {"method.upi", "order.same_as"}
    for key, message in languages()["hi"].messages.items():
        assert key in latin or re.search("[\u0900-\u097f]", message), key


def test_what_fills_a_blank_is_escaped_and_the_message_too() -> None:
    careless = replace(languages()["en"], messages={"greeting": "<i>Hello & welcome, {name}"})
    said = careless.say("greeting", name="<b>{name}")
    assert said == "&lt;i&gt;Hello &amp; welcome, &lt;b&gt;{name}"


@pytest.mark.parametrize(
    ("accepted", "asked", "tag"),
    [
        (None, None, "en"),
        ("", "", "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", None, "fr"),
        ("en;q=0.5, hi-IN;q=0.9", None, "hi"),
        ("de-DE,de;q=0.9", None, "en"),
        ("de,fr;q=0", None, "en"),
        ("hi;q=0.1,fr;q=0.1", None, "hi"),
        ("fr", "hi", "hi"),
        ("fr", "xx", "fr"),
        ("fr", "../../etc/passwd", "fr"),
        ("fr;q=high,hi;q=0.2", None, "hi"),
        ("*", None, "en"),
        ("," * 5000 + "hi", None, "en"),
    ],
)
def test_the_payers_language_is_found(accepted: str | None, asked: str | None, tag: str) -> None:
    assert negotiate(accepted, asked) == tag


def _tokens(css: str) -> list[dict[str, str]]:
    """The colours of the light theme, and of the dark one upon them."""
    light, dark = re.findall(r":root\{(.*?)\}", css, re.DOTALL)
    read = [dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{3,6})\b", part)) for part in (light, dark)]
    return [read[0], read[0] | read[1]]


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


CHECKOUT_PAIRS = [
    *(("ink", ground) for ground in ("ground", "paper", "calm", "bad-ground")),
    *(("soft", ground) for ground in ("ground", "paper", "calm", "bad-ground")),
    *(("action", ground) for ground in ("paper", "calm")),
    ("on-brand", "brand"),
    ("lamp", "brand"),
    ("on-action", "action"),
    ("warm", "calm"),
    ("good", "calm"),
    ("bad", "bad-ground"),
]
APP_PAIRS = [
    *((word, ground) for word in ("ink", "soft") for ground in ("paper", "wash")),
    ("on-app", "app"),
    ("on-app", "deep"),
    ("on-act", "act"),
]


@pytest.mark.parametrize(
    ("css", "pairs"),
    [
        (asset("checkout.css").body.decode(), CHECKOUT_PAIRS),
        (upi_app.asset("upi_app.css").body.decode(), APP_PAIRS),
    ],
    ids=["checkout", "upi app"],
)
def test_every_text_can_be_read_by_day_and_night(css: str, pairs: list[tuple[str, str]]) -> None:
    for theme, colours in zip(("light", "dark"), _tokens(css), strict=True):
        for text, ground in pairs:
            assert contrast(colours[text], colours[ground]) >= 4.5, (theme, text, ground)
