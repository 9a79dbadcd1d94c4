"""The list of runs: rows, filters, updates, and very long lists."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Locator, Page, Route, expect

from tests.harness.browser import Visit, needs_browser
from tests.harness.server import ApiServer
from tests.web.dashboard.accessible import assert_accessible, stops_by_tab

PHONE = {"width": 360, "height": 740}


def row(page: Page, words: str) -> Locator:
    return page.get_by_role("row").filter(has_text=words)


def titles(page: Page) -> Locator:
    return page.locator(".run-row .title")


def begin(api_server: ApiServer, prompt: str, *, minutes: int = 0, **more: Any) -> int:
    """Alice, or `login`, starts a run on octo/shop#7; `more` is added to its metadata."""
    mark = {
        "identity": f"comment-{len(api_server.codegen.runs)}",
        "command": "run",
        "prompt": prompt,
        "login": more.pop("login", "alice"),
        "repository": "octo/shop",
        "number": 7,
        "url": "https://github.com/octo/shop/pull/7",
    }
    run = api_server.codegen.start_elsewhere(prompt, metadata={"codegen_bot": mark, **more})
    run.created_at = datetime.now(UTC) - timedelta(minutes=minutes)
    api_server.codegen.move(run.id, "RUNNING")
    return run.id


def many_runs(api_server: ApiServer, count: int) -> None:
    began = datetime.now(UTC) - timedelta(days=30)
    for number in range(1, count + 1):
        run = api_server.codegen.start_elsewhere(f"Number {number}")
        run.created_at = began + timedelta(minutes=number)
        api_server.codegen.finish(number, summary=f"Did number {number}.")


@needs_browser
async def test_row_shows_run(api_server: ApiServer, visit: Visit) -> None:
    """One of the bot's own, one of a multi-run, and one started on Codegen's page."""
    begin(api_server, "Fix the flaky test", minutes=3)
    begin(api_server, "Make it fast", multi_run_id="m:1", multi_run_index=2, multi_run_total=3)
    api_server.codegen.start_elsewhere("Nobody can read this")
    api_server.codegen.finish(3, summary="<b>Did</b> it.\nAnd more.", pull_request="octo/docs#9", status="FAILED")
    page = visit.page
    await visit.sign_in()

    first = row(page, "Fix the flaky test")
    await expect(first.locator(".badge")).to_have_text("Working")
    await expect(first.get_by_role("link", name="Fix the flaky test")).to_have_attribute("href", "#/runs/1")
    await expect(first.get_by_role("link", name="octo/shop#7")).to_have_attribute(
        "href", "https://github.com/octo/shop/pull/7"
    )
    await expect(first.get_by_role("cell").filter(has_text="alice")).to_be_visible()
    await expect(first.get_by_role("cell").filter(has_text="3 min ago")).to_be_visible()
    await expect(first.locator(".of-duration")).to_contain_text("3 min")
    await expect(row(page, "Make it fast").get_by_role("link", name="attempt 2 of 3")).to_have_attribute(
        "href", "#/multi-runs/m%3A1"
    )
    third = row(page, "octo/docs#9")
    await expect(third.locator(".badge")).to_have_text("Failed")
    await expect(third.get_by_role("cell").filter(has_text="by chat")).to_be_visible()
    await expect(third.get_by_role("link", name="octo/docs#9")).to_be_visible()
    await expect(page.get_by_text("3 runs", exact=True)).to_be_visible()
    await expect(page.get_by_role("table", name="Runs")).to_have_attribute("aria-rowcount", "4")

    await first.get_by_role("button", name="Star run 1").click()
    await expect(first.get_by_role("button", name="Unstar run 1")).to_have_attribute("aria-pressed", "true")
    assert (await api_server.get("/starred-runs")).document == {"agent_run_ids": [1]}
    starred = page.get_by_role("button", name="Starred", exact=True)
    await starred.click()
    await expect(titles(page)).to_have_text(["Fix the flaky test"])
    await expect(starred).to_have_attribute("aria-pressed", "true")
    await expect(starred).to_be_focused()
    await starred.click()
    await expect(titles(page)).to_have_count(3)

    await assert_accessible(page)
    stops = await stops_by_tab(page)
    assert stops.index("Make it fast") < stops.index("Attempt 2 of 3") < stops.index("Fix the flaky test")
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a TypedDict
    await expect(page.get_by_label("State")).to_be_hidden()
    await page.get_by_role("button", name="Filter", exact=True).click()
    await expect(page.get_by_label("State")).to_be_visible()
    await assert_accessible(page)
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("State")).to_be_hidden()
    await expect(page.get_by_role("button", name="Filter", exact=True)).to_be_focused()


