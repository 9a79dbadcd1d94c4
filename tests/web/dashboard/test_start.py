"""Starting a run, a multi-run, an analysis of logs and set-up commands from the page."""

from __future__ import annotations

import re

from playwright.async_api import FilePayload, Route, expect

from tests.web.api.api_server import ApiServer
from tests.web.dashboard.accessible import assert_accessible, stops_by_tab
from tests.web.dashboard.browser import TOKEN, Visit, needs_browser

PROMPT = "Fix the flaky test.\nIt is the one of the checkout."


@needs_browser
async def test_a_run_is_started_as_it_was_filled_in(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    await visit.sign_in("#/new")
    await page.get_by_label("Prompt").fill(PROMPT)
    await page.get_by_label("Repository").select_option("octo/docs")
    await page.get_by_text("More options").click()
    await page.get_by_label("Model").fill("claude-opus-4.5")
    await page.get_by_label("Agent type").select_option("claude_code")
    await page.get_by_label("Temperature").fill("0.1")
    await page.get_by_label("Images").set_input_files(
        FilePayload(name="dot.png", mimeType="image/png", buffer=b"\x89PNG")
    )
    await page.get_by_role("button", name="Start the run").click()

    await expect(page).to_have_url(re.compile(r"#/runs/1$"))
    await expect(page.locator("#main")).to_be_focused()
    await expect(page.locator("#notice")).to_have_text("Run 1 is started.")
    [sent] = [entry.body for entry in api_server.upstream("/agent/run") if entry.method == "POST"]
    assert (sent["prompt"], sent["repo_id"], sent["model"], sent["agent_type"]) == (
        PROMPT,
        102,
        "claude-opus-4.5",
        "claude_code",
    )
    assert sent["images"] == ["data:image/png;base64,iVBORw=="]
    assert sent["metadata"]["temperature"] == 0.1

    await visit.open("#/new")
    await expect(page.get_by_label("Prompt")).to_have_value("")


@needs_browser
async def test_a_refusal_marks_the_fields_and_keeps_what_was_typed(api_server: ApiServer, visit: Visit) -> None:
    """What does not fit is said in the API's own words, also where it is folded away; a reload loses nothing."""
    page = visit.page
    visit.expected = ["422", "402"]
    await visit.sign_in("#/new?kind=multi-run")
    prompt, model = page.get_by_label("Prompt", exact=True), page.get_by_label("Model")
    await page.get_by_text("More options").click()
    await model.fill("no such model")
    await page.get_by_text("More options").click()
    await page.get_by_role("button", name="Start the multi-run").click()
    await expect(prompt).to_be_focused()
    await expect(prompt).to_have_attribute("aria-invalid", "true")
    await expect(prompt).to_have_accessible_description(re.compile("should have at least 1 character"))

    await prompt.fill(PROMPT)
    await page.get_by_label("Attempts").fill("three")
    await page.get_by_role("button", name="Start the multi-run").click()
    attempts = page.get_by_label("Attempts")
    await expect(attempts).to_be_focused()
    await expect(attempts).to_have_accessible_description(re.compile("valid integer"))
    await expect(prompt).not_to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_role("alert")).to_contain_text("Invalid input")

    await attempts.fill("2")
    await page.get_by_role("button", name="Start the multi-run").click()
    await expect(model).to_be_focused()
    await expect(model).to_be_visible()
    await assert_accessible(page)
    assert not api_server.codegen.runs

    await page.reload()
    await expect(prompt).to_have_value(PROMPT)
    await expect(model).to_have_value("no such model")
    await expect(model).to_be_visible()

    # What is common to both is there in another form too; a refusal of Codegen's is told as well.
    await page.get_by_role("radio", name="Run", exact=True).check()
    await expect(prompt).to_have_value(PROMPT)
    await model.fill("")
    api_server.codegen.control.fault(path="/agent/run$", method="POST", status=402, body={"message": "Used up."})
    await page.get_by_role("button", name="Start the run").click()
    await expect(page.get_by_role("alert")).not_to_be_empty()
    await expect(prompt).to_have_value(PROMPT)

    await page.get_by_role("button", name="Sign out").click()
    assert PROMPT not in str(await page.evaluate("Object.values(sessionStorage)"))


