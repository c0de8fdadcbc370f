"""The payment page in a real browser: live news, policy, countdown, fingers, hasty hands."""

import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from nonstopay.web.checkout.assets import assets
from nonstopay.web.checkout.headers import security_headers
from nonstopay.web.checkout.page import DeclineReason, UpiPage, UpiState, Visit
from nonstopay.web.checkout.render import render_choose, render_done, render_upi
from tests.unit.web.checkout_pages import CHOOSE, DONE, INVOICE, LINK, UPI, every_page
from tests.unit.web.crypto_pages import every_crypto_page

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
TARGETS = "a:visible, button:visible, summary:visible, .kinds>label:visible, .field input:visible"
CRYPTO = (
    "coins", "coins changed", "crypto waiting", "crypto ether", "crypto topped up", "crypto late",
    "refund invalid",
)  # fmt: skip


class Shop:
    """A little server that shows whatever page it is told to, and says so when it changes."""

    def __init__(self) -> None:
        self.html = ""
        self.posted: list[str] = []
        self.listeners: list[Queue[str]] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path in assets():
                    self.answer(assets()[path].content_type, assets()[path].body)
                elif path == "/events/":
                    self.stream()
                elif path == "/merchant":
                    self.answer("text/html", b"<h1>The merchant</h1>")
                else:
                    self.answer("text/html; charset=utf-8", shop.html.encode())

            def do_POST(self) -> None:
                shop.posted.append(self.path)
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()

            def answer(self, content_type: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                for name, value in security_headers().items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def stream(self) -> None:
                news: Queue[str] = Queue()
                shop.listeners.append(news)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                with suppress(OSError, Empty):
                    while True:
                        self.wfile.write(f"event: state\ndata: {news.get(timeout=20)}\n\n".encode())

            def log_message(self, format: str, *args: object) -> None:
                """Tests are quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def tell(self, state: str, revision: str) -> None:
        for news in self.listeners:
            news.put(json.dumps({"state": state, "revision": revision, "reload": False}))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: the payment page is not looked at")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.server.shutdown()
    shop.server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(5000)
        yield page


def visit() -> Visit:
    return Visit(now=datetime.now(UTC), url="/pay/?token=abc")


def waiting(seconds: float = 300) -> UpiPage:
    here = visit()
    return replace(
        UPI,
        visit=here,
        invoice=replace(INVOICE, valid_until=here.now + timedelta(days=14)),
        qr_expires_at=here.now + timedelta(seconds=seconds),
    )


def test_the_page_turns_to_paid_without_being_loaded_again(shop: Shop, page: Page) -> None:
    shop.html = render_upi(waiting())
    page.goto(f"{shop.url}/pay/?token=abc")
    page.evaluate("window.untouched = true")
    expect(page.get_by_role("timer")).to_contain_text("4:")
    shop.html = render_done(replace(DONE, forward_seconds=0, revision="4"))
    while not shop.listeners:
        page.wait_for_timeout(20)
    shop.tell("paid", "4")
    expect(page.get_by_role("heading", level=1)).to_have_text("Paid")
    expect(page.get_by_role("status")).to_contain_text("Your payment of ₹417.05")
    assert page.evaluate("window.untouched") is True
    assert page.title() == "Payment to Lotus Books"


def test_news_of_what_is_shown_already_changes_nothing(shop: Shop, page: Page) -> None:
    shop.html = render_upi(waiting())
    page.goto(shop.url)
    while not shop.listeners:
        page.wait_for_timeout(20)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    shop.tell("waiting", "3")
    page.wait_for_timeout(300)
    assert asked == []


def test_a_second_refusal_replaces_the_first(shop: Shop, page: Page) -> None:
    refused = replace(waiting(), state=UpiState.DECLINED, reason=DeclineReason.WRONG_PIN)
    shop.html = render_upi(refused)
    page.goto(shop.url)
    while not shop.listeners:
        page.wait_for_timeout(20)
    shop.html = render_upi(replace(refused, reason=DeclineReason.INSUFFICIENT_FUNDS, revision="4"))
    shop.tell("declined", "4")
    expect(page.locator(".bad")).to_contain_text("There was not enough money in the account.")
    expect(page.get_by_role("status")).to_contain_text("There was not enough money")


def test_the_countdown_ends_in_a_new_code_not_in_a_failure(shop: Shop, page: Page) -> None:
    shop.html = render_upi(waiting(seconds=2))
    page.goto(shop.url)
    expect(page.get_by_role("timer")).to_have_text("0:01")
    shop.html = render_upi(replace(waiting(), state=UpiState.EXPIRED))
    expect(page.get_by_role("button", name="New code, same invoice")).to_be_visible(timeout=8000)


def test_the_code_on_the_screen_can_be_scanned(shop: Shop, page: Page) -> None:
    shop.html = render_upi(waiting())
    page.goto(shop.url)
    shot = page.locator(".code").screenshot()
    found = zxingcpp.read_barcode(Image.open(io.BytesIO(shot)))
    assert found is not None
    assert found.text == LINK


def test_a_button_pressed_twice_posts_once(shop: Shop, page: Page) -> None:
    shop.html = render_choose(replace(CHOOSE, visit=visit()))
    page.goto(shop.url)
    page.evaluate("for (const _ of [1, 2, 3]) document.querySelector('.method').click()")
    page.wait_for_timeout(300)
    page.evaluate("document.querySelector('.method').click()")
    page.wait_for_timeout(300)
    assert [parse_qs(urlsplit(path).query)["method"] for path in shop.posted] == [["upi"]]


def test_who_has_paid_is_sent_on_unless_he_touches_the_page(shop: Shop, page: Page) -> None:
    back = f"{shop.url}/merchant"
    shop.html = render_done(replace(DONE, visit=visit(), return_url=back, forward_seconds=1))
    page.goto(f"{shop.url}/pay/")
    page.wait_for_url(back)
    page.goto(f"{shop.url}/pay/")
    page.keyboard.press("Tab")
    page.wait_for_timeout(1500)
    assert page.url == f"{shop.url}/pay/"
    expect(page.get_by_role("button", name="Stay on this page")).to_be_hidden()


def test_coming_back_from_the_merchant_does_not_send_on_again(shop: Shop, page: Page) -> None:
    back = f"{shop.url}/merchant"
    shop.html = render_done(replace(DONE, visit=visit(), return_url=back, forward_seconds=1))
    page.goto(f"{shop.url}/pay/")
    page.wait_for_url(back)
    page.go_back()
    page.wait_for_timeout(1500)
    assert page.url == f"{shop.url}/pay/"


def test_without_script_the_code_the_links_and_the_buttons_are_there(
    shop: Shop, browser: Browser
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        shop.html = render_upi(waiting())
        page.goto(shop.url)
        expect(page.locator("img.qr")).to_be_visible()
        expect(page.get_by_text("Code valid until")).to_contain_text("UTC")
        expect(page.get_by_role("button", name="Card")).to_be_visible()
        assert page.locator("noscript meta, meta[http-equiv]").count() == 1


def test_the_policy_stops_what_a_hole_would_let_in(shop: Shop, page: Page) -> None:
    hole = (
        "<script>window.broken=1</script><img src=x onerror='window.broken=1'>"
        "<script src='https://evil.example/x.js'></script><style>body{display:none}</style>"
        "<form action='https://evil.example/'><button>evil</button></form>"
    )
    html = render_choose(replace(CHOOSE, visit=visit()))
    shop.html = html.replace("<footer>", hole + "<footer>")
    page.add_init_script(
        """window.stopped = [];
        document.addEventListener('securitypolicyviolation',
            (event) => stopped.push(event.effectiveDirective))"""
    )
    page.goto(shop.url)
    page.evaluate(
        """try { document.querySelector('footer').innerHTML = '<b>x</b>' } catch { }
        document.querySelector('footer').previousElementSibling.firstChild.click()"""
    )
    page.wait_for_timeout(300)
    stopped = page.evaluate("[...new Set(stopped)].sort()")
    assert stopped == [
        "form-action",
        "require-trusted-types-for",
        "script-src-attr",
        "script-src-elem",
        "style-src-elem",
    ]
    assert page.evaluate("window.broken") is None


def overflowing(context: BrowserContext, shop: Shop) -> Iterator[str]:
    """The states whose page is wider than the screen, or complains on the console."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for language in ("hi", "fr"):
        crypto = every_crypto_page(language)
        pages = every_page(language) | {name: crypto[name] for name in CRYPTO}
        for name, html in pages.items():
            shop.html = html
            page.goto(shop.url)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth") or complaints:
                yield f"{language} {name} {complaints}"


def test_nothing_runs_off_a_small_screen_and_nothing_complains(
    shop: Shop, browser: Browser
) -> None:
    with browser.new_context(viewport={"width": 320, "height": 640}) as context:
        assert list(overflowing(context, shop)) == []


def test_every_target_is_large_enough_for_a_finger(shop: Shop, browser: Browser) -> None:
    with browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    ) as context:
        page, pages = context.new_page(), every_page() | every_crypto_page()
        for name in ("choose", "upi waiting", "upi wrong_pin", "upi expired", "done paid", *CRYPTO):
            shop.html = pages[name]
            page.goto(shop.url)
            for target in page.locator(TARGETS).all():
                box = target.bounding_box()
                assert box is not None
                assert min(box["height"], box["width"]) >= 44, (name, target.inner_text(), box)
