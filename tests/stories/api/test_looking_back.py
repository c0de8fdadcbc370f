"""Status, infos and history: what a merchant sees of his invoices, and of no other's."""

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest

from tests.stories.api.wire import CREATE, GOOD, HISTORY, INFOS, STATUS, code, send
from tests.stories.gateway import Answer, Gateway, Merchant

INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
CREATED = 51


@pytest.fixture(scope="module")
async def owner(gateway: Gateway) -> Merchant:
    """A merchant with two pages of history: 51 untouched, one declined, one paid."""
    merchant = gateway.merchant(name="Owner")
    for number in range(CREATED):
        assert code(merchant.create(amount=number + 1, email=f"p{number}@example.com")) == 0
    for outcome, status in (("declined", "failed"), ("success", "awaiting_approval")):
        direct = merchant.create(
            amount="4.50", payment_solution_type="UPI", customer_ip="203.0.113.9", country="IN"
        ).json()
        gateway.pay_by_upi(direct["upiUri"], outcome)
        await merchant.wait_for_status(int(direct["ID"]), f"invoice:{status}")
    return merchant


@pytest.fixture(scope="module")
def first(owner: Merchant) -> int:
    return int(owner.get(HISTORY).json()["list"][0]["id"])


def ask(owner: Merchant, path: str, written: str, **how: Any) -> Answer:
    return send(owner, path, f'{{"id":{written}}}'.encode(), **how)


def test_status_to_the_letter(owner: Merchant, first: int) -> None:
    expected = (
        f'{{"errorCode":0,"invoice":{{"id":"{first}","devise":"USD","amount":"1",'
        '"status":"invoice:created"}}'
    )
    assert owner.get(STATUS, id=first).text == expected
    assert ask(owner, STATUS, str(first)).text == expected
    assert ask(owner, STATUS, f'"{first}"').text == expected
    assert ask(owner, STATUS, str(first), method="GET").text == expected
    assert ask(owner, STATUS.rstrip("/"), str(first)).text == expected


def test_infos_to_the_letter(owner: Merchant, first: int) -> None:
    answer = owner.get(INFOS, id=first)
    at = answer.json()["data"]["datetime"]
    assert INSTANT.fullmatch(at)
    assert answer.text == (
        f'{{"errorCode":0,"merchant_id":"{owner.id}","invoice_id":"{first}","data":'
        f'{{"status":"invoice:created","id":{first},"devise":"USD","amount":1,'
        '"description":"The invoice has been created","callbackJson":null,"fiat_amount":null,'
        f'"fiat_currency":null,"totalAmount":null,"totalCurrency":null,"datetime":"{at}"}}}}'
    )
    assert ask(owner, INFOS, str(first)).body == answer.body
    assert ask(owner, INFOS, str(first), method="GET").body == answer.body


def test_infos_of_a_paid_invoice_tell_what_the_payer_paid_and_the_merchant_gets(
    owner: Merchant,
) -> None:
    paid = owner.infos(owner.newest_invoice())
    assert paid["status"] == "invoice:awaiting_approval"
    assert paid["amount"] == 4.5
    assert paid["fiat_currency"] == "INR"
    assert paid["fiat_amount"] > 4.5
    assert paid["totalCurrency"] == "USDC"
    assert 0 < paid["totalAmount"] <= 4.5


@pytest.mark.parametrize("written", ['""', "null"])
def test_an_id_is_asked_for(owner: Merchant, written: str) -> None:
    for path in (STATUS, INFOS):
        said = ask(owner, path, written).json()
        assert said == {"errorCode": 50002, "errorMessage": "id required"}
        assert code(owner.get(path)) == 50002


