"""docs/api.md is exact: its examples run, its errors are all the errors there are."""

import json
import re
import shlex
import time
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from nonstopay.web.api import errors
from tests.stories.gateway import Answer, Merchant, call

ROOT = Path(__file__).parents[3]
MANUAL = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLE_ID = "185"
_ROW = re.compile(r"^\| (5\d{4})(?: \*\*\(ours\)\*\*)? \| (.+?) \|", re.MULTILINE)
_EXAMPLE = re.compile(r"^\$ curl -s (.+?)\n(\{.+?\})$", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[list[str], Any]]:
    """The words of each curl command, and the reply printed below it."""
    found = [
        (shlex.split(words.replace("\\\n", " ")), json.loads(reply))
        for words, reply in _EXAMPLE.findall(MANUAL)
    ]
    assert len(found) == MANUAL.count("$ curl")
    return found


def run(merchant: Merchant, words: list[str]) -> Answer:
    """What curl would do."""
    url, headers, data = words[0].replace("$GATEWAY", merchant.gateway.url), {}, []
    for option, value in zip(words[1::2], words[2::2], strict=True):
        if option == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text.replace("$KEY", merchant.api_key)
        else:
            assert option == "-d"
            data.append(value)
    if not data:
        return call("GET", url, headers=headers)
    headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    return call("POST", url, "&".join(data).encode(), headers)


def shape(value: Any) -> Any:
    """Names in their order, and of what kind each value is."""
    if isinstance(value, dict):
        return [(name, shape(member)) for name, member in value.items()]
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value)


def wait_for_coins(merchant: Merchant) -> None:
    """They are on when their chains have answered, which is soon after the start."""
    deadline = time.monotonic() + 20
    while not merchant.get("/api/crypto-payable-currencies/get/").json()["list"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_every_example_is_answered_as_it_is_printed(merchant: Merchant) -> None:
    wait_for_coins(merchant)
    for words, printed in examples():
        if "id=" in urllib.parse.urlsplit(words[0]).query:
            words[0] = words[0].replace(EXAMPLE_ID, str(merchant.newest_invoice()))
        said = run(merchant, words).json()
        assert said["errorCode"] == printed["errorCode"] == 0, (words, said)
        assert shape(said) == shape(printed), words


def test_every_error_is_listed_with_its_words() -> None:
    listed = {int(number): words for number, words in _ROW.findall(MANUAL)}
    known = {
        value
        for name, value in vars(errors).items()
        if name.isupper() and value in range(50001, 60000)
    }
    assert set(listed) == known
    for words_of in (errors.MESSAGES, errors.HISTORY_MESSAGES):
        for number, words in words_of.items():
            assert f"`{words}`" in listed[number]
    wallet = errors.wallet_not_active("").message
    assert wallet.startswith(listed[50008].strip("`").removesuffix(" …"))


@pytest.mark.parametrize("status", [400, 404, 405, 409, 413, 415, 422, 429, 500, 503])
def test_every_error_of_transport_is_listed(status: int) -> None:
    assert re.search(rf"^\| (?:\d+, )?{status}(?:, \d+)? \|", MANUAL, re.MULTILINE)


def test_every_call_is_listed(merchant: Merchant) -> None:
    for path in re.findall(r"(/api/[a-z/-]+/)", MANUAL):
        assert call("GET", merchant.gateway.url + path).json()["errorCode"] != 404, path
