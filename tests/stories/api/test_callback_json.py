"""What a merchant gives along comes back to the letter, in infos and in every webhook."""

import json
import urllib.parse

import pytest

from tests.stories.api.wire import CREATE, GOOD, INFOS, code, total
from tests.stories.gateway import Gateway, Merchant
from tests.stories.shop import open_shop

LETTERS = [
    '{"n": 1.10, "big": 123456789012345678901234567890, "t": "\\u00e9\\n"}',
    '{"b":1,"a":2}',
    "1.10",
    "-0.0",
    "1E+2",
    '"text"',
    "false",
    "0",
    "[]",
    "{}",
    '[ 1 ,\t2 , {"a" :null}]',
    '"\\ud83d\\ude00 and 😀"',
    '"</script><b>&amp;"',
    '"\\\\u0000 is six characters"',
    "0." + "1" * 400,
]


def creating(callback: str) -> bytes:
    fields = '"email":"a@example.com","amount":1,"devise":"USD"'
    return f'{{{fields},"callbackJson":{callback}}}'.encode()


@pytest.fixture(scope="module")
def keeper(gateway: Gateway) -> Merchant:
    return gateway.merchant(name="Keeper")


@pytest.mark.parametrize("letter", LETTERS)
def test_infos_gives_it_back_unchanged(keeper: Merchant, letter: str) -> None:
    assert code(keeper.post(CREATE, creating(letter))) == 0
    infos = keeper.get(INFOS, id=keeper.newest_invoice())
    assert f'"callbackJson":{letter},"fiat_amount":'.encode() in infos.body


async def test_webhooks_give_it_back_unchanged(merchant: Merchant) -> None:
    with open_shop() as shop:
        merchant.gateway.command("merchant", "set", str(merchant.id), "--callback-url", shop.url)
        for letter in LETTERS:
            assert code(merchant.post(CREATE, creating(letter))) == 0
        told = await shop.wait_for(len(LETTERS))
    by_invoice = sorted(told, key=lambda message: message.body["id"])
    for letter, message in zip(LETTERS, by_invoice, strict=True):
        assert f'"callbackJson":{letter},'.encode() in message.raw


def in_a_form(keeper: Merchant, callback: str) -> int:
    body = urllib.parse.urlencode({**GOOD, "callbackJson": callback}).encode()
    return code(keeper.post(CREATE, body, Content_Type="application/x-www-form-urlencoded"))


def test_in_a_form_it_is_json_text(keeper: Merchant) -> None:
    assert in_a_form(keeper, ' {"a": 1.10} ') == 0
    infos = keeper.get(INFOS, id=keeper.newest_invoice())
    assert b'"callbackJson":{"a": 1.10},' in infos.body


@pytest.mark.parametrize(
    "callback",
    [
        "text", "{'a':1}", '{"a":1,"a":2}', "NaN", "1e309", '"\\ud800"', "[" * 40 + "]" * 40,
        '1,"status":"invoice:paid"', 'null},"status":{', "{} {}", "\ufeff{}",
    ],
)  # fmt: skip
def test_in_a_form_nothing_can_be_slipped_in_beside_it(keeper: Merchant, callback: str) -> None:
    assert in_a_form(keeper, callback) == 50014


@pytest.mark.parametrize("nul", ['"\\u0000"', '{"a\\u0000":1}', '"\\\\\\u0000"'])
def test_a_nul_is_refused(keeper: Merchant, nul: str) -> None:
    assert code(keeper.post(CREATE, creating(nul))) == 50014


def test_it_ends_at_16_kib(merchant: Merchant) -> None:
    full = json.dumps("x" * (16 * 1024 - 2))
    assert code(merchant.post(CREATE, creating(full))) == 0
    assert code(merchant.post(CREATE, creating(f"[{full}]"))) == 50014
    assert (
        code(merchant.post(CREATE, creating(json.dumps("é" * 8192, ensure_ascii=False)))) == 50014
    )
    assert total(merchant) == 1


def test_null_and_nothing_are_null(keeper: Merchant) -> None:
    for more in ({}, {"callbackJson": None}, {"callbackJson": ""}):
        assert code(keeper.create(**more)) == 0
        assert keeper.infos(keeper.newest_invoice())["callbackJson"] is None
