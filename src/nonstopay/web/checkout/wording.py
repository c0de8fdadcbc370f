"""Messages, money, rates and times as a payer's language writes them; nothing is rounded."""

import re
from collections.abc import Callable
from copy import copy
from datetime import date, datetime
from decimal import Decimal, localcontext
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from babel.units import format_unit
from markupsafe import Markup

from nonstopay.money import Money, Rounding, divide
from nonstopay.web.checkout.text import languages

ENOUGH_DIGITS = 60
"""For 18 decimals and any amount the ledger can hold; the decimal module's 28 would not do."""
MINUTES_FROM = 90

_TOUCHING = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
"""Between a code and a digit, where locale data ask for a space (CLDR, currencySpacing)."""


class Wording:
    """One language and one time zone to write in."""

    def __init__(self, tag: str, zone: str) -> None:
        self.language = languages()[tag]
        self.say: Callable[..., Markup] = self.language.say
        self._locale = Locale.parse(self.language.locale)
        self._times = Locale.parse(self.language.times)
        self._zone = ZoneInfo(zone)

    def money(self, money: Money) -> str:
        """`money` with its sign and all decimals of its currency: `₹417.05`, `5,00 $US`.

        The decimals are those the ledger counts in, not the fewer that locale data give some
        currencies. Rupees are grouped in lakhs in English too, as their readers expect. Coins are
        written as wallets take them, in every language alike: `15.04 USDT`.
        """
        code, exponent = money.currency.code, money.currency.exponent
        if "_" in code:
            return f"{money.short_text()}\N{NO-BREAK SPACE}{ticker_of(money)}"
        indian = code == "INR" and self._locale.language == "en"
        locale = Locale.parse("en_IN") if indian else self._locale
        pattern = copy(locale.currency_formats["standard"])
        pattern.frac_prec = (exponent, exponent)
        with localcontext() as context:
            context.prec = ENOUGH_DIGITS
            text = pattern.apply(money.decimal(), locale, currency=code, currency_digits=False)
        return _TOUCHING.sub("\N{NO-BREAK SPACE}", text)

    def rate(self, rate: Decimal, code: str) -> str:
        """An exchange rate into the currency `code`, to six decimals at most: `83.41 INR`."""
        number = format_decimal(rate, "#,##0.00####", locale=self._locale)
        return f"{number}\N{NO-BREAK SPACE}{code}"

    def span(self, seconds: int) -> str:
        """About how long: `12 sec`, `3 min`; in minutes from a minute and a half on."""
        if seconds < MINUTES_FROM:
            return format_unit(max(1, seconds), "second", length="short", locale=self._locale)
        minutes = divide(seconds, 60, Rounding.HALF_UP)
        return format_unit(minutes, "minute", length="short", locale=self._locale)

    def date(self, day: date) -> str:
        return format_date(day, format="medium", locale=self._times)

    def time(self, instant: datetime) -> Markup:
        """The time of day, marked with its zone, for the script to put on the payer's own clock."""
        return self._time_element(instant, "", self._clock(instant))

    def moment(self, instant: datetime) -> Markup:
        """As `time`, with the day."""
        day = self.date(instant.astimezone(self._zone).date())
        return self._time_element(instant, "medium", f"{day}, {self._clock(instant)}")

    def _clock(self, instant: datetime) -> str:
        clock = format_time(instant, format="short", tzinfo=self._zone, locale=self._times)
        return f"{clock} {instant.astimezone(self._zone).tzname()}"

    def _time_element(self, instant: datetime, shape: str, text: str) -> Markup:
        element = Markup('<time datetime="{}" data-at="{}">{}</time>')
        return element.format(stamp(instant), shape, text)


def ticker_of(money: Money) -> str:
    """A coin's ticker without its network: `USDT` of `USDT_polygon`."""
    return money.currency.code.partition("_")[0]


def stamp(instant: datetime) -> str:
    """An instant for the script: ISO 8601 with seconds and offset."""
    return instant.isoformat(timespec="seconds")
