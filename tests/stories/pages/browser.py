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
        weight: bytes of bodies that came over the wire.
    """

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    loads: list[str] = field(default_factory=list)
    weight: int = 0

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
        self.context.on("requestfinished", self._weigh)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.location['url']}: {message.text}")

    def _see(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)
        if request.is_navigation_request():
            self.loads.append(request.url)

    async def _weigh(self, request: Request) -> None:
        sizes = await request.sizes()
        self.weight += sizes["responseBodySize"] + sizes["responseHeadersSize"]
