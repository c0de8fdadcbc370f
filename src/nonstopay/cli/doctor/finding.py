"""What a check of `nonstopay doctor` found, and what to do about it."""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    """It works; somebody should know."""
    FAIL = "fail"
    """To be mended before money is real."""


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor's; `advice` is empty where nothing is to be done."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check, Verdict.OK, found)


def warn(check: str, found: str, advice: str) -> Finding:
    return Finding(check, Verdict.WARN, found, advice)


def fail(check: str, found: str, advice: str) -> Finding:
    return Finding(check, Verdict.FAIL, found, advice)