@needs_browser
async def test_filters_are_in_address_and_history(api_server: ApiServer, visit: Visit) -> None:
    for number in range(1, 13):
        begin(api_server, f"Number {number}" if number % 3 else f"Flaky {number}", minutes=60 - number)
    for number in (3, 4, 9):
        api_server.codegen.finish(number, status="FAILED", pull_request="octo/docs#1" if number == 9 else None)
    page = visit.page
    await visit.sign_in()
    await expect(titles(page)).to_have_count(12)
    steps = await page.evaluate("history.length")

    search = page.get_by_label("Search")
    await search.press_sequentially("flaky", delay=20)
    await expect(titles(page)).to_have_text(["Flaky 12", "Flaky 9", "Flaky 6", "Flaky 3"])
    await expect(search).to_be_focused()
    await page.get_by_label("Order").select_option("Oldest first")
    await page.get_by_role("button", name="Failed", exact=True).click()
    await expect(titles(page)).to_have_text(["Flaky 3", "Flaky 9"])
    await expect(page.get_by_text("2 runs found")).to_be_visible()
    await page.get_by_role("button", name="Filter", exact=True).click()
    await page.get_by_label("Repository").fill("docs")
    await expect(titles(page)).to_have_text(["Flaky 9"])
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("button", name="Remove the filter Repository: docs")).to_be_visible()
    await expect(page).to_have_url(f"{visit.url}/#/runs?q=flaky&status=failed&repo=docs&sort=created_at")
    assert await page.evaluate("history.length") == steps

    await titles(page).click()
    await expect(titles(page)).to_have_count(0)
    await expect(page.get_by_role("navigation").get_by_role("link", name="Runs")).to_have_attribute(
        "aria-current", "page"
    )
    await page.go_back()
    await expect(titles(page)).to_have_text(["Flaky 9"])
    await expect(titles(page)).to_be_focused()
    await expect(page.get_by_label("Search")).to_have_value("flaky")
    await expect(page.get_by_role("button", name="Failed", exact=True)).to_have_attribute("aria-pressed", "true")

    await page.get_by_label("Time", exact=True).select_option("Custom range")
    await expect(page.get_by_label("From")).to_be_focused()
    await page.get_by_label("From").fill("2001-01-01")
    await page.get_by_label("Until").fill("2001-12-31")
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("No runs match the filters.")).to_be_visible()
    await expect(page.get_by_role("button", name="Remove the filter from 1 Jan 2001 until 31 Dec 2001")).to_be_visible()
    await page.get_by_role("button", name="Show all runs").click()
    await expect(titles(page)).to_have_count(12)
    await expect(page).to_have_url(f"{visit.url}/#/runs?sort=created_at")
    await visit.open("#/runs?status=sideways&created_after=yesterday&sort=-status&colour=red")
    await expect(titles(page)).to_have_count(12)
    await expect(row(page, "Number 1").last.locator(".badge")).to_have_text("Working")


@needs_browser
async def test_filters_can_be_typed_and_name_authors(api_server: ApiServer, visit: Visit) -> None:
    begin(api_server, "Fix the flaky test", minutes=60 * 24 * 20)
    begin(api_server, "Make it fast", login="bob")
    begin(api_server, "Write the changelog")
    page = visit.page
    await visit.sign_in()
    await expect(titles(page)).to_have_count(3)
    await expect(row(page, "Make it fast").locator(".of-author")).to_have_text("bobob")

    await page.get_by_role("button", name="Mine").click()
    await expect(titles(page)).to_have_text(["Write the changelog", "Fix the flaky test"])
    await page.get_by_label("Time", exact=True).select_option("Last 7 days")
    await expect(titles(page)).to_have_text(["Write the changelog"])
    await expect(page).to_have_url(f"{visit.url}/#/runs?author=%40me&since=7")
    await page.reload()
    await expect(titles(page)).to_have_text(["Write the changelog"])
    await page.get_by_role("button", name="Clear all").click()
    await expect(titles(page)).to_have_count(3)

    await page.get_by_label("Search").press_sequentially("author:BOB fast")
    await expect(titles(page)).to_have_text(["Make it fast"])
    await expect(page.get_by_label("Search")).to_have_value("fast")
    await page.get_by_role("button", name="Remove the filter Author: BOB").click()
    await page.get_by_label("Search").fill("repo:SHOP")
    await page.get_by_label("Search").press("Enter")
    await expect(titles(page)).to_have_count(3)
    await expect(page.get_by_role("button", name="Remove the filter Repository: SHOP")).to_be_visible()


@needs_browser
async def test_narrow_list_keeps_titles_readable(api_server: ApiServer, visit: Visit) -> None:
    title = "Make the checkout work without a postcode for Ireland"
    begin(api_server, title, multi_run_id="m:1", multi_run_index=2, multi_run_total=2)
    page = visit.page
    await page.set_viewport_size({"width": 900, "height": 700})
    await visit.sign_in()

    link = page.get_by_role("link", name=title)
    assert await link.evaluate("(link) => link.scrollWidth <= link.clientWidth"), "the title is cut"
    await assert_accessible(page)


