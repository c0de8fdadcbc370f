"""A call that is repeated with its key is done once, and answered as it was the first time."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stories.api.wire import CREATE, GOOD, JSON, code, send, total
from tests.stories.gateway import Gateway, Merchant

DIRECT = {**GOOD, "payment_solution_type": "UPI", "customer_ip": "203.0.113.9"}


def test_a_repeat_gets_the_first_answer_however_it_is_written(merchant: Merchant) -> None:
    first = merchant.post(CREATE, {**GOOD, "callbackJson": {"a": 1, "b": 2}}, Idempotency_Key="k")
    assert "idempotent-replayed" not in first.headers
    again = merchant.post(
        CREATE,
        b'{ "callbackJson": {"b":2.0, "a":1},\n "devise":"USD", "amount":1.0,'
        b' "email":"\\u0070ayer@example.com" }',
        Idempotency_Key="k",
    )
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert total(merchant) == 1


@pytest.mark.parametrize(
    ("other", "differing"),
    [
        ({"amount": 2}, "amount"),
        ({"amount": "1"}, "amount"),
        ({"email": "Payer@example.com"}, "email"),
        ({"name": "Asha"}, "name"),
        ({"callbackJson": {"big": 123456789012345678901234567891}}, "callbackJson"),
        ({"devise": "USD", "nobody": "knows this", "amount": 7}, "amount, nobody"),
    ],
)
def test_other_content_under_the_same_key_is_refused_by_name(
    keyed: Merchant, other: dict[str, Any], differing: str
) -> None:
    answer = keyed.post(CREATE, {**FIRST, **other}, Idempotency_Key="first")
    assert answer.status == 422
    assert answer.json() == {
        "errorCode": 422,
        "errorMessage": f"this Idempotency-Key was used with other content; different: {differing}",
    }


FIRST = {**GOOD, "callbackJson": {"big": 123456789012345678901234567890}}


@pytest.fixture(scope="module")
def keyed(gateway: Gateway) -> Merchant:
    """A merchant who used the key `first`."""
    merchant = gateway.merchant(name="Keyed")
    assert code(merchant.post(CREATE, FIRST, Idempotency_Key="first")) == 0
    return merchant


def test_what_was_left_out_differs_too(keyed: Merchant) -> None:
    assert "different: callbackJson" in keyed.post(CREATE, GOOD, Idempotency_Key="first").text


def test_a_refused_call_leaves_its_key_free(merchant: Merchant) -> None:
    assert code(merchant.post(CREATE, {**GOOD, "amount": "x"}, Idempotency_Key="k")) == 50013
    assert merchant.post(CREATE, b"{", Idempotency_Key="k").status == 400
    answer = merchant.post(CREATE, GOOD, Idempotency_Key="k")
    assert code(answer) == 0
    assert "idempotent-replayed" not in answer.headers


def test_keys_of_two_merchants_have_nothing_to_do_with_each_other(
    keyed: Merchant, merchant: Merchant
) -> None:
    answer = merchant.post(CREATE, GOOD, Idempotency_Key="first")
    assert code(answer) == 0
    assert "idempotent-replayed" not in answer.headers


@pytest.mark.parametrize("body", [GOOD, DIRECT], ids=["redirect", "server to server"])
def test_fifty_at_once_make_one_invoice(merchant: Merchant, body: dict[str, Any]) -> None:
    with ThreadPoolExecutor(50) as crowd:
        calls = [crowd.submit(merchant.post, CREATE, body, Idempotency_Key="k") for _ in range(50)]
        answers = [call.result() for call in calls]
    assert total(merchant) == 1
    assert {answer.status for answer in answers} <= {200, 409}
    assert len({answer.body for answer in answers if answer.status == 200}) == 1
    for twin in (answer for answer in answers if answer.status == 409):
        assert twin.headers["retry-after"] == "1"
        assert twin.json()["errorCode"] == 409
    assert merchant.post(CREATE, body, Idempotency_Key="k").status == 200


def test_a_server_to_server_repeat_shows_the_same_payment(merchant: Merchant) -> None:
    first = merchant.post(CREATE, DIRECT, Idempotency_Key="k")
    merchant.gateway.pay_by_upi(first.json()["upiUri"])
    again = merchant.post(CREATE, DIRECT, Idempotency_Key="k")
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("key", ["", "two words", "ключ".encode().decode("latin-1"), "x" * 256])
def test_a_key_that_cannot_be_kept_is_refused(regular: Merchant, key: str) -> None:
    answer = send(regular, CREATE, GOOD, [JSON, ("Idempotency-Key", key)])
    assert (answer.status, answer.json()["errorCode"]) == (400, 400)


def test_the_longest_key_is_kept(merchant: Merchant) -> None:
    for _ in range(2):
        assert code(merchant.post(CREATE, GOOD, Idempotency_Key="~" * 255)) == 0
    assert total(merchant) == 1


def test_without_a_key_the_same_call_is_another_invoice(merchant: Merchant) -> None:
    for _ in range(2):
        assert code(merchant.post(CREATE, GOOD)) == 0
    assert total(merchant) == 2
