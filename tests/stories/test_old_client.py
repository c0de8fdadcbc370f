"""Programs that know only the original API work here unchanged, and wrong words get clear answers."""

import json
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stories.gateway import Gateway, Merchant, call

CREATE = "/api/btn-create-invoice/get/"
GOOD = {"email": "payer@example.com", "amount": 1, "devise": "USD"}


@pytest.fixture(scope="module")
def regular(gateway: Gateway) -> Merchant:
    """A merchant for calls that are refused, and so leave nothing behind."""
    return gateway.merchant(name="Regular")


def refused(merchant: Merchant, body: Any) -> tuple[int, int, str]:
    answer = merchant.post(CREATE, body)
    said = answer.json()
    return answer.status, said["errorCode"], said["errorMessage"]


def test_an_old_client_creates_asks_and_looks_back(merchant: Merchant) -> None:
    created = merchant.post(CREATE, {"email": "old@example.com", "amount": 4, "devise": "USD"})
    url = created.json()["redirectUrl"]
    assert created.status == 200
    assert created.json() == {"errorCode": 0, "redirectUrl": url, "html": f"<a href='{url}'></a>"}

    invoice = merchant.newest_invoice()
    for answer in (
        merchant.get("/api/invoice/status/", id=invoice),
        merchant.post("/api/invoice/status", {"id": invoice}),
    ):
        assert answer.json()["invoice"] == {
            "id": str(invoice), "devise": "USD", "amount": "4", "status": "invoice:created",
        }  # fmt: skip
    infos = merchant.get("/api/client-invoice-info/get/", id=invoice).json()
    assert (infos["merchant_id"], infos["invoice_id"]) == (str(merchant.id), str(invoice))
    assert infos["data"]["id"] == invoice
    history = merchant.get("/api/client-invoice-history/get/", status="UNPAID").json()
    assert history["total"] == "1"
    assert history["list"][0]["amount"] == "4.00"


@pytest.mark.parametrize("media", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_forms_are_read_like_json(merchant: Merchant, media: str) -> None:
    fields = {
        "email": "a@example.com",
        "amount": "15.04",
        "devise": "USD",
        "callbackJson": '{"a": 1.10}',
    }
    body = urllib.parse.urlencode(fields).encode()
    if media.startswith("multipart"):
        part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
        body = ("".join(part.format(*field) for field in fields.items()) + "--b--\r\n").encode()
        media += "; boundary=b"
    assert merchant.post(CREATE, body, Content_Type=media).json()["errorCode"] == 0
    raw = merchant.get("/api/client-invoice-info/get/", id=merchant.newest_invoice()).body
    assert b'"callbackJson":{"a": 1.10}' in raw


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, 50002, "email required"),
        ({"email": "x"}, 50003, "amount required"),
        ({"email": "x", "amount": "NaN"}, 50004, "devise required"),
        ({"email": "x", "amount": "NaN", "devise": "usd"}, 50005, "invalid email address"),
        ({**GOOD, "amount": "NaN", "devise": "usd"}, 50009, "invalid devise"),
        ({**GOOD, "amount": "NaN", "success_url": "javascript:1"}, 50013, "invalid amount"),
        ({**GOOD, "success_url": "javascript:1", "personal_id": "1"}, 50014, "invalid success_url"),
        ({**GOOD, "personal_id": "1"}, 50014, "invalid personal_id"),
        ({**GOOD, "payment_solution_type": "GOLD"}, 50014, "invalid payment_solution_type"),
        ({**GOOD, "card_number": "4242424242424242"}, 50015, "name required"),
        ({**GOOD, "checkoutMode": "nft"}, 50017, "payment method not available"),
    ],
)
def test_checks_come_in_the_order_of_the_document(
    regular: Merchant, body: dict[str, Any], code: int, message: str
) -> None:
    assert refused(regular, body) == (200, code, message)


@pytest.mark.parametrize(
    "amount",
    ["0", "0.00", "01.00", ".5", "1.", "+5", "-5", "1e3", "1_000", "5,00", " 5", "１", "1.001",
     "1234567890123", "Infinity", True, [], {}],
)  # fmt: skip
def test_an_amount_is_a_plain_decimal_number(regular: Merchant, amount: Any) -> None:
    assert refused(regular, {**GOOD, "amount": amount})[:2] == (200, 50013)


def test_a_number_with_an_exponent_is_no_amount(regular: Merchant) -> None:
    body = b'{"email":"payer@example.com","amount":1e2,"devise":"USD"}'
    assert refused(regular, body)[1] == 50013