@needs_browser
async def test_what_is_sent_again_is_started_once(api_server: ApiServer, visit: Visit) -> None:
    """The answer was lost, so that nobody knows whether the run was started; clicking twice does no harm either."""
    page = visit.page
    visit.expected = ["ERR_FAILED"]
    keys = []

    async def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        await route.fetch()
        await route.abort()

    await visit.sign_in("#/new")
    await page.route("**/agent/run", lose)
    await page.get_by_label("Prompt").fill(PROMPT)
    await page.get_by_role("button", name="Start the run").click(click_count=2)
    await expect(page.get_by_role("alert")).to_have_text("The server does not answer.")
    await page.unroute("**/agent/run")
    # As if the tab had been opened anew: what was sent, and under which name, is still known.
    await page.reload()
    await page.get_by_role("button", name="Start the run").click()

    await expect(page).to_have_url(re.compile(r"#/runs/1$"))
    assert len(api_server.codegen.runs) == 1
    assert len(set(keys)) == 1


@needs_browser
async def test_many_attempts_are_counted_before_they_start(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    await visit.sign_in("#/new")
    await page.get_by_role("radio", name="Multi-run").check()
    await expect(page.get_by_text("This starts up to 4 agent runs: 3 attempts, then a synthesis")).to_be_visible()
    await page.get_by_label("Prompt", exact=True).fill(PROMPT)
    await page.get_by_label("Attempts").fill("1")
    await expect(page.get_by_text("This starts 1 agent run;")).to_be_visible()
    await page.get_by_label("Attempts").fill("7")
    await page.get_by_label("Attempts").press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("This starts up to 8 agent runs")
    await dialog.get_by_role("button", name="Leave it").click()
    await expect(dialog).to_have_count(0)
    assert not api_server.codegen.runs

    await page.get_by_role("button", name="Start the multi-run").click()
    await dialog.get_by_role("button", name="Start them").click()
    await expect(page).to_have_url(re.compile(r"#/multi-runs/http-"))
    await api_server.codegen.run_created(7)


@needs_browser
async def test_logs_are_analyzed_and_set_up_commands_generated(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    visit.expected = ["422"]
    await visit.sign_in("#/new?kind=analyze-logs")
    await page.get_by_role("button", name="Analyze").click()
    await expect(page.get_by_role("alert")).to_contain_text("give exactly one of sandbox_id and logs")
    await page.get_by_role("textbox", name="Logs").fill("pip: no matching distribution")
    await page.get_by_role("button", name="Analyze").click()
    await expect(page).to_have_url(re.compile(r"#/runs/1$"))
    assert "no matching distribution" in api_server.codegen.runs[1].prompt

    await visit.open("#/new?kind=setup-commands")
    await page.get_by_role("button", name="Generate").click()
    repository = page.get_by_label("Repository")
    await expect(repository).to_be_focused()
    await expect(repository).to_have_accessible_description("Field required")
    await repository.select_option("octo/shop")
    await page.get_by_text("More options").click()
    await page.get_by_label("Language").fill("Python")
    await page.get_by_role("button", name="Generate").click()
    await expect(page).to_have_url(re.compile(r"#/runs/2$"))
    assert "Language: Python" in api_server.codegen.runs[2].prompt


@needs_browser
async def test_the_forms_can_be_used_by_everybody(api_server: ApiServer, visit: Visit) -> None:
    """Also where the repositories are not known."""
    page = visit.page
    visit.expected = ["403"]
    api_server.codegen.control.fault(path="/repos$", status=403, times=None, token=re.escape(TOKEN))
    await page.set_viewport_size({"width": 360, "height": 740})
    await visit.sign_in("#/new?kind=multi-run")
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await expect(page.get_by_label("Repository")).to_have_accessible_description(re.compile("are not known"))
    await page.get_by_text("More options").click()
    await assert_accessible(page)
    assert "Try again" in await stops_by_tab(page)

    api_server.codegen.control.faults.clear()
    await page.get_by_role("button", name="Try again").click()
    await page.get_by_label("Repository").select_option("octo/shop")
    for kind in ("Run", "Analyze logs", "Set-up commands"):
        await page.get_by_role("radio", name=kind, exact=True).check()
        await assert_accessible(page)
