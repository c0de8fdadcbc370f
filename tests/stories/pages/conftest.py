"""Chromium, payers who use it, and a merchant with a shop they come back to."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright

from tests.stories.gateway import Gateway
from tests.stories.pages.browser import ARGUMENTS, CHROMIUM, DESKTOP, PHONE, Payer
from tests.stories.payments.accounts import Auditor, audit
from tests.stories.payments.till import Till
from tests.stories.shop import open_shop


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: nobody looks at the payment pages")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield browser
        await browser.close()


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
async def payer(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Payer]:
    """A payer with a phone, then one at a desk. Both want a page that keeps to itself."""
    async with _payer(browser, viewport=request.param, has_touch=request.param is PHONE) as payer:
        yield payer
        assert payer.complaints == []


@pytest.fixture
async def payer_without_scripts(browser: Browser) -> AsyncIterator[Payer]:
    async with _payer(browser, java_script_enabled=False) as payer:
        yield payer
        assert payer.complaints == []


@pytest.fixture(scope="package")
def till(gateway: Gateway) -> Iterator[Till]:
    with open_shop() as shop:
        yield Till(gateway, gateway.merchant("--callback-url", shop.url), shop)


@pytest.fixture
async def auditor(gateway: Gateway) -> AsyncIterator[Auditor]:
    async with audit(gateway) as auditor:
        yield auditor


@asynccontextmanager
async def _payer(browser: Browser, **how: Any) -> AsyncIterator[Payer]:
    context = await browser.new_context(locale="en-GB", **how)
    payer = Payer(context)
    payer.watch()
    try:
        yield payer
    finally:
        await context.close()
