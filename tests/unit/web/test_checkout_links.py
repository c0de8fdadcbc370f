"""Which addresses the payment page links to, and what its answers carry."""

import gzip
import hashlib
import re

import pytest
from starlette.requests import Request

from nonstopay.errors import LawBroken
from nonstopay.web.checkout.assets import asset, assets, serve
from nonstopay.web.checkout.headers import security_headers
from nonstopay.web.checkout.links import (
    Platform,
    app_links,
    in_language,
    own_path,
    payee_of,
    platform_of,
    safe_href,
)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/thanks?order=1&x=%20#top",
        "http://127.0.0.1:3000/ok",
        "https://xn--bcher-kva.example/",
        "https://[2001:db8::1]/",
        "HTTPS://SHOP.EXAMPLE/",
    ],
)
def test_a_merchants_web_address_is_linked(url: str) -> None:
    assert safe_href(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        " https://shop.example/",
        "\x01https://shop.example/",
        "https://shop.example/\nSet-Cookie: a=b",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "upi://pay?pa=x@y",
        "//shop.example/",
        "/thanks",
        "https:shop.example",
        "https:///path",
        "https://bank.example@evil.example/",
        "https://user:pass@evil.example/",
        "https:\\\\evil.example",
        "https://shop.example\\@evil.example/",
        'https://shop.example/"onclick=',
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://[::1/",
        "https://shop.example/\u2028",
        "https://shop.example/" + "a" * 2048,
    ],
)
def test_anything_else_is_not(url: str | None) -> None:
    assert safe_href(url) is None


@pytest.mark.parametrize(
    "url", ["https://a.example/", "//a.example", "/\\a.example", "/a b", "/a\n", "", "a"]
)
def test_our_own_paths_stay_on_our_host(url: str) -> None:
    with pytest.raises(LawBroken):
        own_path(url)


def test_a_language_takes_the_place_of_another() -> None:
    assert in_language("/p/?token=a.b&lang=fr&x=", "hi") == "/p/?token=a.b&x=&lang=hi"
    assert in_language("/p/", "hi") == "/p/?lang=hi"


@pytest.mark.parametrize(
    "uri",
    [
        "https://shop.example/",
        "upi://collect?pa=a@b",
        "upi://pay?pa=a@b&pn=<b>",
        'upi://pay?pa=a@b"',
        "upi://pay?pa=a@b&pn=a b",
        "upi://pay?pa=a@b&tn=" + "a" * 2048,
    ],
)
def test_only_a_plain_upi_link_opens_an_app(uri: str) -> None:
    with pytest.raises(LawBroken):
        app_links(uri, Platform.OTHER)


def test_the_payee_is_who_the_app_will_name() -> None:
    assert payee_of("upi://pay?pa=a@b&pn=L%C3%A9a%20%26%20Co") == "Léa & Co"
    assert payee_of("upi://pay?pa=a@b") == "a@b"


@pytest.mark.parametrize(
    ("agent", "platform"),
    [
        ("Mozilla/5.0 (Linux; Android 16; Pixel 10) Chrome/156", Platform.ANDROID),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)", Platform.IOS),
        ("Mozilla/5.0 (X11; Linux x86_64)", Platform.OTHER),
        (None, Platform.OTHER),
    ],
)
def test_the_platform_is_read_from_the_browsers_name(agent: str | None, platform: Platform) -> None:
    assert platform_of(agent) is platform


def test_static_files_carry_their_hash_in_their_address() -> None:
    served = assets()
    css = asset("checkout.css")
    assert served[css.path] is css
    assert hashlib.sha256(css.body).hexdigest()[:12] in css.path
    assert {each.content_type for each in served.values()} == {
        "text/css; charset=utf-8",
        "text/javascript; charset=utf-8",
        "image/svg+xml",
    }


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip, deflate, br", True),
        ("GZIP;q=0.5", True),
        ("br, gzip ; q=1", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0, br", False),
        ("gzip;q=nonsense", False),
        ("x-gzip-not", False),
        ("identity", False),
        ("*", False),
        ("", False),
    ],
)
def test_static_files_are_packed_for_whoever_takes_it(accepted: str, packed: bool) -> None:
    css = asset("checkout.css")
    answer = serve(assets(), request_for(css.path, accepted))
    assert answer.status_code == 200
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    body = bytes(answer.body)
    assert (gzip.decompress(body) if packed else body) == css.body
    assert answer.headers["content-length"] == str(len(body))


def test_there_are_no_other_static_files() -> None:
    assert serve(assets(), request_for("/static/checkout/../page.py", "gzip")).status_code == 404


def request_for(path: str, accepted: str) -> Request:
    headers = [(b"accept-encoding", accepted.encode())]
    return Request({"type": "http", "method": "GET", "path": path, "headers": headers})


def test_static_files_fetch_nothing_from_anywhere() -> None:
    for each in assets().values():
        text = each.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|@import|url\(", text), each.path


def test_the_policy_lets_nothing_in_but_our_own_files() -> None:
    policy = dict(
        directive.split(" ", 1)
        for directive in security_headers()["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in security_headers()["Content-Security-Policy"]
    assert security_headers()["Referrer-Policy"] == "no-referrer"
    assert security_headers()["Cache-Control"] == "no-store"
