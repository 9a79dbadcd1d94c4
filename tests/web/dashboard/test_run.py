"""A run's page and its actions."""

from __future__ import annotations

import asyncio

from playwright.async_api import Locator, Route, expect

from tests.harness import TIMEOUT
from tests.harness.browser import TOKEN, Visit, needs_browser
from tests.harness.server import ApiServer
from tests.web.dashboard.accessible import assert_accessible

MARK = {
    "identity": "1:0",
    "command": "run",
    "prompt": "Fix the flaky test",
    "login": "alice",
    "repository": "octo/shop",
    "number": 12,
    "url": "https://github.com/octo/shop/issues/12",
}


def begin(api_server: ApiServer) -> int:
    metadata = {"codegen_bot": MARK, "multi_run_id": "http-7", "multi_run_index": 2, "multi_run_total": 3}
    run = api_server.codegen.start_elsewhere("Fix the flaky test", metadata=metadata).id
    api_server.codegen.move(run, "RUNNING")
    return run


def fact(visit: Visit, name: str) -> Locator:
    return visit.page.locator(".facts > div").filter(has=visit.page.get_by_text(name, exact=True)).locator("dd")


@needs_browser
async def test_run_page_updates_itself(api_server: ApiServer, visit: Visit) -> None:
    """From running to its end; texts stay texts, and only http links are followed."""
    run = begin(api_server)
    await visit.sign_in(f"#/runs/{run}")
    page = visit.page
    await expect(page.get_by_role("heading", level=1)).to_have_text("Fix the flaky test")
    await expect(page).to_have_title("Fix the flaky test · Run 1 · codegen-bot")
    await expect(page.locator(".badge")).to_have_text("Working")
    await expect(fact(visit, "Author")).to_contain_text("alice")
    await expect(fact(visit, "Source")).to_have_text("run")
    await expect(fact(visit, "Pull requests")).to_have_text("None yet")
    thread = fact(visit, "Thread").get_by_role("link", name="octo/shop#12")
    await expect(thread).to_have_attribute("href", "https://github.com/octo/shop/issues/12")
    await expect(fact(visit, "Multi-run").get_by_role("link", name="Attempt 2 of 3")).to_have_attribute(
        "href", "#/multi-runs/http-7"
    )
    await expect(fact(visit, "Duration")).to_contain_text(" s")
    before = await page.locator(".facts > div:visible dt").all_inner_texts()
    await expect(fact(visit, "At Codegen").get_by_role("link")).to_have_attribute("rel", "noopener noreferrer")

    await page.get_by_label("Follow-up").fill("half a thou")
    api_server.codegen.finish(
        run,
        result="See https://example.com/x. <b>bold</b> javascript:alert(1)\u202e",
        summary="Froze the clock.",
        pull_request="octo/shop#13",
    )
    await expect(page.locator(".badge")).to_have_text("Succeeded")
    result = page.get_by_role("region", name="Result")
    await expect(result).to_contain_text("<b>bold</b> javascript:alert(1)\\u202e")
    await expect(result.get_by_role("link")).to_have_attribute("href", "https://example.com/x")
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("Froze the clock.")
    await expect(fact(visit, "Pull requests").get_by_role("link")).to_contain_text("octo/shop#13")
    # Nothing moves when it ends, nor when the page is loaded again.
    assert await page.locator(".facts > div:visible dt").all_inner_texts() == before
    await expect(page.get_by_label("Follow-up")).to_be_focused()
    await expect(page.get_by_label("Follow-up")).to_have_value("half a thou")

    await page.get_by_role("button", name=f"Star run {run}").click()
    await expect(page.get_by_role("button", name="Unstar")).to_be_visible()
    starred = await api_server.get("/starred-runs?org_id=1", token=TOKEN)
    assert starred.document == {"agent_run_ids": [run]}
    await assert_accessible(page)


@needs_browser
async def test_run_without_pull_request_offers_no_stop(api_server: ApiServer, visit: Visit) -> None:
    """The dialog and the result agree, and no reason is requested that could not be posted."""
    run = begin(api_server)
    await visit.sign_in(f"#/runs/{run}")
    actions = visit.page.get_by_role("region", name="Actions")
    dialog = visit.page.get_by_role("dialog")
    for name in ("Ban checks", "Remove from pull request"):
        await actions.get_by_role("button", name=name, exact=True).click()
        await expect(dialog).to_contain_text("A running agent continues.")
        await expect(dialog.get_by_label("Reason")).to_have_count(0)
        await dialog.get_by_role("button", name=name, exact=True).click()
        await expect(actions.get_by_role("status")).to_contain_text("A running agent continues.")


