"""A program that knows only the original API creates invoices here, unchanged."""

import json
import time
import urllib.parse
from typing import Any

import pytest

from tests.stories.api.wire import CREATE, GOOD, HISTORY, JSON, code, send
from tests.stories.gateway import Answer, Gateway, Merchant, call


def as_form(fields: dict[str, str]) -> tuple[bytes, str]:
    return urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"


def as_multipart(fields: dict[str, str]) -> tuple[bytes, str]:
    part = '--edge\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = "".join(part.format(*field) for field in fields.items()) + "--edge--\r\n"
    return body.encode(), "multipart/form-data; boundary=edge"


def as_json(fields: dict[str, str]) -> tuple[bytes, str]:
    return json.dumps(fields).encode(), "application/json; charset=utf-8"


@pytest.mark.parametrize("path", [CREATE, CREATE.rstrip("/")])
def test_the_reply_is_the_documented_one_to_the_letter(regular: Merchant, path: str) -> None:
    answer = regular.post(path, {"email": "payer@example.com", "amount": 1, "devise": "USD"})
    url = answer.json()["redirectUrl"]
    assert answer.status == 200
    assert answer.text == (
        f'{{"errorCode":0,"redirectUrl":"{url}","html":"<a href=\'{url}\'></a>"}}'
    )
    assert url.startswith(f"{regular.gateway.url}/widget/sale/create/?token=")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("written", [as_json, as_form, as_multipart])
def test_the_body_may_be_json_or_a_form(regular: Merchant, written: Any) -> None:
    body, media = written({"email": "a@example.com", "amount": "15.04", "devise": "USD",
                           "success_url": "https://shop.example/?a=1&b=2"})  # fmt: skip
    assert code(regular.post(CREATE, body, Content_Type=media)) == 0
    record = regular.get(HISTORY, order="DESC").json()["list"][0]
    assert (record["email"], record["amount"]) == ("a@example.com", "15.04")
    assert record["success_url"] == "https://shop.example/?a=1&b=2"


def test_a_body_without_a_media_type_is_json(regular: Merchant) -> None:
    assert code(send(regular, CREATE, GOOD, headers=())) == 0


def test_parameters_nobody_knows_are_ignored(regular: Merchant) -> None:
    more = {"status": "invoice:paid", "merchant_id": 1, "fee": 0, "id": 9, "paid_at": "now"}
    assert code(regular.create(**more)) == 0
    infos = regular.infos(regular.newest_invoice())
    assert infos["status"] == "invoice:created"
    assert infos["id"] != 9


def test_the_query_of_a_post_counts_for_nothing(regular: Merchant) -> None:
    assert code(regular.post(f"{CREATE}?amount=1&devise=USD", {"email": "a@b.co"})) == 50003


def test_the_address_of_the_page_is_the_configured_one_whatever_the_host_says(
    regular: Merchant,
) -> None:
    for header in ("X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL"):
        answer = send(regular, CREATE, GOOD, [JSON, (header, "evil.example")])
        assert answer.json()["redirectUrl"].startswith(regular.gateway.url)


def test_server_to_server_by_upi_tells_what_the_shop_must_show(merchant: Merchant) -> None:
    answer = merchant.create(payment_solution_type="UPI", customer_ip="203.0.113.9")
    said = answer.json()
    assert list(said) == ["errorCode", "redirectUrl", "status", "ID", "upiUri", "expiresAt"]
    assert said["status"] == "invoice:opened"
    assert said["ID"] == str(merchant.newest_invoice())
    assert said["upiUri"].startswith("upi://pay?")
    assert merchant.status(int(said["ID"])) == "invoice:opened"


@pytest.mark.parametrize(
    "more",
    [
        {"payment_solution_type": "UPI"},
        {"customer_ip": "203.0.113.9"},
        {"personal_id": "12345678901", "name": "Asha Rao", "customer_ip": "2001:db8::1"},
        {"payment_solution_type": "UPI", "payment_solution_name": "upi_sandbox"},
        {"payment_solution_type": "", "personal_id": None, "callbackJson": "", "name": ""},
    ],
)
def test_everything_else_is_the_redirect(regular: Merchant, more: dict[str, Any]) -> None:
    said = regular.create(**more).json()
    assert list(said) == ["errorCode", "redirectUrl", "html"], said


EVERYTHING_WRONG = b'{"email": "x", "amount": NaN'


