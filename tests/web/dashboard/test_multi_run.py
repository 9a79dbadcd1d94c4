"""A multi-run, from its start to its result."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Page, expect

from tests.harness.browser import Visit, needs_browser
from tests.harness.server import ApiServer
from tests.web.dashboard.accessible import assert_accessible, stops_by_tab

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
async def test_multi_run_is_started_and_followed(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    await visit.sign_in("#/new?kind=multi-run")
    await page.get_by_label("Prompt", exact=True).fill("Make it fast.\nAnd small.")
    await page.get_by_label("Attempts").fill("2")
    await page.get_by_role("button", name="Start the multi-run").click()
    await expect(page.get_by_role("heading", name="Make it fast.")).to_be_visible()
    await expect(page.locator(".message")).to_have_text("2 attempts: 2 queued.")
    await expect(attempt(page, "Synthesis")).to_contain_text("not started")
    await expect(page.get_by_text("It appears when all attempts have ended.")).to_be_visible()

    star = attempt(page, "Attempt 1").get_by_role("button", name="Star run 1")
    await star.focus()
    api_server.codegen.finish(1, result="A cache.\nTests pass.", summary="With a cache.", pull_request="octo/shop#1")
    await expect(attempt(page, "Attempt 1")).to_contain_text("Succeeded")
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
    await expect(attempt(page, "Synthesis")).to_contain_text("Succeeded")
    await expect(page.locator(".message")).to_contain_text("run 3 combined 2 of 2 attempts")
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
async def test_multi_run_of_comment_is_shown(api_server: ApiServer, visit: Visit) -> None:
    """The API has no multi-run for it: it is shown from its runs."""
    page = visit.page
    begun_by_a_comment(api_server, multi_run_index=1)
    await visit.sign_in(f"#/multi-runs/{IDENTITY}")
    await expect(page.get_by_role("heading", name="Make it fast.")).to_be_visible()
    await expect(page.locator(".facts").first).to_contain_text("bob")
    await expect(page.locator(".facts").first.get_by_role("link")).to_have_text("octo/shop#12")
    await expect(page.locator(".message")).to_have_text("2 attempts: 1 queued, 1 not started.")
    await expect(attempt(page, "Attempt 2")).to_contain_text("not started")

    begun_by_a_comment(api_server, multi_run_index=2)
    for number in (1, 2):
        api_server.codegen.finish(number, result=f"Number {number}.")
    await expect(page.locator(".message")).to_have_text("2 attempts: 2 succeeded. No synthesis was started.")
    begun_by_a_comment(api_server, multi_run_synthesis=True)
    await expect(page.locator(".message")).to_have_text(
        "The attempts have ended; an agent is combining the best of them."
    )
    api_server.codegen.finish(3, result="Both.")
    await expect(page.locator(".answer")).to_contain_text("Both.")
    await expect(page.locator(".facts").first).to_contain_text("Succeeded")
    await expect(page.get_by_role("article")).to_have_count(3)


@needs_browser
async def test_multi_run_with_failed_attempts(api_server: ApiServer, visit: Visit) -> None:
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
    await expect(page.locator(".answer")).to_contain_text("There is no answer.")
    await expect(page.get_by_role("article").nth(1)).to_contain_text("No result.")


@needs_browser
async def test_multi_run_continues_after_outage(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    visit.expected = ["ERR_"]
    begun_by_a_comment(api_server, multi_run_index=1)
    begun_by_a_comment(api_server, multi_run_index=2)
    await visit.sign_in(f"#/multi-runs/{IDENTITY}")
    await expect(attempt(page, "Attempt 1")).to_contain_text("Queued")
    await api_server.stop()
    await expect(page.locator("#connection")).to_be_visible()
    await expect(attempt(page, "Attempt 1")).to_contain_text("Queued")
    api_server.codegen.finish(1)
    await api_server.start()
    await expect(attempt(page, "Attempt 1")).to_contain_text("Succeeded")
    await expect(page.locator("#connection")).to_be_hidden()


@needs_browser
async def test_multi_run_shows_last_steps(api_server: ApiServer, visit: Visit) -> None:
    """What each attempt does now: the last tool and its file."""
    begun_by_a_comment(api_server, multi_run_index=1)
    begun_by_a_comment(api_server, multi_run_index=2)
    for number, path in ((1, "app/search.py"), (2, "app/cache.py")):
        api_server.codegen.move(number, "RUNNING")
        api_server.codegen.add_log(number, tool_name="view_file", tool_input={"path": "README.md"})
        api_server.codegen.add_log(number, tool_name="edit_file", tool_input={"path": path})
        api_server.codegen.add_log(number, thought="That will do.")
    await visit.sign_in(f"#/multi-runs/{IDENTITY}")
    await expect(attempt(visit.page, "Attempt 1").locator(".now")).to_contain_text("edit_file app/search.py")
    await expect(attempt(visit.page, "Attempt 2").locator(".now")).to_contain_text("edit_file app/cache.py")

    api_server.codegen.finish(1, result="Done.")
    await expect(attempt(visit.page, "Attempt 1")).to_contain_text("Succeeded")
    await expect(attempt(visit.page, "Attempt 1").locator(".now")).to_be_hidden()


@needs_browser
async def test_multi_run_compares_diffs_and_keeps_one(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    same = {"app/index.sql": "CREATE INDEX one;\n"}
    for index, files in enumerate(({"app/search.py": "fast = 1\n"}, {"app/search.py": "fast = 2\n", "b.py": "b\n"}), 1):
        thread = await api_server.github.open_pull_request("bob", f"Try {index}", f"try-{index}", same | files)
        api_server.github.world.add_check_run(
            "tests", thread.head_sha, conclusion="success" if index == 2 else "failure"
        )
        begun_by_a_comment(api_server, multi_run_index=index)
        api_server.codegen.finish(index, result=f"Number {index}.", pull_request=f"octo/shop#{thread.number}")
    await page.set_viewport_size({"width": 1280, "height": 900})
    await visit.sign_in(f"#/multi-runs/{IDENTITY}")
    await expect(attempt(page, "Attempt 1")).to_contain_text("2 files +2 −0")
    await expect(attempt(page, "Attempt 1")).to_contain_text("1 of 1 check failed")
    await expect(attempt(page, "Attempt 2")).to_contain_text("1 check passed")
    # Nothing goes on any more.
    await expect(page.get_by_role("progressbar")).to_be_hidden()

    changed = page.get_by_role("region", name="Changed files")
    await expect(changed.get_by_text("2 of 3 files differ.")).to_be_visible()
    await expect(changed.locator(".differs .path")).to_have_text(["app/search.py", "b.py"])
    await changed.get_by_role("button", name="app/search.py").click()
    await expect(changed.get_by_role("button", name="app/search.py")).to_be_focused()
    tables = changed.get_by_role("table")
    await expect(tables).to_have_count(2)
    await expect(tables.nth(0)).to_contain_text("fast = 1")
    await expect(tables.nth(1)).to_contain_text("fast = 2")
    await assert_accessible(page)

    await attempt(page, "Attempt 2").get_by_role("button", name="Keep attempt 2").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("octo/shop#3")
    await dialog.get_by_role("button", name="Keep attempt 2").click()
    await expect(page.get_by_text("Kept attempt 2", exact=False).first).to_be_visible()
    closed = [entry for entry in api_server.codegen.control.journal if entry.method == "PATCH"]
    assert len(closed) == 1


@needs_browser
async def test_multi_run_offers_no_closed_one_and_closes_the_synthesis(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    marks: tuple[dict[str, Any], ...] = ({"multi_run_index": 1}, {"multi_run_index": 2}, {"multi_run_synthesis": True})
    for index, mark in enumerate(marks, 1):
        thread = await api_server.github.open_pull_request(
            "bob", f"Try {index}", f"try-{index}", {"b.py": f"{index}\n"}
        )
        begun_by_a_comment(api_server, **mark)
        api_server.codegen.finish(index, result=f"Number {index}.", pull_request=f"octo/shop#{thread.number}")
        if index == 2:
            thread.state = "closed"
    await visit.sign_in(f"#/multi-runs/{IDENTITY}")

    # Whether it is open comes with its diff.
    await expect(attempt(page, "Attempt 2")).to_contain_text("1 file +1 −0")
    await expect(attempt(page, "Attempt 2").get_by_role("button", name="Keep attempt 2")).to_be_hidden()
    await attempt(page, "Attempt 1").get_by_role("button", name="Keep attempt 1").click()
    await expect(page.get_by_role("dialog")).to_contain_text("the pull requests of the others: octo/shop#5.")


@needs_browser
async def test_multi_run_cuts_no_column(api_server: ApiServer, visit: Visit) -> None:
    for index in range(1, 5):
        begun_by_a_comment(api_server, multi_run_index=index)
        api_server.codegen.finish(index, result=f"Number {index}. " * 60)
    await visit.page.set_viewport_size({"width": 1280, "height": 900})
    await visit.sign_in(f"#/multi-runs/{IDENTITY}")
    columns = visit.page.get_by_role("region", name="Results side by side").get_by_role("article")
    await expect(columns).to_have_count(4)
    # All at once: what comes in above them moves them down.
    boxes = await columns.evaluate_all("(all) => all.map((each) => each.getBoundingClientRect().toJSON())")
    assert len({box["y"] for box in boxes}) == 1
    assert all(box["right"] <= 1280 for box in boxes)
    await expect(visit.page.get_by_role("link", name="Runs", exact=True)).to_have_attribute("aria-current", "page")