@needs_browser
async def test_phone_shows_long_organization_name_beside_the_home_link(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a TypedDict
    await visit.sign_in()

    await page.locator("#organization option").evaluate("(option) => option.append(' and its many friends')")

    home = await page.get_by_role("link", name="codegen-bot").bounding_box()
    organization = await page.get_by_label("Organization").bounding_box()
    sign_out = await page.get_by_role("button", name="Sign out").bounding_box()
    assert home is not None
    assert organization is not None
    assert sign_out is not None
    assert organization["y"] < home["y"] + home["height"], "the organization has a row of its own"
    assert organization["x"] > home["x"] + home["width"]
    assert sign_out["x"] + sign_out["width"] <= PHONE["width"]


@needs_browser
async def test_list_shows_cost_and_tokens_where_runs_have_them(api_server: ApiServer, visit: Visit) -> None:
    begin(api_server, "Fix the flaky test")
    page = visit.page
    usage = {"input_tokens": 17_900, "output_tokens": 520, "cost": 0.4242, "is_estimated": True}

    async def add(route: Route) -> None:
        response = await route.fetch()
        document = await response.json()
        for run in document["items"]:
            run["usage"] = usage
        await route.fulfill(response=response, json=document)

    await visit.sign_in()
    await expect(titles(page)).to_have_count(1)
    await expect(page.get_by_role("columnheader", name="Cost")).to_be_hidden()
    await page.route("**/agent/runs?*", add)
    await page.reload()
    await expect(row(page, "Fix the flaky test").locator(".of-cost")).to_have_text("~$0.42 tokens: 18.4k")
    await expect(page.get_by_role("columnheader", name="Cost")).to_be_visible()


@needs_browser
async def test_unresponsive_codegen_is_reported(api_server: ApiServer, visit: Visit) -> None:
    """The list is marked as out of date, the bar counts the retries, and both go when Codegen is back."""
    visit.expected = ["502", "503"]
    begin(api_server, "Make it fast")
    page = visit.page
    await page.clock.install()
    await visit.sign_in()
    await expect(titles(page)).to_have_count(1)

    async def fail(route: Route) -> None:
        detail = "Codegen is not responding: connection refused."
        await route.fulfill(status=502, content_type="application/problem+json", json={"detail": detail})

    await page.route("**/agent/runs?*", fail)
    bar = page.locator("#connection")
    await expect(bar).to_contain_text("Codegen is not responding: connection refused. Retrying")
    await expect(page.locator(".run-table.stale")).to_be_visible()
    await expect(page.get_by_text(re.compile(r"As of \d\d:\d\d:\d\d"))).to_be_visible()
    await assert_accessible(page)
    # From here on the page does not retry by itself: the button would be gone before it is clicked.
    await visit.stop_time()
    await bar.get_by_role("button", name="Retry now").click()
    await expect(bar).to_contain_text(re.compile(r"Retrying \([2-6]/6\)|every minute"))
    await page.unroute("**/agent/runs?*")
    await bar.get_by_role("button", name="Retry now").click()
    await expect(bar).to_be_hidden()
    await expect(page.locator(".run-table.stale")).to_have_count(0)


@needs_browser
async def test_old_list_is_marked_while_codegen_fails(api_server: ApiServer, visit: Visit) -> None:
    """The server sends what it has: it is shown, with its time and the reason."""
    begin(api_server, "Make it fast")
    page = visit.page
    await visit.sign_in()
    await expect(titles(page)).to_have_count(1)
    fault = api_server.codegen.control.fault(path="/agent/runs$", status=503, times=None)

    bar = page.locator("#connection")
    await expect(bar).to_contain_text(re.compile(r"Codegen failed \(503\).*Showing data of .*Retrying"))
    await expect(page.locator(".run-table.stale")).to_be_visible()
    await expect(titles(page)).to_have_text(["Make it fast"])
    api_server.codegen.control.faults.remove(fault)
    await expect(bar).to_be_hidden()
    await expect(page.locator(".run-table.stale")).to_have_count(0)


@needs_browser
async def test_list_updates_itself_in_place(api_server: ApiServer, visit: Visit) -> None:
    """New rows are added at the top; the focused row and the scroll position stay."""
    many_runs(api_server, 60)
    number = begin(api_server, "Fix the flaky test")
    page = visit.page
    await visit.sign_in()
    await expect(titles(page).first).to_have_text("Fix the flaky test")

    api_server.codegen.finish(number)
    # First what goes again after some seconds.
    await expect(row(page, "Fix the flaky test")).to_have_attribute("data-note", "changed")
    await expect(row(page, "Fix the flaky test").locator(".badge")).to_have_text("Succeeded")
    await expect(page.get_by_text(f"Run {number}, Fix the flaky test: succeeded.")).to_be_attached()
    begin(api_server, "Make it fast")
    await expect(row(page, "Make it fast")).to_have_attribute("data-note", "new")
    await expect(titles(page).first).to_have_text("Make it fast")
    assert await page.evaluate("scrollY") == 0

    read = row(page, "Did number 45.").get_by_role("link")
    await read.focus()
    before = await read.bounding_box()
    begin(api_server, "Write the changelog")
    begin(api_server, "Remove dead code")
    await expect(page.get_by_text("64 runs", exact=True)).to_be_attached()
    await expect(read).to_be_focused()
    assert await read.bounding_box() == before
    await page.get_by_role("button", name="2 new runs").click()
    await expect(titles(page).first).to_be_in_viewport()
    await expect(titles(page).first).to_have_text("Remove dead code")
    await expect(page.get_by_role("button", name="2 new runs")).to_be_hidden()


@needs_browser
async def test_ten_thousand_runs_render_few_rows(api_server: ApiServer, visit: Visit) -> None:
    many_runs(api_server, 10_000)
    page = visit.page
    await visit.sign_in()
    await expect(page.get_by_text("10,000 runs", exact=True)).to_be_visible()
    await expect(titles(page).first).to_have_text("Did number 10000.")
    rows = page.locator(".run-row")
    assert await rows.count() < 60

    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    await expect(page.locator(".run-row.unknown")).to_have_count(0)
    await expect(row(page, "Did number 5")).not_to_have_count(0)
    begin(api_server, "Make it fast")
    read = page.get_by_role("link", name=await titles(page).nth(20).inner_text(), exact=True)
    before = await read.bounding_box()
    await expect(page.get_by_role("button", name="1 new run")).to_be_visible()
    assert await read.bounding_box() == before

    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = page.get_by_role("link", name="Did number 1.", exact=True)
    await expect(last).to_be_in_viewport()
    assert await rows.count() < 60
    await expect(page.locator(".run-row").last).to_have_attribute("aria-rowindex", "10002")

    await last.focus()
    await page.keyboard.press("Home")
    await expect(page.get_by_role("link", name="Make it fast")).to_be_focused()
    await page.keyboard.press("PageDown")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(".run-row:focus-within .title")).to_contain_text("Did number 99")
    await page.keyboard.press("End")
    await expect(last).to_be_focused()
    assert await rows.count() < 60

    await last.press("Enter")
    await expect(rows).to_have_count(0)
    await page.go_back()
    await expect(last).to_be_in_viewport()


