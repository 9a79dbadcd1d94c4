"""The API's description in a browser: found by its sidebar, tried from the page."""

from __future__ import annotations

from playwright.async_api import expect

from tests.harness.browser import TOKEN, Visit, needs_browser
from tests.harness.server import ApiServer
from tests.web.dashboard.accessible import assert_accessible

MOST_PIXELS = 9_000
"""The page's height on a desktop, with everything folded: it is scanned, not read."""


@needs_browser
async def test_docs_page_is_scanned_and_tried(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    api_server.codegen.start_elsewhere("Fix it.")
    await visit.sign_in()
    await page.goto(f"{api_server.url}/docs")
    assert await page.evaluate("document.documentElement.scrollHeight") < MOST_PIXELS
    # Who is signed in to the dashboard need not paste the token again.
    await expect(page.get_by_label("Token")).to_have_value(TOKEN)
    contents = page.get_by_role("navigation", name="Endpoints")
    await contents.get_by_role("link", name="POST /agent/run/{agent_run_id}/resume").click()
    operation = page.locator("details.operation[open]")
    await expect(operation).to_have_count(1)
    await expect(operation).to_contain_text("curl -sS")
    await expect(operation.get_by_text('"agent_run_id"')).to_have_count(0)
    await expect(operation.get_by_text('"status": "COMPLETE"')).to_be_visible()

    trial = operation.get_by_role("form")
    await expect(trial.get_by_label("Body")).to_have_value('{\n  "prompt": "Also update the changelog."\n}')
    await trial.get_by_role("button", name="Send POST").click()
    await expect(trial.get_by_role("status")).to_contain_text("200 OK")
    await expect(trial.get_by_label("Response")).to_contain_text('"id": 1')
    assert api_server.codegen.runs[1].prompts[1:] == ["Also update the changelog."]
    for width in (1440, 360):
        await page.set_viewport_size({"width": width, "height": 800})
        await assert_accessible(page)


@needs_browser
async def test_docs_page_shows_errors_as_text(api_server: ApiServer, visit: Visit) -> None:
    """And opens what its address names."""
    visit.expected = ["401"]
    await visit.page.goto(f"{api_server.url}/docs#get_agent_runs")
    trial = visit.page.get_by_role("form", name="Try GET /organizations/{org_id}/agent/runs", exact=True)
    await visit.page.get_by_label("Token").fill("no <b>token</b>")
    await trial.get_by_label("limit").fill("1")
    await trial.get_by_role("button", name="Send GET").click()
    await expect(trial.get_by_role("status")).to_contain_text("401")
    await expect(trial.get_by_role("status")).to_contain_text("GET /organizations/1/agent/runs?limit=1")
    assert await trial.locator("pre b").count() == 0