@pytest.mark.parametrize(
    "body",
    [
        b'{"amount":1,"amount":2}',
        b'{"callbackJson":{"a":1,"a":2}}',
        b'{"amount":NaN}',
        b'{"amount":1e309}',
        b'{"email":"\\ud800"}',
        b'{"callbackJson":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"amount":' + b"9" * 5_000 + b"}",
        b'{"email":"\xff"}',
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b"[]",
        b"",
        b"{",
    ],
)
def test_what_is_not_strict_json_gets_a_clear_error(regular: Merchant, body: bytes) -> None:
    answer = regular.post(CREATE, body)
    said = answer.json()
    if body == b"":
        assert (answer.status, said["errorCode"]) == (200, 50002)
    else:
        assert (answer.status, said["errorCode"]) == (400, 400)
    assert said["errorMessage"]


def test_a_body_too_large_and_of_no_known_kind(regular: Merchant) -> None:
    assert regular.post(CREATE, b"{" + b" " * 70_000 + b"}").status == 413
    assert regular.post(CREATE, b"hello", Content_Type="text/plain").status == 415


def test_who_calls_is_asked_first(gateway: Gateway, merchant: Merchant) -> None:
    def code(key: str | None, path: str = CREATE) -> tuple[int, str]:
        said = call("POST" if path == CREATE else "GET", gateway.url + path, b"{",
                    {"API-KEY": key} if key else {}).json()  # fmt: skip
        return said["errorCode"], said["errorMessage"]

    assert code(None) == (50001, "API-KEY required")
    assert code("0d8d8e89a6cdcd") == (50007, "invalid API-KEY")
    assert code("x", "/api/client-invoice-history/get/") == (50007, "Invalid API-KEY")
    idle = gateway.command("merchant", "create", "--email", "a@b.co", "--name", "Idle", "--json")
    assert code(idle["api_key"])[0] == 50010
    gateway.command("merchant", "set", idle["merchant_id"], "--ip", "10.0.0.0/8")


def test_a_key_is_used_once(merchant: Merchant) -> None:
    first = merchant.post(CREATE, GOOD, Idempotency_Key="k-1")
    again = merchant.post(
        CREATE, b'{ "devise":"USD", "amount":1,"email":"payer@example.com"}', Idempotency_Key="k-1"
    )
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    other = merchant.post(CREATE, {**GOOD, "amount": 2, "name": "A"}, Idempotency_Key="k-1")
    assert other.status == 422
    assert "amount, name" in other.json()["errorMessage"]
    assert merchant.post(CREATE, {**GOOD, "amount": 0}, Idempotency_Key="k-2").json()["errorCode"]
    assert merchant.post(CREATE, GOOD, Idempotency_Key="k-2").json()["errorCode"] == 0


def test_fifty_at_once_with_one_key_make_one_invoice(merchant: Merchant) -> None:
    with ThreadPoolExecutor(16) as crowd:
        answers = list(
            crowd.map(lambda _: merchant.post(CREATE, GOOD, Idempotency_Key="same"), range(50))
        )
    assert {answer.status for answer in answers} <= {200, 409}
    assert len({answer.body for answer in answers if answer.status == 200}) == 1
    history = merchant.get("/api/client-invoice-history/get/").json()
    assert history["total"] == "1"


def test_an_invoice_of_another_merchant_stays_his(gateway: Gateway, merchant: Merchant) -> None:
    merchant.new_page()
    invoice = merchant.newest_invoice()
    stranger = gateway.merchant(name="Stranger")
    for path in ("/api/invoice/status/", "/api/client-invoice-info/get/"):
        said = stranger.get(path, id=invoice).json()
        assert said == {
            "errorCode": 50011,
            "errorMessage": "This invoice belongs to another merchant",
        }
        assert stranger.get(path, id=10**9).json()["errorCode"] == 50016


def test_callback_json_comes_back_to_the_letter(merchant: Merchant) -> None:
    told = '{"n": 1.10, "big": 123456789012345678901234567890, "t": "\\u00e9\\n"}'
    body = f'{{"email":"a@example.com","amount":1,"devise":"USD","callbackJson":{told}}}'
    assert merchant.post(CREATE, body.encode()).json()["errorCode"] == 0
    infos = merchant.get("/api/client-invoice-info/get/", id=merchant.newest_invoice())
    assert told.encode() in infos.body
    assert json.loads(infos.body)["data"]["callbackJson"]["n"] == 1.10
