"""A multi-run, from its start to its answer."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Page, expect

from tests.web.api.api_server import ApiServer
from tests.web.dashboard.accessible import assert_accessible, stops_by_tab
from tests.web.dashboard.browser import Visit, needs_browser

IDENTITY = "issue-comment-1012-9aecaffa7328-0"


def attempt(page: Page, name: str) -> Any:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))


def begun_by_a_comment(api_server: ApiServer, **more: Any) -> None:
    mark = {
        "identity": IDENTITY,
        "command": "multi-run",
        "prompt": "Make it fast.",
        "login": "bob",
        "repository": "octo/shop",
        "number": 12,
        "url": "https://github.com/octo/shop/pull/12#issuecomment-1012",
    }
    metadata = {"multi_run_id": IDENTITY, "multi_run_total": 2, "codegen_bot": mark, **more}
    api_server.codegen.start_elsewhere("Make it fast.", metadata=metadata)


@needs_browser
async def test_a_multi_run_is_started_and_watched_to_its_answer(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    await visit.sign_in("#/new?kind=multi-run")
    await page.get_by_label("Prompt", exact=True).fill("Make it fast.\nAnd small.")
    await page.get_by_label("Attempts").fill("2")
    await page.get_by_role("button", name="Start the multi-run").click()
    await expect(page.get_by_role("heading", name="Make it fast.")).to_be_visible()
    await expect(page.locator(".message")).to_have_text("2 attempts: 2 queued.")
    await expect(attempt(page, "Synthesis")).to_contain_text("not begun")
    await expect(page.get_by_text("It comes when all have ended.")).to_be_visible()

    star = attempt(page, "Attempt 1").get_by_role("button", name="Star run 1")
    await star.focus()
    api_server.codegen.finish(1, result="A cache.\nTests pass.", summary="With a cache.", pull_request="octo/shop#1")
    await expect(attempt(page, "Attempt 1")).to_contain_text("succeeded")
    await expect(attempt(page, "Attempt 1")).to_contain_text("With a cache.")
    await expect(attempt(page, "Attempt 1").get_by_role("link", name="octo/shop#1")).to_have_attribute(
        "href", "https://github.com/octo/shop/pull/1"
    )
    await expect(star).to_be_focused()
    await expect(page.get_by_role("progressbar")).to_have_js_property("value", 1)

    api_server.codegen.finish(2, result="<b>An index.</b>\nTests pass.")
    await api_server.codegen.run_created(3)
    await expect(attempt(page, "Synthesis").get_by_role("link", name="Run 3")).to_be_visible()
    api_server.codegen.finish(3, result="Both, see https://example.org/why and javascript:alert(1).")
    await expect(attempt(page, "Synthesis")).to_contain_text("succeeded")
    await expect(page.locator(".message")).to_contain_text("run 3 made the best of 2 of 2 attempts")
    answer = page.locator(".answer")
    await expect(answer).to_contain_text("Both, see")
    await expect(answer.get_by_role("link")).to_have_attribute("href", "https://example.org/why")

    columns = page.get_by_role("region", name="Results side by side").get_by_role("article")
    await expect(columns).to_have_count(3)
    await expect(columns.nth(1)).to_contain_text("<b>An index.</b>")
    choices = page.get_by_role("group", name="Which to compare")
    await choices.get_by_role("button", name="Attempt 1").click()
    await choices.get_by_role("button", name="Attempt 2").click()
    await expect(columns).to_have_count(2)
    await expect(columns.nth(0).locator(".only")).to_have_text("A cache.")
    await choices.get_by_role("button", name="Synthesis").click()
    await expect(columns.nth(0)).to_contain_text("An index.")
    await expect(columns.nth(1)).to_contain_text("Both")
    await choices.get_by_role("button", name="All").click()
    await expect(columns).to_have_count(3)

    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 740})
        await assert_accessible(page)
    await stops_by_tab(page)
    await attempt(page, "Attempt 2").get_by_role("link", name="Run 2").click()
    await expect(page).to_have_url(re.compile(r"#/runs/2$"))


@needs_browser
async def test_one_that_a_comment_began_is_shown_the_same(api_server: ApiServer, visit: Visit) -> None:
    """There is no story of it to be had by HTTP: its runs tell it."""
    page = visit.page
    begun_by_a_comment(api_server, multi_run_index=1)
    await visit.sign_in(f"#/multi-runs/{IDENTITY}")
    await expect(page.get_by_role("heading", name="Make it fast.")).to_be_visible()
    await expect(page.locator(".facts").first).to_contain_text("by bob in octo/shop#12")
    await expect(page.locator(".message")).to_have_text("2 attempts: 1 queued, 1 not begun.")
    await expect(attempt(page, "Attempt 2")).to_contain_text("not begun")

    begun_by_a_comment(api_server, multi_run_index=2)
    for number in (1, 2):
        api_server.codegen.finish(number, result=f"Number {number}.")
    await expect(page.locator(".message")).to_have_text("2 attempts: 2 succeeded. No synthesis has begun.")
    begun_by_a_comment(api_server, multi_run_synthesis=True)
    await expect(page.locator(".message")).to_have_text("The attempts have ended; an agent makes the best of them.")
    api_server.codegen.finish(3, result="Both.")
    await expect(page.locator(".answer")).to_contain_text("Both.")
    await expect(page.locator(".facts").first).to_contain_text("succeeded")
    await expect(page.get_by_role("article")).to_have_count(3)


@needs_browser
async def test_attempts_that_failed_and_those_that_there_never_were(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    visit.expected = ["404"]
    await visit.sign_in("#/multi-runs/http-nobody-knows")
    await expect(page.get_by_text("The organization has no multi-run of this id.")).to_be_visible()

    begun_by_a_comment(api_server, multi_run_index=1)
    begun_by_a_comment(api_server, multi_run_index=2)
    api_server.codegen.fail(1, result="No idea.")
    api_server.codegen.fail(2)
    await visit.open(f"#/multi-runs/{IDENTITY}")
    await expect(page.locator(".message")).to_have_text("None of the attempts succeeded.")
    await expect(page.locator(".answer")).to_contain_text("There is none.")
    await expect(page.get_by_role("article").nth(1)).to_contain_text("It said nothing.")


@needs_browser
async def test_the_page_goes_on_after_the_server_was_away(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    visit.expected = ["ERR_"]
    begun_by_a_comment(api_server, multi_run_index=1)
    begun_by_a_comment(api_server, multi_run_index=2)
    await visit.sign_in(f"#/multi-runs/{IDENTITY}")
    await expect(attempt(page, "Attempt 1")).to_contain_text("queued")
    api_server.settings["port"] = int(api_server.url.rpartition(":")[2])
    await api_server.stop()
    await expect(page.locator("#connection")).to_be_visible()
    await expect(attempt(page, "Attempt 1")).to_contain_text("queued")
    api_server.codegen.finish(1)
    await api_server.start()
    await expect(attempt(page, "Attempt 1")).to_contain_text("succeeded")
    await expect(page.locator("#connection")).to_be_hidden()
