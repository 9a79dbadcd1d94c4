"""The overview: numbers and charts of recent runs, with a text alternative."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from playwright.async_api import Page, Route, expect

from tests.harness.browser import Visit, needs_browser
from tests.harness.server import ApiServer
from tests.web.dashboard.accessible import assert_accessible, stops_by_tab
from tests.web.dashboard.test_runs import PHONE


def noon() -> datetime:
    return datetime.combine(datetime.now(UTC).date(), time(12), UTC)


def a_week(api_server: ApiServer) -> datetime:
    """One of ten days ago; six of yesterday, of which three succeeded; one of today that is running.

    :returns: a time of yesterday
    """
    yesterday = noon() - timedelta(days=1)
    api_server.codegen.start_elsewhere("Long ago").created_at = yesterday - timedelta(days=9)
    api_server.codegen.finish(1)
    for number, status in enumerate(["COMPLETE"] * 3 + ["FAILED", "TIMEOUT", "CANCELLED"], 2):
        api_server.codegen.start_elsewhere(f"Number {number}").created_at = yesterday
        api_server.codegen.finish(number, status=status)
    api_server.codegen.start_elsewhere("Now")
    api_server.codegen.move(8, "RUNNING")
    return yesterday


async def numbers_of(page: Page, title: str) -> list[list[str]]:
    """The table under a plot's fold."""
    plot = page.get_by_role("figure").filter(has=page.get_by_role("heading", name=title))
    if not await plot.get_by_role("table").is_visible():
        await plot.get_by_text("Show table").click()
    rows = await plot.get_by_role("row").all()
    return [(await row.inner_text()).split("\t") for row in rows]


@needs_browser
async def test_overview_draws_and_describes_counts(api_server: ApiServer, visit: Visit) -> None:
    yesterday = a_week(api_server)
    page = visit.page
    await visit.sign_in("#/overview?days=7")

    success = page.locator(".figures > div").filter(has_text="Success")
    await expect(success).to_contain_text("50%")
    await expect(success).to_contain_text("3 of 6 runs that ended")
    await expect(page.locator(".figures > div").filter(has_text="in 7 days, 1 not finished")).to_contain_text("7")
    rows = await numbers_of(page, "Runs per day")
    assert rows[0][1:] == ["Succeeded", "Failed", "Cancelled", "Not finished", "All"]
    # The last but one, unless midnight has passed.
    [of_yesterday] = [row for row in rows if row[0].startswith(f"{yesterday:%a}")]
    assert of_yesterday[1:] == ["3", "2", "1", "0", "6"]
    assert len(rows) == 8
    states = page.get_by_role("region", name="Runs by state").get_by_role("listitem")
    await expect(states.first).to_have_text("Succeeded343%")
    await expect(page.get_by_role("img", name="Runs per day. 7 runs by the day they started")).to_be_visible()
    await expect(success.locator(".trend.bad")).to_contain_text("down 50 points less than in the 7 days before")

    await page.get_by_role("radio", name="14 days").check()
    await expect(success).to_contain_text("4 of 7 runs that ended")
    await expect(page).to_have_url(f"{visit.url}/#/overview")
    await page.get_by_role("radio", name="14 days").press("ArrowRight")
    await expect(page.get_by_role("radio", name="30 days")).to_be_focused()
    await expect(page.locator(".figures")).to_contain_text("in 30 days")
    await expect(page).to_have_url(f"{visit.url}/#/overview?days=30")
    assert len(await numbers_of(page, "Runs per day")) == 31

    # What goes on is seen to end by the bot: from then on it is known how long it took.
    await expect(page.get_by_text("Not known for any run.")).to_be_visible()
    api_server.codegen.finish(8)
    await expect(success).to_contain_text("5 of 8 runs that ended")
    assert await page.get_by_role("table").first.is_visible(), "what was unfolded stays so"
    await expect(page.get_by_role("img", name="Time to finish. Known for 1 of 8")).to_be_visible()

    await assert_accessible(page)
    assert "30 days" in await stops_by_tab(page)
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a TypedDict
    await expect(states.first).to_have_text("Succeeded563%")
    await assert_accessible(page)


@needs_browser
async def test_overview_empty_and_cut(api_server: ApiServer, visit: Visit) -> None:
    visit.expected = ["403"]
    page = visit.page
    fault = api_server.codegen.control.fault(path="/agent/runs$", status=403, body={"message": "No."}, times=None)
    await visit.sign_in("#/help")
    await expect(page.get_by_role("heading", name="Config")).to_be_visible()
    # The page does not try again by itself.
    await visit.stop_time()
    await visit.open("#/overview")
    again = page.get_by_role("button", name="Try again")
    # The form to sign in has an alert too, before this one.
    await expect(again).to_be_visible()
    api_server.codegen.control.faults.remove(fault)
    await again.click()
    await page.clock.resume()
    await expect(page.get_by_text("There were no runs in the last 14 days.")).to_be_visible()
    await assert_accessible(page)

    for number in range(1, 2_002):
        api_server.codegen.start_elsewhere(f"Number {number}")
    await page.get_by_role("radio", name="7 days").check()
    await expect(page.get_by_text("Only the newest 2,000 runs")).to_be_visible()
    await expect(page.locator(".figures > div").filter(has_text="Success")).to_contain_text("None has ended yet.")
    await expect(page.locator(".figures > div").filter(has_text="Runs")).to_contain_text("2,000")


@needs_browser
async def test_overview_shows_costs_of_own_agents(api_server: ApiServer, visit: Visit) -> None:
    """As the API reports them; without any, there is nothing about costs."""
    a_week(api_server)
    page = visit.page
    await visit.sign_in("#/overview")
    await expect(page.locator(".figures")).to_be_visible()
    await expect(page.get_by_role("region", name="Cost by person")).to_be_hidden()

    spent = {"turns": 3, "input_tokens": 90_000, "output_tokens": 2_400, "cost": 1.25, "is_estimated": True}
    costs = {
        "is_known": True,
        "total": spent,
        "days": [],
        "people": [{"name": "alice", **spent}, {"name": "bob", **spent, "cost": 0.004}],
        "repositories": [{"name": "octo/shop", **spent}],
        "threads": [],
        "agents": [{"name": "claude", **spent}],
    }
    used = {"known": 3, "cost": 1.25, "tokens": 92_400, "is_estimated": True}

    async def add(route: Route) -> None:
        response = await route.fetch()
        await route.fulfill(response=response, json=await response.json() | {"used": used})

    await page.route("**/costs?*", lambda route: route.fulfill(json=costs))
    await page.route("**/overview?*", add)
    await page.get_by_role("radio", name="7 days").check()
    people = page.get_by_role("region", name="Cost by person").get_by_role("listitem")
    await expect(people).to_have_text(["alalice~$1.2592.4k", "bobob~<$0.0192.4k"])
    await expect(page.locator(".figures > div").filter(has_text="Cost")).to_contain_text("92.4k tokens, 3 runs")
    await assert_accessible(page)