@needs_browser
async def test_run_actions_are_sent_once(api_server: ApiServer, visit: Visit) -> None:
    """Stopping needs a confirmation; a refusal says what to do next, and keeps the input."""
    visit.expected = ["402"]
    run = begin(api_server)
    api_server.codegen.open_pull_request(run, "octo/shop#13")
    await visit.sign_in(f"#/runs/{run}")
    actions = visit.page.get_by_role("region", name="Actions")
    await actions.get_by_role("button", name="Ban checks", exact=True).click()
    dialog = visit.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("octo/shop#13")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
    assert api_server.upstream("/agent/run/ban") == []

    await actions.get_by_role("button", name="Remove").click()
    await dialog.get_by_label("Reason").fill("We do it by hand.")
    await dialog.get_by_role("button", name="Remove").click()
    await expect(actions.get_by_role("status")).to_contain_text("Removed Codegen from")
    assert len(api_server.upstream("/agent/run/remove-from-pr")) == 1
    await expect(visit.page.locator(".badge")).to_have_text("Cancelled")
    # The second click comes while the first one's request is in progress.
    is_clicked_twice = asyncio.Event()

    async def hold(route: Route) -> None:
        await is_clicked_twice.wait()
        await route.continue_()

    await visit.page.route("**/unban-all-checks", hold)
    await actions.get_by_role("button", name="Unban checks").dblclick()
    is_clicked_twice.set()
    await expect(actions.get_by_role("status")).to_contain_text("reacts to the checks")
    # What the bot writes for GitHub is no Markdown here.
    await expect(actions.get_by_role("status").get_by_role("link", name=f"run {run}")).to_be_visible()
    await expect(actions.get_by_role("status")).not_to_contain_text("](")
    assert len(api_server.upstream("/agent/run/unban")) == 1

    follow_up = actions.get_by_label("Follow-up")
    send = actions.get_by_role("button", name="Resume")
    await send.click()
    form = actions.get_by_role("form", name="Resume")
    await expect(form.get_by_role("alert")).to_have_text("Enter what the run should do.")
    await expect(follow_up).to_have_attribute("aria-invalid", "true")
    api_server.codegen.control.fault(path="/agent/run/resume$", status=402, times=1)
    await follow_up.fill("Once more, please.")
    await expect(actions.get_by_role("alert")).to_have_text("")
    await expect(follow_up).not_to_have_attribute("aria-invalid", "true")
    await send.click()
    await expect(form.get_by_role("alert")).to_contain_text("Codegen's billing page")
    await expect(follow_up).to_have_value("Once more, please.")
    await send.dblclick()
    await expect(follow_up).to_have_value("")
    await expect(visit.page.locator(".badge")).to_have_text("Working")
    await asyncio.wait_for(api_server.codegen.until(lambda: len(api_server.codegen.runs[run].prompts) == 2), TIMEOUT)
    await expect(visit.page.locator(".entry").filter(has_text="Once more, please.")).to_have_count(1)
    assert api_server.codegen.runs[run].prompts[1:] == ["Once more, please."]
    await expect(actions.get_by_role("link", name="analyze-logs")).to_have_attribute("href", "#/new?kind=analyze-logs")


@needs_browser
async def test_missing_run_is_reported_once(api_server: ApiServer, visit: Visit) -> None:
    """And one that cannot be read now is read later."""
    visit.expected = ["404", "403"]
    await visit.sign_in("#/runs/999")
    await expect(visit.page.get_by_role("alert")).to_contain_text("There is no run 999")
    run = begin(api_server)
    api_server.codegen.control.fault(path=f"/agent/run/{run}$", status=403, times=1)
    await visit.page.evaluate(f"location.hash = '#/runs/{run}'")
    await expect(visit.page.get_by_role("alert")).to_contain_text("Codegen")
    await expect(visit.page.get_by_role("heading", level=1)).to_have_text("Fix the flaky test")
