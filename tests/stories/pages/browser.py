"""A payer's browser, which writes down whatever a payment page must never do."""

import os
import shutil
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


@dataclass
class Payer:
    """Somebody with a browser.

    Attributes:
        complaints: errors and warnings in the console, policy violations among them; broken scripts.
        hosts: every host that was asked for anything.
        loads: addresses of the documents that were loaded, one by one.
        answered: every request that was answered to the end.
    """

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    loads: list[str] = field(default_factory=list)
    answered: list[Request] = field(default_factory=list)

    async def open(self, url: str) -> Page:
        """A new tab."""
        page = await self.context.new_page()
        page.set_default_timeout(15_000)
        await page.goto(url)
        return page

    def watch(self) -> None:
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("request", self._see)
        self.context.on("requestfinished", self._finish)

    async def weight(self) -> int:
        """Bytes that came over the wire until now, headers included."""
        sizes = [await request.sizes() for request in self.answered]
        return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.location['url']}: {message.text}")

    def _see(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)
        if request.is_navigation_request():
            self.loads.append(request.url)

    def _finish(self, request: Request) -> None:
        self.answered.append(request)