@needs_browser
async def test_list_empty_failed_and_stale(api_server: ApiServer, visit: Visit) -> None:
    visit.expected = ["403"]
    fault = api_server.codegen.control.fault(path="/agent/runs$", status=403, body={"message": "No."}, times=None)
    page = visit.page
    await visit.sign_in()
    await expect(page.get_by_role("alert")).to_contain_text("Codegen")
    await expect(page.get_by_role("table")).to_be_hidden()
    api_server.codegen.control.faults.remove(fault)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("There are no runs yet.")).to_be_visible()
    await assert_accessible(page)

    begin(api_server, "Make it fast")
    await expect(titles(page)).to_have_text(["Make it fast"])
    api_server.codegen.control.faults.append(fault)
    await expect(page.get_by_text(re.compile("As of .*: Codegen"))).to_be_visible()
    await expect(titles(page)).to_have_text(["Make it fast"])
    api_server.codegen.control.faults.remove(fault)
    await expect(page.get_by_text(re.compile("As of .*: Codegen"))).to_be_hidden()


@needs_browser
async def test_sign_out_leaves_nothing_of_last_user(api_server: ApiServer, visit: Visit) -> None:
    visit.expected = ["403"]
    begin(api_server, "Make it fast")
    page = visit.page
    await visit.sign_in(token="sk-both")
    await expect(titles(page)).to_have_text(["Make it fast"])

    fault = api_server.codegen.control.fault(path="/agent/runs$", status=403, body={"message": "No."}, times=None)
    await page.get_by_label("Organization").select_option("Hexa")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(titles(page)).to_have_count(0)
    api_server.codegen.control.faults.remove(fault)
    await page.get_by_label("Organization").select_option("Octo")
    await expect(titles(page)).to_have_text(["Make it fast"])

    await page.get_by_role("button", name="Sign out").click()
    api_server.codegen.control.faults.append(fault)
    await visit.page.get_by_label("API token").fill("sk-org1-bob")
    await visit.page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert").filter(has_text="o")).to_be_visible()
    await expect(titles(page)).to_have_count(0)