@pytest.fixture(scope="module")
def strangers(gateway: Gateway) -> dict[int, str | None]:
    """Who is refused, by the code. Each of them breaks all the later rules as well."""
    wallet = ("--email", "x@example.com", "--name", "Stranger", "--json")

    def key(*words: str) -> str:
        return str(gateway.command("merchant", "create", *wallet, *words)["api_key"])

    return {
        50001: None,
        50007: "0d8d8e89a6cdcd",
        50010: key(),
        50006: key("--ip", "10.0.0.0/8"),
        50008: key("--ip", "127.0.0.1"),
    }


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (50001, "API-KEY required"),
        (50007, "invalid API-KEY"),
        (50010, "No IP is linked to your account. "
                "Please enter them in your profile page and API block"),
        (50006, "this API-KEY can not use this API from this IP address"),
        (50008, "You cannot create a sale because your wallet is being validated and activated."
                "You will receive a confirmation email as soon as the treatment process is completed."
                "While waiting for the final activation, you can still change it from "
                "{base}/client/profile the profile page"),
    ],
)  # fmt: skip
def test_who_calls_is_asked_before_what_he_says(
    gateway: Gateway, strangers: dict[int, str | None], number: int, message: str
) -> None:
    key = strangers[number]
    answer = call("POST", gateway.url + CREATE, EVERYTHING_WRONG, {"API-KEY": key} if key else {})
    assert answer.status == 200
    assert answer.json() == {
        "errorCode": number,
        "errorMessage": message.format(base=gateway.url),
    }


def test_an_empty_key_is_no_key(gateway: Gateway) -> None:
    assert code(call("POST", gateway.url + CREATE, b"{}", {"API-KEY": ""})) == 50001


FAULTS: list[tuple[dict[str, Any], int, str]] = [
    ({"email": None}, 50002, "email required"),
    ({"amount": ""}, 50003, "amount required"),
    ({"devise": None}, 50004, "devise required"),
    ({"email": "no address"}, 50005, "invalid email address"),
    ({"devise": "usd"}, 50009, "invalid devise"),
    ({"amount": "NaN"}, 50013, "invalid amount"),
    ({"amount": "0.99"}, 50012, "Your amount is BELOW the allowed minimum amount"),
    ({"amount": "1000.01"}, 50011, "Your amount is ABOVE the allowed maximum amount"),
    ({"success_url": "javascript:alert(1)"}, 50014, "invalid success_url"),
    ({"cancel_url": "//shop.example"}, 50014, "invalid cancel_url"),
    ({"pending_url": 7}, 50014, "invalid pending_url"),
    ({"failure_url": "https://a b"}, 50014, "invalid failure_url"),
    ({"callbackJson": "x" * 16_384}, 50014, "invalid callbackJson"),
    ({"payment_solution_type": "GOLD"}, 50014, "invalid payment_solution_type"),
    ({"payment_solution_name": ["razorpay"]}, 50014, "invalid payment_solution_name"),
    ({"checkoutMode": "nft"}, 50017, "payment method not available"),
    ({"personal_id": "1234567890"}, 50014, "invalid personal_id"),
    ({"customer_ip": "1.2.3"}, 50014, "invalid customer_ip"),
    ({"name": "a\nb"}, 50014, "invalid name"),
    ({"country": "India"}, 50014, "invalid country"),
]


@pytest.fixture(scope="module")
def bounded(gateway: Gateway) -> Merchant:
    """A merchant who takes from 1 to 1000."""
    merchant = gateway.merchant(name="Bounded")
    gateway.command(
        "merchant", "set", str(merchant.id), "--min-amount", "1", "--max-amount", "1000"
    )
    return merchant


@pytest.mark.parametrize("place", range(len(FAULTS)))
def test_of_two_faults_the_earlier_in_the_document_is_told(bounded: Merchant, place: int) -> None:
    fault, number, message = FAULTS[place]
    for later, _, _ in [({}, 0, ""), *FAULTS[place + 1 :]]:
        answer = bounded.post(CREATE, {**GOOD, **later, **fault})
        assert answer.status == 200
        assert answer.json() == {"errorCode": number, "errorMessage": message}, later


@pytest.mark.parametrize(
    "more",
    [
        {"payment_solution_type": "CARD", "payment_solution_name": "upi_sandbox"},
        {"payment_solution_type": "CRYPTO", "payment_solution_name": "chain_solana"},
        {"payment_solution_type": "UPI", "payment_solution_name": "nobody"},
        {"payment_solution_name": "nobody"},
    ],
)
def test_a_rail_or_a_solution_that_is_not_here_is_said_so(
    regular: Merchant, more: dict[str, Any]
) -> None:
    assert code(regular.create(**more)) == 50017


