"""A run's page: what is known of it, and what can be done with it."""

from __future__ import annotations

import asyncio

from playwright.async_api import Locator, expect

from tests.web.api.api_server import ApiServer
from tests.web.dashboard.accessible import assert_accessible
from tests.web.dashboard.browser import TOKEN, Visit, needs_browser

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
async def test_a_run_is_shown_and_what_changes_changes_by_itself(api_server: ApiServer, visit: Visit) -> None:
    """From working to its end; its texts stay texts, and links lead to the web alone."""
    run = begin(api_server)
    await visit.sign_in(f"#/runs/{run}")
    page = visit.page
    await expect(page.get_by_role("heading", level=1)).to_have_text("Fix the flaky test")
    await expect(page).to_have_title("Fix the flaky test · Run 1 · codegen-bot")
    await expect(page.locator(".badge")).to_have_text("working")
    await expect(fact(visit, "Started by")).to_have_text("alice, with run")
    thread = fact(visit, "Thread").get_by_role("link", name="octo/shop#12")
    await expect(thread).to_have_attribute("href", "https://github.com/octo/shop/issues/12")
    await expect(fact(visit, "Multi-run").get_by_role("link", name="Attempt 2 of 3")).to_have_attribute(
        "href", "#/multi-runs/http-7"
    )
    await expect(fact(visit, "At work for")).to_contain_text(" s")
    await expect(fact(visit, "At Codegen").get_by_role("link")).to_have_attribute("rel", "noopener noreferrer")

    await page.get_by_label("Follow-up").fill("half a thou")
    api_server.codegen.finish(
        run,
        result="See https://example.com/x. <b>bold</b> javascript:alert(1)\u202e",
        summary="Froze the clock.",
        pull_request="octo/shop#13",
    )
    await expect(page.locator(".badge")).to_have_text("succeeded")
    result = page.get_by_role("region", name="Result")
    await expect(result).to_contain_text("<b>bold</b> javascript:alert(1)\\u202e")
    await expect(result.get_by_role("link")).to_have_attribute("href", "https://example.com/x")
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("Froze the clock.")
    await expect(fact(visit, "Pull requests").get_by_role("link")).to_contain_text("octo/shop#13")
    await expect(fact(visit, "At work for")).to_have_count(0)
    await expect(page.get_by_label("Follow-up")).to_be_focused()
    await expect(page.get_by_label("Follow-up")).to_have_value("half a thou")

    await page.get_by_role("button", name=f"Star run {run}").click()
    await expect(page.get_by_role("button", name="Take the star off")).to_be_visible()
    starred = await api_server.get("/starred-runs?org_id=1", token=TOKEN)
    assert starred.document == {"agent_run_ids": [run]}
    await assert_accessible(page)


@needs_browser
async def test_a_run_without_a_pull_request_is_not_said_to_be_stopped(api_server: ApiServer, visit: Visit) -> None:
    """The question says what the answer says afterwards, and wants no reason that could be told nowhere."""
    run = begin(api_server)
    await visit.sign_in(f"#/runs/{run}")
    actions = visit.page.get_by_role("region", name="What to do")
    dialog = visit.page.get_by_role("dialog")
    for name in ("ban-checks", "remove"):
        await actions.get_by_role("button", name=name, exact=True).click()
        await expect(dialog).to_contain_text("A running agent goes on.")
        await expect(dialog.get_by_label("Why")).to_have_count(0)
        await dialog.get_by_role("button", name=name, exact=True).click()
        await expect(actions.get_by_role("status")).to_contain_text("A running agent goes on.")


@needs_browser
async def test_what_is_done_with_a_run_is_done_once(api_server: ApiServer, visit: Visit) -> None:
    """What stops is asked about first; a refusal says what to do next, and takes nothing that was typed."""
    visit.expected = ["402"]
    run = begin(api_server)
    api_server.codegen.open_pull_request(run, "octo/shop#13")
    await visit.sign_in(f"#/runs/{run}")
    actions = visit.page.get_by_role("region", name="What to do")
    await actions.get_by_role("button", name="ban-checks", exact=True).click()
    dialog = visit.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("octo/shop#13")
    await dialog.get_by_role("button", name="Leave it").click()
    await expect(dialog).to_have_count(0)
    assert api_server.upstream("/agent/run/ban") == []

    await actions.get_by_role("button", name="remove").click()
    await dialog.get_by_label("Why").fill("We do it by hand.")
    await dialog.get_by_role("button", name="remove").click()
    await expect(actions.get_by_role("status")).to_contain_text("Codegen is off")
    assert len(api_server.upstream("/agent/run/remove-from-pr")) == 1
    await expect(visit.page.locator(".badge")).to_have_text("cancelled")
    await actions.get_by_role("button", name="unban-checks").dblclick()
    await expect(actions.get_by_role("status")).to_contain_text("reacts to the checks")
    # What the bot writes for GitHub is no Markdown here.
    await expect(actions.get_by_role("status").get_by_role("link", name=f"run {run}")).to_be_visible()
    await expect(actions.get_by_role("status")).not_to_contain_text("](")
    assert len(api_server.upstream("/agent/run/unban")) == 1

    follow_up = actions.get_by_label("Follow-up")
    send = actions.get_by_role("button", name="resume")
    await send.click()
    await expect(actions.get_by_role("alert")).to_have_text("Say what the run is to do.")
    api_server.codegen.control.fault(path="/agent/run/resume$", status=402, times=1)
    await follow_up.fill("Once more, please.")
    await send.click()
    await expect(actions.get_by_role("alert")).to_contain_text("Codegen's page on billing")
    await expect(follow_up).to_have_value("Once more, please.")
    await send.dblclick()
    await expect(follow_up).to_have_value("")
    await expect(visit.page.locator(".badge")).to_have_text("working")
    await asyncio.wait_for(api_server.codegen.until(lambda: len(api_server.codegen.runs[run].prompts) == 2), 10)
    await expect(visit.page.get_by_role("listitem").filter(has_text="Once more, please.")).to_have_count(1)
    assert api_server.codegen.runs[run].prompts[1:] == ["Once more, please."]
    await expect(actions.get_by_role("link", name="analyze-logs")).to_have_attribute("href", "#/new?kind=analyze-logs")


@needs_browser
async def test_a_run_that_there_is_not_is_reported_once(api_server: ApiServer, visit: Visit) -> None:
    """And one that cannot be read now is read when it can be."""
    visit.expected = ["404", "403"]
    await visit.sign_in("#/runs/999")
    await expect(visit.page.get_by_role("alert")).to_contain_text("There is no run 999")
    run = begin(api_server)
    api_server.codegen.control.fault(path=f"/agent/run/{run}$", status=403, times=1)
    await visit.page.evaluate(f"location.hash = '#/runs/{run}'")
    await expect(visit.page.get_by_role("alert")).to_contain_text("Codegen")
    await expect(visit.page.get_by_role("heading", level=1)).to_have_text("Fix the flaky test", timeout=60_000)
