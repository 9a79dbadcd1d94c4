"""What is served before anybody is signed in, and signing in."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect

from bot.web.dashboard.pages import POLICY
from tests.web.api.api_server import ApiServer
from tests.web.dashboard.browser import TOKEN, Visit, needs_browser

PAGE = Path(__file__).parents[3] / "bot" / "web" / "dashboard" / "page"


async def test_everything_is_served_with_a_strict_policy_and_an_etag(api_server: ApiServer) -> None:
    paths = ["/", *(f"/dashboard/{file.relative_to(PAGE)}" for file in PAGE.rglob("*.*") if file.name != "index.html")]
    assert len(paths) > 10
    async with aiohttp.ClientSession() as http:
        for path in paths:
            async with http.get(f"{api_server.url}{path}") as answer:
                assert answer.status == 200
                assert answer.headers["Content-Security-Policy"] == POLICY
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
            headers = {"If-None-Match": answer.headers["ETag"]}
            async with http.get(f"{api_server.url}{path}", headers=headers) as answer:
                assert answer.status == 304


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert "*" not in POLICY


def test_nothing_makes_html_of_a_string() -> None:
    """The policy would stop it too; here it is not even tried."""
    sources = {file.name: file.read_text(encoding="utf-8") for file in PAGE.rglob("*.js")}
    sinks = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|srcdoc|DOMParser")
    assert {name for name, text in sources.items() if sinks.search(text)} == set()


@needs_browser
async def test_somebody_signs_in_and_out_again(api_server: ApiServer, visit: Visit) -> None:
    await visit.sign_in()
    await expect(visit.page.get_by_role("link", name="Runs")).to_have_attribute("aria-current", "page")
    assert TOKEN not in visit.page.url
    assert TOKEN in str(await visit.page.evaluate("Object.values(sessionStorage)"))
    assert await visit.page.evaluate("localStorage.length") == 0

    await visit.page.reload()
    await expect(visit.page.get_by_role("navigation", name="Pages")).to_be_visible()
    await visit.page.get_by_role("button", name="Sign out").click()
    await expect(visit.page.get_by_label("Codegen API token")).to_be_focused()
    assert await visit.page.evaluate("sessionStorage.length") == 0
    assert not [entry for entry in api_server.codegen.control.journal if TOKEN in entry.path]


@needs_browser
@pytest.mark.parametrize("token", ["sk-revoked", "no token at all"])
async def test_a_token_that_codegen_does_not_take_is_reported(api_server: ApiServer, visit: Visit, token: str) -> None:
    api_server.codegen.control.fault(path="/organizations$", status=401, times=5)
    visit.expected = ["401"]
    await visit.open()
    await visit.page.get_by_label("Codegen API token").fill(token)
    await visit.page.get_by_role("button", name="Sign in").click()
    await expect(visit.page.get_by_role("alert")).to_contain_text("oken")
    assert await visit.page.evaluate("sessionStorage.length") == 0


@needs_browser
async def test_a_token_that_no_header_takes_is_not_blamed_on_the_server(visit: Visit) -> None:
    """Something else was in the clipboard: the server is not away because of it."""
    await visit.open()
    await visit.page.get_by_label("Codegen API token").fill("sk-\N{ROCKET}")
    await visit.page.get_by_role("button", name="Sign in").click()
    await expect(visit.page.get_by_role("alert")).to_have_text("This has characters that no token of Codegen's has.")
    await expect(visit.page.locator("#connection")).to_be_hidden()
    assert await visit.page.evaluate("sessionStorage.length") == 0


@needs_browser
@pytest.mark.parametrize(
    ("module", "function", "text", "parts"),
    [
        ("dom", "linked", f"https://example.com/x{'.' * 400_000}x and https://example.com/y...", 4),
        ("written", "written", "[a](b" * 400_000 + " and `a`", 3),
        ("inert", "inert", "\x1b[0" * 400_000, 400_000 * 3),
    ],
)
async def test_text_functions_look_at_each_sign_once(
    visit: Visit, module: str, function: str, text: str, parts: int
) -> None:
    """A pattern that tries each sign again would keep the tab from answering for minutes."""
    await visit.open()
    call = "async ([module, name, text]) => (await import(`/dashboard/${module}.js`))[name](text).length"

    async with asyncio.timeout(60):
        assert await visit.page.evaluate(call, [module, function, text]) == parts
