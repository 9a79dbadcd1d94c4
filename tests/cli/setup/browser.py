"""A minimal browser: opens pages, fills forms in, and submits them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import aiohttp


@dataclass
class Page:
    """A page. `fields` are those of its form, by name."""

    url: str
    status: int
    headers: Mapping[str, str]
    html: str
    action: str | None = None
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    boxes: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    text: str = ""

    @property
    def policy(self) -> dict[str, str]:
        """The Content-Security-Policy, by directive."""
        parts = [part.strip().partition(" ") for part in self.headers.get("Content-Security-Policy", "").split(";")]
        return {name: value for name, _, value in parts if name}


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._hidden = 0
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert self._page.action is None, "a page has one form"
            self._page.action = urljoin(self._page.url, given.get("action", "")) or self._page.url
            self._page.method = given.get("method", "get")
        elif tag == "input" and given.get("type") == "checkbox":
            # One that is not checked is not sent.
            self._page.boxes.append(given["name"])
            self._page.fields |= {given["name"]: given.get("value", "on")} if "checked" in given else {}
        elif tag == "input":
            self._page.fields[given["name"]] = given.get("value", "")
        elif tag == "a":
            self._page.links.append(given["href"])
        self._hidden += tag == "style"
        assert tag != "script"

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._words.append(data)

    def close(self) -> None:
        super().close()
        self._page.text = " ".join(" ".join(self._words).split())


@dataclass
class Browser:
    """One window. Like real browsers it obeys a page's policy for forms."""

    session: aiohttp.ClientSession

    async def open(self, url: str) -> Page:
        return await self._request("GET", url)

    async def press(self, page: Page, **typed: str) -> Page:
        """Submits the page's form with these values, and follows redirects."""
        assert page.action is not None, page.text
        assert {*typed} <= {*page.fields, *page.boxes}
        allowed = page.policy.get("form-action")
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.action))
        own = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
        assert allowed in {None, origin} or (allowed == "'self'" and origin == own)
        return await self._request(page.method.upper(), page.action, data={**page.fields, **typed})

    async def _request(self, method: str, url: str, data: Mapping[str, str] | None = None) -> Page:
        async with self.session.request(method, url, data=data) as response:
            page = Page(str(response.url), response.status, response.headers, await response.text())
        reader = _Reader(page)
        reader.feed(page.html)
        reader.close()
        return page
