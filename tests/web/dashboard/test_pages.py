"""What is served without signing in, and signing in."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect

from tests.harness import TIMEOUT
from tests.harness.browser import TOKEN, Visit, needs_browser
from tests.harness.server import ApiServer

PAGE = Path(__file__).parents[3] / "bot" / "web" / "dashboard" / "page"


async def test_files_have_etags(api_server: ApiServer) -> None:
    files = [file for file in PAGE.rglob("*.*") if file.name != "index.html" and file.suffix != ".css"]
    paths = ["/", *(f"/dashboard/{file.relative_to(PAGE)}" for file in files)]
    assert len(paths) > 10
    async with aiohttp.ClientSession() as http:
        for path in paths:
            async with http.get(f"{api_server.url}{path}") as answer:
                assert answer.status == 200
                policy = answer.headers["Content-Security-Policy"]
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
            headers = {"If-None-Match": answer.headers["ETag"]}
            async with http.get(f"{api_server.url}{path}", headers=headers) as answer:
                assert answer.status == 304
                assert answer.headers["Content-Security-Policy"] == policy


async def test_policy_allows_nothing_from_elsewhere(api_server: ApiServer) -> None:
    async with aiohttp.ClientSession() as http, http.get(api_server.url) as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert re.sub(r"sha256-[\w+/]{43}=", "sha256-HASH", policy).split("; ") == [
        "default-src 'none'",
        "style-src 'sha256-HASH'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
        "img-src 'self'",
    ]


async def test_page_contains_its_style_sheets(api_server: ApiServer) -> None:
    """What all views share comes first, so that each view can refine it."""
    async with aiohttp.ClientSession() as http, http.get(api_server.url) as answer:
        page = await answer.text()
    texts = {file.name: file.read_text(encoding="utf-8") for file in PAGE.joinpath("styles").iterdir()}
    places = {name: page.index(text) for name, text in texts.items()}
    assert sorted(places, key=places.__getitem__)[:2] == ["base.css", "parts.css"]


def test_scripts_make_no_html_from_strings() -> None:
    """The policy would block it too."""
    sources = {file.name: file.read_text(encoding="utf-8") for file in PAGE.rglob("*.js")}
    sinks = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|srcdoc|DOMParser")
    assert {name for name, text in sources.items() if sinks.search(text)} == set()


@needs_browser
async def test_sign_in_and_out(api_server: ApiServer, visit: Visit) -> None:
    await visit.sign_in()
    await expect(visit.page.get_by_role("link", name="Runs")).to_have_attribute("aria-current", "page")
    assert TOKEN not in visit.page.url
    assert TOKEN in str(await visit.page.evaluate("Object.values(sessionStorage)"))
    assert await visit.page.evaluate("localStorage.length") == 0

    await visit.page.reload()
    await expect(visit.page.get_by_role("navigation", name="Pages")).to_be_visible()
    await visit.page.get_by_role("button", name="Sign out").click()
    await expect(visit.page.get_by_label("API token")).to_be_focused()
    assert await visit.page.evaluate("sessionStorage.length") == 0
    assert not [entry for entry in api_server.codegen.control.journal if TOKEN in entry.path]


@needs_browser
async def test_sign_in_stays_on_device_on_request(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    await visit.open()
    await page.get_by_label("API token").fill(TOKEN)
    await page.get_by_role("checkbox", name="Keep me signed in on this device").check()
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("Signed in as alice")).to_be_visible()
    # As after a restart of the browser.
    await page.evaluate("sessionStorage.clear()")
    await page.reload()
    await expect(page.get_by_text("Signed in as alice")).to_be_visible()

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("API token")).to_be_focused()
    assert await page.evaluate("localStorage.length") == 0
    await page.reload()
    await expect(page.get_by_label("API token")).to_be_focused()


@needs_browser
async def test_new_tab_takes_over_session(api_server: ApiServer, visit: Visit) -> None:
    """A link in a new tab is open at once; signing out ends both, and nothing is written to the device."""
    run = api_server.codegen.start_elsewhere("Make it fast")
    await visit.sign_in()
    await expect(visit.page.get_by_text("Signed in as alice")).to_be_visible()

    # The new tab waits for an answer only for a moment, and this one may be busy.
    await visit.stop_time()
    other = await visit.page.context.new_page()
    await other.goto(f"{visit.url}/#/runs/{run.id}")
    await expect(other.get_by_role("heading", level=1)).to_contain_text(f"Run {run.id}")
    assert await other.evaluate("localStorage.length") == 0
    await other.get_by_role("button", name="Sign out").click()
    await expect(visit.page.get_by_role("alert")).to_have_text("You signed out in another tab.")
    assert await visit.page.evaluate("sessionStorage.length") == 0


@needs_browser
async def test_sign_in_link_of_local_server(api_server: ApiServer, visit: Visit) -> None:
    """The token never leaves the browser but as a header, and is not left in the address or the history."""
    api_server.codegen.start_elsewhere("Make it fast")
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    await visit.open(f"#/sign-in?token={TOKEN}&to=%23%2Fruns%2F1")
    await expect(visit.page.get_by_role("heading", level=1)).to_contain_text("Run 1")
    await expect(visit.page).to_have_url(f"{visit.url}/#/runs/1")
    assert not [url for url in asked if TOKEN in url.split("#")[0]]
    await visit.page.get_by_role("link", name="Help").click()
    await expect(visit.page.get_by_role("heading", name="Commands", exact=True)).to_be_visible()
    await visit.page.go_back()
    await expect(visit.page).to_have_url(re.compile("/#/runs/1$"))


@needs_browser
async def test_revoked_token_is_called_the_visitors(api_server: ApiServer, visit: Visit) -> None:
    visit.expected = ["401"]
    await visit.sign_in()
    api_server.codegen.control.fault(path=".*", status=401, times=None, token=re.escape(TOKEN))
    await expect(visit.page.get_by_role("alert")).to_have_text("Your token is no longer valid. Sign in again.")


@needs_browser
@pytest.mark.parametrize("token", ["sk-revoked", "no token at all"])
async def test_sign_in_with_refused_token(api_server: ApiServer, visit: Visit, token: str) -> None:
    api_server.codegen.control.fault(path="/organizations$", status=401, times=5)
    visit.expected = ["401"]
    await visit.open()
    await visit.page.get_by_label("API token").fill(token)
    await visit.page.get_by_role("button", name="Sign in").click()
    await expect(visit.page.get_by_role("alert")).to_have_text(
        "This token is not valid. Check that you copied all of it."
    )
    assert await visit.page.evaluate("sessionStorage.length") == 0


@needs_browser
async def test_sign_in_with_impossible_token(visit: Visit) -> None:
    """A pasted text that fits in no header is not reported as an unreachable server."""
    await visit.open()
    await visit.page.get_by_label("API token").fill("sk-\N{ROCKET}")
    await visit.page.get_by_role("button", name="Sign in").click()
    await expect(visit.page.get_by_role("alert")).to_have_text("The token contains invalid characters.")
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
async def test_text_functions_are_linear(visit: Visit, module: str, function: str, text: str, parts: int) -> None:
    """A pattern that backtracks at each character would freeze the tab for minutes."""
    await visit.open()
    call = "async ([module, name, text]) => (await import(`/dashboard/${module}.js`))[name](text).length"

    async with asyncio.timeout(TIMEOUT):
        assert await visit.page.evaluate(call, [module, function, text]) == parts