@pytest.mark.parametrize(
    ("field", "number"),
    [
        ("email", 50005), ("amount", 50013), ("devise", 50009), ("success_url", 50014),
        ("failure_url", 50014), ("payment_solution_type", 50014), ("payment_solution_name", 50014),
        ("personal_id", 50014), ("customer_ip", 50014), ("country", 50014), ("name", 50014),
        ("phone", 50014),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [True, False, [], ["USD"], {}, {"a": 1}, "\x00"])
def test_a_value_of_another_kind_is_refused_not_guessed(
    regular: Merchant, field: str, number: int, value: Any
) -> None:
    assert code(regular.create(**{field: value})) == number


@pytest.mark.parametrize("email", ["a@b", "a@@b.co", "a b@c.de", "@b.co", "a@b..co", "a@-b.co",
                                   "ä@b.co", "a@b.co\n", "a" * 65 + "@b.co", "<a@b.co>"])  # fmt: skip
def test_an_email_address_has_one_form(regular: Merchant, email: str) -> None:
    assert code(regular.create(email=email)) == 50005


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "ftp://a.b/", "https:a.b", "//a.b", "https://",
     "https://u:p@a.b/", "https://a.b\\@evil.example", "https://a.b/\r\nX: y", "https://a.b/ c",
     "https://a.b/\x00", " https://a.b/", "https://a.b/" + "x" * 2048],
)  # fmt: skip
def test_the_payer_is_sent_back_to_plain_web_addresses_only(regular: Merchant, url: str) -> None:
    assert code(regular.create(success_url=url)) == 50014


def test_an_address_zone_may_hold_anything_and_is_refused(regular: Merchant) -> None:
    assert code(regular.create(customer_ip="fe80::1%\x00<b>")) == 50014


def reply_to(gateway: Gateway, method: str, path: str) -> Answer:
    return call(method, gateway.url + path, headers={"API-KEY": "none"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/btn-create-invoice/get"), ("GET", "/api/invoice/status"),
        ("POST", "/api/invoice/status"), ("GET", "/api/client-invoice-info/get"),
        ("POST", "/api/client-invoice-info/get"), ("GET", "/api/client-invoice-history/get"),
        ("GET", "/api/crypto-payable-currencies/get"), ("GET", "/api/payment-solution-type/get"),
        ("GET", "/api/payment-solution-name/get"), ("GET", "/api/events"),
        ("GET", "/api/events/stream"), ("GET", "/api/webhook-endpoints/get"),
    ],
)  # fmt: skip
def test_every_call_has_its_guard_under_both_forms_of_its_path(
    gateway: Gateway, method: str, path: str
) -> None:
    assert code(reply_to(gateway, method, path)) == 50007
    assert code(reply_to(gateway, method, f"{path}/")) == 50007


def test_calls_that_are_not_there(gateway: Gateway) -> None:
    assert reply_to(gateway, "GET", "/api/nothing/").json()["errorCode"] == 404
    assert reply_to(gateway, "GET", f"{CREATE}/").json()["errorCode"] == 404
    assert reply_to(gateway, "GET", CREATE).json()["errorCode"] == 405
    assert reply_to(gateway, "DELETE", "/api/invoice/status/").status == 405


def coins_are_on(merchant: Merchant) -> None:
    """Wait for the chains, which answer a moment after the API does."""
    deadline = time.monotonic() + 30
    while len(merchant.get("/api/crypto-payable-currencies/get/").json()["list"]) < 8:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_merchant_without_crypto_is_told_so(gateway: Gateway) -> None:
    without = gateway.merchant(name="No coins")
    gateway.command("merchant", "set", str(without.id), "--methods", "CARD,UPI")
    assert code(without.create(payableCurrencies="USDT_polygon")) == 50017


@pytest.mark.parametrize(
    "coins", ["USDT", "USDT_solana", "usdt_polygon", "USDT_polygon,DOGE_bsc", 7, {}, [], [None]]
)
def test_a_coin_that_is_not_here_is_named(regular: Merchant, coins: Any) -> None:
    coins_are_on(regular)
    answer = regular.create(payableCurrencies=coins)
    assert code(answer) == 50014
    assert answer.json()["errorMessage"] == "invalid payableCurrencies"


def test_what_can_be_paid_with_is_listed(regular: Merchant) -> None:
    coins_are_on(regular)
    assert regular.get("/api/payment-solution-type/get/").json() == {
        "errorCode": 0, "list": ["CARD", "UPI", "CRYPTO"],
    }  # fmt: skip
    chains = ["chain_ethereum", "chain_polygon", "chain_bsc"]
    names = {"CARD": ["card_sandbox"], "UPI": ["upi_sandbox"], "CRYPTO": chains}
    for type_, listed_names in names.items():
        said = regular.get("/api/payment-solution-name/get/", type=type_).json()
        assert said == {"errorCode": 0, "list": listed_names}
    said = regular.get("/api/payment-solution-name/get/").json()
    assert said["list"] == ["card_sandbox", "upi_sandbox", *chains]
    assert code(regular.get("/api/payment-solution-name/get/", type="GOLD")) == 50014
    listed = send(regular, "/api/payment-solution-name/get/", {"type": ["UPI"]}, method="GET")
    assert code(listed) == 50014
    coins = regular.get("/api/crypto-payable-currencies/get/").json()["list"]
    assert {"value": "USDT_polygon", "coin": "USDT", "network": "polygon", "decimals": 6,
            "confirmations": 3} in coins  # fmt: skip
