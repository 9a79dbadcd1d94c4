"""A real browser: Chromium, for the dashboard of the real server between both emulators."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.harness import TIMEOUT

TOKEN = "sk-org1-alice"

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

WITHOUT_SANDBOX = ("--no-sandbox", "--disable-dev-shm-usage")
"""Chromium does not run as root otherwise, and containers have little shared memory."""


PATIENCE = 1_000 * TIMEOUT
"""Milliseconds for anything that a page is to show or to do."""


@cache
def chromium() -> str | None:
    """The path of an installed Chromium that starts; a stub that refers to another package does not."""
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            found = subprocess.run(  # noqa: S603 - a browser that the machine has
                [path, "--version", *WITHOUT_SANDBOX], capture_output=True, check=False, timeout=TIMEOUT
            )
            if found.returncode == 0:
                return path
    return None


needs_browser = pytest.mark.skipif(
    chromium() is None, reason="no Chromium is installed here; .ci/run installs Debian's"
)


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=[*WITHOUT_SANDBOX] if os.geteuid() == 0 else [], timeout=PATIENCE
        )
        try:
            yield browser
        finally:
            await browser.close()


class Visit:
    """A tab, with its console errors and its requests to other servers."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.expected: list[str] = []
        page.on("console", lambda message: self._complain(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(url) else self.elsewhere.append(request.url))

    def _complain(self, text: str) -> None:
        if not any(words in text for words in self.expected):
            self.complaints.append(text)

    async def open(self, place: str = "#/runs") -> None:
        await self.page.goto(f"{self.url}/{place}")

    async def sign_in(self, place: str = "#/runs", *, token: str = TOKEN) -> None:
        await self.open(place)
        await self.page.get_by_label("API token").fill(token)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.get_by_role("navigation", name="Pages").wait_for()

    async def stop_time(self) -> None:
        """Stops the time of the tab: from now on none of its timers expires, so it requests nothing by itself.

        Timers of the page that is open expire all the same if it was opened before `page.clock.install()`.
        """
        await self.page.clock.install()
        # Those of the minute that is skipped expire now. It may take a moment until the tab receives this.
        await self.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))

    def is_clean(self) -> bool:
        """Asserts that there was no unexpected console error, and no request to another server."""
        assert self.complaints == [], self.complaints
        assert self.elsewhere == []
        return True


@asynccontextmanager
async def a_visit(browser: Browser, url: str, **context: object) -> AsyncIterator[Visit]:
    """:param context: Playwright's options of a new context, such as `viewport` and `color_scheme`"""
    opened: BrowserContext = await browser.new_context(**context)  # type: ignore[arg-type]
    opened.set_default_timeout(PATIENCE)
    try:
        yield Visit(await opened.new_page(), url)
    finally:
        await opened.close()
