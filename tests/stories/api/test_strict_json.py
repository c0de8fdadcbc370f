"""What forty-nine parsers read in forty-nine ways is read here in one, or not at all."""

import re

import pytest

from tests.stories.api.wire import CREATE, GOOD, STATUS, code, send_raw, total
from tests.stories.gateway import Merchant, call

KIB_64 = 64 * 1024


def in_callback(written: bytes) -> bytes:
    return (
        b'{"email":"payer@example.com","amount":1,"devise":"USD","callbackJson":' + written + b"}"
    )


NOT_STRICT = {
    "a name twice": b'{"amount":1,"amount":2}',
    "a name twice, once in disguise": b'{"amount":1,"\\u0061mount":2}',
    "a name twice, deep within": in_callback(b'[{"a":{"b":1,"b":1}}]'),
    "NaN": b'{"amount":NaN}',
    "Infinity": in_callback(b"[Infinity]"),
    "minus Infinity": in_callback(b"-Infinity"),
    "beyond a double": b'{"amount":1e309}',
    "far beyond": in_callback(b"1e1000000"),
    "an exponent of twenty digits": in_callback(b"1e-99999999999999999999"),
    "five thousand digits": b'{"amount":' + b"9" * 5_000 + b"}",
    "half a surrogate pair": b'{"email":"\\ud800"}',
    "the other half, as a name": in_callback(b'{"\\udfff":1}'),
    "a surrogate as bytes": b'{"email":"\xed\xa0\x80"}',
    "33 deep": in_callback(b"[" * 32 + b"]" * 32),
    "30,000 deep": in_callback(b"[" * 30_000 + b"]" * 30_000),
    "deep and never closed": b'{"a":' * 9_000,
    "no UTF-8": b'{"email":"\xff"}',
    "UTF-16": '{"email":"a"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "something after it": b'{"email":"a"} {}',
    "a comma too many": b'{"email":"a",}',
    "single quotes": b"{'email':'a'}",
    "a bare line break": b'{"email":"a\nb"}',
    "a comment": b'{"email":"a"/**/}',
    "a list": b"[]",
    "a text": b'"email"',
    "null": b"null",
    "an end missing": b'{"email":"a"',
    "a leading zero": b'{"amount":01}',
    "a plus": b'{"amount":+1}',
    "spaces only": b"   ",
}


@pytest.mark.parametrize("body", NOT_STRICT.values(), ids=NOT_STRICT.keys())
def test_what_is_not_strict_json_is_refused_and_said_so(regular: Merchant, body: bytes) -> None:
    answer = regular.post(CREATE, body)
    said = answer.json()
    assert (answer.status, said["errorCode"]) == (400, 400)
    assert list(said) == ["errorCode", "errorMessage"]
    assert len(said["errorMessage"]) < 120


def test_a_depth_bomb_of_100_000_levels_is_too_large_to_be_read(regular: Merchant) -> None:
    assert regular.post(CREATE, b"[" * 100_000).status == 413


def test_thirty_two_levels_are_enough_and_allowed(regular: Merchant) -> None:
    assert code(regular.post(CREATE, in_callback(b"[" * 31 + b"]" * 31))) == 0
    assert code(regular.post(CREATE, in_callback(b'"' + b"[{" * 500 + b'"'))) == 0


def test_no_body_is_an_empty_object(regular: Merchant) -> None:
    assert code(regular.post(CREATE, b"")) == 50002


def test_a_body_ends_at_64_kib(regular: Merchant) -> None:
    full = b'{"email":"x","padding":"' + b"x" * (KIB_64 - 26) + b'"}'
    assert len(full) == KIB_64
    assert code(regular.post(CREATE, full)) == 50003
    answer = regular.post(CREATE, full + b" ")
    assert (answer.status, answer.json()["errorCode"]) == (413, 413)
    assert answer.json()["errorMessage"] == "the body is larger than 64 KiB"


def test_a_body_that_does_not_say_its_length_ends_there_too(regular: Merchant) -> None:
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    heard = send_raw(regular, ["Transfer-Encoding: chunked"], [chunk] * 17)
    assert heard.startswith(b"HTTP/1.1 413 ")


def test_half_a_body_is_never_taken_for_a_whole_one(merchant: Merchant) -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    whole = b"email=a%40example.com&devise=USD&amount=1000"
    send_raw(merchant, [form, f"Content-Length: {len(whole)}"], [whole[:-2]])
    first_chunk = b"%x\r\n%b\r\n" % (len(whole) - 2, whole[:-2])
    send_raw(merchant, [form, "Transfer-Encoding: chunked"], [first_chunk])
    assert total(merchant) == 0


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "text/json", "json", "*/*",
                                   "application/json-patch+json"])  # fmt: skip
def test_a_body_of_another_kind_is_refused(regular: Merchant, media: str) -> None:
    answer = regular.post(CREATE, GOOD, Content_Type=media)
    assert (answer.status, answer.json()["errorCode"]) == (415, 415)


@pytest.mark.parametrize(
    "body",
    [
        b"amount=1&amount=2",
        b"email=%ff",
        b"email=\xff",
        b"&".join(b"a%d=1" % n for n in range(101)),
    ],
)
def test_a_form_is_read_as_strictly(regular: Merchant, body: bytes) -> None:
    answer = regular.post(CREATE, body, Content_Type="application/x-www-form-urlencoded")
    assert (answer.status, answer.json()["errorCode"]) == (400, 400)


PART = b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\n'


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("multipart/form-data", PART + b"a\r\n--b--\r\n"),
        ("multipart/form-data; boundary=other", PART + b"a\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", PART + b"a\r\n" + PART + b"b\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", PART + b"\xff\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"no part at all"),
        ("multipart/form-data; boundary=b",
         b'--b\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\na\r\n--b--\r\n'),
    ],
)  # fmt: skip
def test_a_multipart_form_is_read_as_strictly(regular: Merchant, media: str, body: bytes) -> None:
    answer = regular.post(CREATE, body, Content_Type=media)
    assert (answer.status, answer.json()["errorCode"]) == (400, 400)


@pytest.mark.parametrize("query", ["id=1&id=2", "id=%ff", "id=1&%69d=2"])
def test_a_query_is_read_as_strictly(regular: Merchant, query: str) -> None:
    answer = call(
        "GET", f"{regular.gateway.url}{STATUS}?{query}", headers={"API-KEY": regular.api_key}
    )
    assert (answer.status, answer.json()["errorCode"]) == (400, 400)


def test_an_error_tells_nothing_of_the_house(regular: Merchant) -> None:
    inside = re.compile(r"Traceback|File \"|\.py|/site-packages/|asyncpg|SELECT|decimal\.")
    for body in NOT_STRICT.values():
        assert not inside.search(regular.post(CREATE, body).text)
