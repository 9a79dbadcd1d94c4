"""The whole dashboard in one browser: usual work, and hostile texts."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Request, expect

from tests.harness.browser import TOKEN, Visit, needs_browser
from tests.harness.server import ApiServer

LOST = "is not responding"

HOSTILE = """<img src="x" onerror="window.pwned = 1"><script>window.pwned = 2</script>
<svg onload="window.pwned = 3"></svg><iframe srcdoc="<script>parent.pwned = 4</script>"></iframe>
[a link](javascript:window.pwned=5) javascript:window.pwned=6 <a href="javascript:window.pwned=7">here</a>
<form action="https://elsewhere.example/"><button>Sign in again</button></form> </pre></div></main> \u202egnp.exe"""

LINK = "https://docs.octo.example/a?b=<c>"


def _noted(page: Page) -> list[Request]:
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))  # noqa: PLW0108 - Playwright looks into the listener
    return requests


@needs_browser
async def test_multi_run_survives_restart_and_is_starred(
    api_server: ApiServer, visit: Visit, capsys: pytest.CaptureFixture[str]
) -> None:
    requests = _noted(visit.page)
    await visit.sign_in("#/new?kind=multi-run")
    await _ask_for_two_attempts(visit.page)
    await api_server.codegen.run_created(2)
    api_server.codegen.finish(1, result="Attempt one is done.")
    attempt = visit.page.get_by_role("listitem").filter(has_text="Attempt one is done.")
    await expect(attempt).to_contain_text("Succeeded")

    await _restart(api_server, visit)
    api_server.codegen.finish(2, result="Attempt two is done.")
    await api_server.codegen.run_created(3)
    api_server.codegen.finish(3, result="Both put together.")
    await expect(visit.page.get_by_text("Both put together.").first).to_be_visible()
    assert len(api_server.codegen.runs) == 3

    await visit.page.get_by_role("button", name="Star run 3").click()
    await expect(visit.page.get_by_role("button", name="Unstar run 3")).to_be_visible()
    assert (await api_server.get("/starred-runs")).document == {"agent_run_ids": [3]}
    await visit.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Runs").click()
    await expect(visit.page.get_by_role("button", name="Unstar run 3")).to_be_visible()

    origin = urlsplit(api_server.url).netloc
    assert {urlsplit(request.url).netloc for request in requests} == {origin}
    assert len(requests) > 20
    assert not [request.url for request in requests if TOKEN in request.url]
    assert TOKEN not in capsys.readouterr().out


async def _ask_for_two_attempts(page: Page) -> None:
    await page.get_by_label("Prompt", exact=True).fill("Make it fast.")
    await page.get_by_label("Attempts").fill("2")
    await page.get_by_role("button", name="Start the multi-run").click()
    await expect(page).to_have_url(re.compile(r"#/multi-runs/http-\w+$"))


async def _restart(api_server: ApiServer, visit: Visit) -> None:
    """The server restarts at the same address."""
    visit.expected = ["ERR_"]
    bar = visit.page.locator("#connection")
    await api_server.stop()
    await expect(bar).to_contain_text(LOST)
    # The bar's words are white on dark: the button in it has a ground of its own.
    again = bar.get_by_role("button", name="Retry now")
    colours = "button => [getComputedStyle(button).color, getComputedStyle(button).backgroundColor]"
    words, ground = await again.evaluate(colours)
    assert words == await visit.page.locator("body").evaluate("body => getComputedStyle(body).color") != ground
    await api_server.start()
    await expect(bar).to_be_hidden()
    await expect(visit.page.get_by_text("Attempt one is done.").first).to_be_visible()


@needs_browser
async def test_view_is_fetched_again_after_outage(api_server: ApiServer, visit: Visit) -> None:
    """The outage is reported, and the view loads when the server is back."""
    await visit.sign_in()
    await expect(visit.page.get_by_text("no runs")).to_be_visible()
    visit.expected = ["ERR_"]
    await api_server.stop()
    await visit.page.get_by_role("link", name="Help").click()
    await expect(visit.page.get_by_role("alert")).to_contain_text(LOST)
    await expect(visit.page.locator("#connection")).to_contain_text(LOST)
    await api_server.start()
    await expect(visit.page.get_by_role("heading", name="Commands", exact=True)).to_be_visible()
    await expect(visit.page.get_by_role("alert")).to_have_count(0)

    # The page itself is there, and the first question of it goes astray.
    await visit.page.route("**/organizations", lambda route: route.abort())
    await visit.page.reload()
    await expect(visit.page.get_by_role("alert")).to_contain_text(LOST)
    await visit.page.unroute("**/organizations")
    await expect(visit.page.get_by_role("heading", name="Commands", exact=True)).to_be_visible()


@needs_browser
async def test_missing_view_is_not_fetched_for_ever(visit: Visit) -> None:
    """It is tried once more with the page reloaded; after that only on request."""
    asked: list[str] = []
    visit.expected = ["404"]
    visit.page.on("request", lambda request: asked.append(request.url) if "views/help.js" in request.url else None)
    await visit.page.route("**/views/help.js", lambda route: route.fulfill(status=404))
    await visit.sign_in()
    await visit.page.get_by_role("link", name="Help").click()
    again = visit.page.get_by_role("button", name="Reload")
    await expect(again).to_be_visible()
    # The first may be the one in advance, which the page makes while it loads.
    assert 2 <= len(asked) <= 3
    await visit.page.unroute("**/views/help.js")
    await again.click()
    await expect(visit.page.get_by_role("heading", name="Commands", exact=True)).to_be_visible()


@needs_browser
async def test_untrusted_text_is_inert(api_server: ApiServer, visit: Visit) -> None:
    """No markup becomes an element, nothing runs, and only http and https links can be followed."""
    run = api_server.codegen.start_elsewhere(
        HOSTILE,
        metadata={
            "codegen_bot": {
                "prompt": HOSTILE,
                "login": HOSTILE,
                "url": "javascript:window.pwned=8",
                "repository": HOSTILE,
                "number": 1,
            }
        },
    )
    api_server.codegen.add_log(
        run.id,
        tool_name=HOSTILE,
        thought=HOSTILE,
        tool_input={HOSTILE: HOSTILE},
        tool_output={"is": HOSTILE},
        observation=f"{HOSTILE} {LINK}",
    )
    api_server.codegen.add_log(run.id, message_type=HOSTILE, thought=f"See {LINK}.")
    api_server.codegen.finish(run.id, result=f"{HOSTILE} {LINK}", summary=HOSTILE)
    run.pull_requests.append(
        {
            "id": 1,
            "title": HOSTILE,
            "url": "javascript:window.pwned=9",
            "head_branch_name": HOSTILE,
            "created_at": run.created_at.isoformat(),
        }
    )
    dialogs: list[str] = []
    visit.page.on("dialog", lambda dialog: dialogs.append(dialog.message))

    await visit.sign_in()
    await expect(visit.page.get_by_text("onerror").first).to_be_visible()
    await _nothing_came_of_it(visit.page)
    await visit.open(f"#/runs/{run.id}")
    await expect(visit.page.get_by_role("link", name="https://docs.octo.example/a?b=").first).to_be_visible()
    for fold in await visit.page.locator("main summary").all():
        await fold.click()
    await _nothing_came_of_it(visit.page)
    assert dialogs == []


async def _nothing_came_of_it(page: Page) -> None:
    assert await page.evaluate("window.pwned") is None
    assert (
        await page.evaluate("document.querySelectorAll('iframe, img, script:not([src]), main form[action]').length")
        == 0
    )
    schemes = await page.evaluate("[...document.querySelectorAll('a[href]')].map((link) => link.protocol)")
    assert set(schemes) <= {"http:", "https:"}
    assert await page.get_by_role("button", name="Sign in again").count() == 0