@pytest.mark.parametrize(
    "written",
    ["true", "[]", "[1]", "{}", "0", "-1", "1.0", "1e2", '"01"', '" 1"', '"1;"', '"abc"', '"１"',
     '"1\\u0000"', "1000000000000000000", "9" * 40],
)  # fmt: skip
def test_an_id_has_one_form(owner: Merchant, written: str) -> None:
    for path in (STATUS, INFOS):
        assert ask(owner, path, written).json() == {
            "errorCode": 50014, "errorMessage": "invalid id",
        }  # fmt: skip


def test_an_id_that_nobody_has(owner: Merchant) -> None:
    for path in (STATUS, INFOS):
        assert owner.get(path, id="999999999999999999").json() == {
            "errorCode": 50016, "errorMessage": "invoice not found",
        }  # fmt: skip


def test_an_invoice_of_another_merchant_is_not_told_of(regular: Merchant, first: int) -> None:
    refused = {"errorCode": 50011, "errorMessage": "This invoice belongs to another merchant"}
    for path in (STATUS, INFOS):
        assert regular.get(path, id=first).json() == refused
        assert ask(regular, path, str(first)).json() == refused
        assert ask(regular, path, f'{first},"merchant_id":1').json() == refused


def test_the_history_of_another_merchant_is_not_told_of(
    owner: Merchant, merchant: Merchant
) -> None:
    said = merchant.get(HISTORY, merchant_id=owner.id, email="p1@example.com").json()
    assert (said["list"], said["total"]) == ([], "0")


def test_history_to_the_letter(owner: Merchant, first: int) -> None:
    said = owner.get(HISTORY).json()
    envelope = {name: value for name, value in said.items() if name != "list"}
    assert json.dumps(envelope) == json.dumps(
        {"errorCode": 0, "status": "ALL", "from": None, "to": None, "page": 1, "order": "ASC",
         "total": str(CREATED + 2)}
    )  # fmt: skip
    assert list(said)[-2:] == ["list", "total"]
    record = said["list"][0]
    assert INSTANT.fullmatch(record["create_date"])
    assert list(record.items()) == list(
        {"id": str(first), "email": "p0@example.com", "status": "CREATED", "amount": "1.00",
         "symbol": "USD", "create_date": record["create_date"],
         "status_date": record["create_date"], "tx_hash": None, "exchange_currency_symbol": None,
         "paid_amount": None, "merchant_amount": None, "fee_amount": None, "ip": None,
         "country": None, "success_url": None, "pending_url": None, "cancel_url": None}.items()
    )  # fmt: skip


def test_a_paid_record_tells_how_the_money_was_shared(owner: Merchant) -> None:
    record = owner.get(HISTORY, status="WAITING").json()["list"][0]
    assert record["status"] == "WAITING SETTLEMENT"
    assert (record["amount"], record["paid_amount"]) == ("4.50", "4.50")
    assert re.fullmatch(r"\d\.\d{3}", record["merchant_amount"])
    assert re.fullmatch(r"\d\.\d{3}", record["fee_amount"])
    assert (record["ip"], record["country"]) == ("203.0.113.9", "IN")


@pytest.mark.parametrize(
    ("status", "count"),
    [("ALL", CREATED + 2), ("", CREATED + 2), ("UNPAID", CREATED + 1), ("WAITING", 1),
     ("PAID", 0), ("EXPIRED", 0)],
)  # fmt: skip
def test_history_by_status(owner: Merchant, status: str, count: int) -> None:
    said = owner.get(HISTORY, status=status).json()
    assert (said["status"], said["total"]) == (status or "ALL", str(count))
    assert len(said["list"]) == min(count, 50)


def test_pages_of_fifty_in_both_orders(owner: Merchant) -> None:
    def ids(**query: Any) -> list[int]:
        said = owner.get(HISTORY, **query).json()
        assert said["total"] == str(CREATED + 2)
        return [int(record["id"]) for record in said["list"]]

    up = [ids(page=page) for page in (1, 2, 3)]
    down = [ids(page=page, order="DESC") for page in (1, 2, 3)]
    assert [len(page) for page in up] == [50, 3, 0]
    whole = [one for page in up for one in page]
    assert whole == sorted(set(whole))
    assert [one for page in down for one in page] == whole[::-1]
    assert ids(page=10_000_000) == []


def test_history_by_days_both_included(owner: Merchant) -> None:
    def count(**query: str) -> str:
        said = owner.get(HISTORY, **query).json()
        assert [said["from"], said["to"]] == [query.get("from"), query.get("to")]
        return str(said["total"])

    born = owner.get(HISTORY).json()["list"][0]["create_date"][:10]
    yesterday = str(date.fromisoformat(born) - timedelta(days=1))
    last = owner.get(HISTORY, order="DESC").json()["list"][0]["create_date"][:10]
    everything = str(CREATED + 2)
    assert count(**{"from": born, "to": last}) == everything
    assert count(**{"from": "0001-01-01", "to": "9999-12-31"}) == everything
    assert count(to=yesterday) == "0"
    assert count(**{"from": last, "to": yesterday}) == "0"
    assert count(**{"from": str(date.fromisoformat(last) + timedelta(days=1))}) == "0"


@pytest.mark.parametrize(
    ("query", "number", "message"),
    [
        ({"order": "UP"}, 50012, "Invalid order. order must be ASC or DESC"),
        ({"order": "asc"}, 50012, "Invalid order. order must be ASC or DESC"),
        ({"status": "paid"}, 50014, "invalid status"),
        ({"status": "invoice:paid"}, 50014, "invalid status"),
        ({"from": "01/02/2023"}, 50014, "invalid from"),
        ({"from": "2023-02-30"}, 50014, "invalid from"),
        ({"to": "2023-1-1"}, 50014, "invalid to"),
        ({"to": "2023-01-01T00:00:00"}, 50014, "invalid to"),
        ({"to": "２０２３-01-01"}, 50014, "invalid to"),
        ({"page": "0"}, 50014, "invalid page"),
        ({"page": "-1"}, 50014, "invalid page"),
        ({"page": "1.5"}, 50014, "invalid page"),
        ({"page": "10000001"}, 50014, "invalid page"),
        ({"page": "x"}, 50014, "invalid page"),
        ({"status": "x", "from": "x", "order": "x", "page": "x"}, 50014, "invalid status"),
    ],
)
def test_a_wrong_filter_is_named(
    owner: Merchant, query: dict[str, str], number: int, message: str
) -> None:
    assert owner.get(HISTORY, **query).json() == {"errorCode": number, "errorMessage": message}


@pytest.mark.parametrize("name", ["status", "from", "to", "order", "page"])
@pytest.mark.parametrize("value", [True, False, [], {}, ["ASC"], 1.5])
def test_a_filter_of_another_kind_is_refused_not_guessed(
    owner: Merchant, name: str, value: Any
) -> None:
    assert code(send(owner, HISTORY, {name: value}, method="GET")) in (50012, 50014)


def test_the_filters_may_come_as_a_body(owner: Merchant) -> None:
    said = send(owner, HISTORY, {"page": 2, "order": "DESC", "from": None}, method="GET").json()
    assert (said["page"], said["order"], len(said["list"])) == (2, "DESC", 3)


def test_history_words_two_errors_differently(gateway: Gateway) -> None:
    stranger = Merchant(gateway, 0, "0d8d8e89a6cdcd", "")
    assert stranger.get(HISTORY).json() == {
        "errorCode": 50007, "errorMessage": "Invalid API-KEY",
    }  # fmt: skip
    elsewhere = gateway.merchant("--ip", "10.0.0.0/8", name="Elsewhere")
    gateway.command("merchant", "set", str(elsewhere.id), "--ip", "10.0.0.0/8")
    assert elsewhere.get(HISTORY).json() == {
        "errorCode": 50006, "errorMessage": "You can not use this API from this IP address",
    }  # fmt: skip
    assert elsewhere.post(CREATE, GOOD).json()["errorMessage"].startswith("this API-KEY can not")
