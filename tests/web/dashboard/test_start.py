"""Starting a run, a multi-run, an analysis of logs and set-up commands from the page."""

from __future__ import annotations

import re

from playwright.async_api import FilePayload, Route, expect

from tests.harness.browser import TOKEN, Visit, needs_browser
from tests.harness.server import ApiServer
from tests.web.dashboard.accessible import assert_accessible, stops_by_tab

PROMPT = "Fix the flaky test.\nIt is the one of the checkout."


@needs_browser
async def test_start_run_from_form(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    await visit.sign_in("#/new")
    await page.get_by_label("Prompt").fill(PROMPT)
    await page.get_by_label("Repository").select_option("octo/docs")
    await page.get_by_text("More options").click()
    await page.get_by_label("Model").fill("claude-opus-4.5")
    await page.get_by_label("Agent type").fill("claude_code")
    await expect(page.get_by_label("Temperature")).to_have_count(0)
    await page.get_by_label("Images").set_input_files(
        FilePayload(name="dot.png", mimeType="image/png", buffer=b"\x89PNG")
    )
    await page.get_by_role("button", name="Start the run").click()

    # First what goes again after some seconds.
    await expect(page.locator("#notice")).to_have_text("Run 1 started.")
    await expect(page).to_have_url(re.compile(r"#/runs/1$"))
    await expect(page.locator("#main")).to_be_focused()
    [sent] = [entry.body for entry in api_server.upstream("/agent/run") if entry.method == "POST"]
    assert (sent["prompt"], sent["repo_id"], sent["model"], sent["agent_type"]) == (
        PROMPT,
        102,
        "claude-opus-4.5",
        "claude_code",
    )
    assert sent["images"] == ["data:image/png;base64,iVBORw=="]
    assert "temperature" not in sent["metadata"]

    await visit.open("#/new")
    await expect(page.get_by_label("Prompt")).to_have_value("")


@needs_browser
async def test_refused_start_marks_fields_and_keeps_input(api_server: ApiServer, visit: Visit) -> None:
    """Each is marked, also in the folded part; a reload loses nothing."""
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
    await expect(prompt).to_have_accessible_description(re.compile("Enter a prompt"))

    await prompt.fill(PROMPT)
    await page.get_by_label("Attempts").fill("three")
    await page.get_by_role("button", name="Start the multi-run").click()
    attempts = page.get_by_label("Attempts")
    await expect(attempts).to_be_focused()
    await expect(attempts).to_have_accessible_description(re.compile("Enter a whole number from 1 to 20"))
    await expect(prompt).not_to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_role("alert")).to_have_text("Fix the highlighted fields.")

    await attempts.fill("2")
    await page.get_by_role("button", name="Start the multi-run").click()
    await expect(model).to_be_focused()
    await expect(model).to_be_visible()
    await expect(model).to_have_accessible_description(re.compile("no spaces"))
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
async def test_resubmitted_start_is_sent_once(api_server: ApiServer, visit: Visit) -> None:
    """After a lost response, and after a double click."""
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
    await expect(page.get_by_role("alert")).to_have_text("The server is not responding.")
    await page.unroute("**/agent/run")
    # As if the tab had been opened anew: what was sent, and under which name, is still known.
    await page.reload()
    await page.get_by_role("button", name="Start the run").click()

    await expect(page).to_have_url(re.compile(r"#/runs/1$"))
    assert len(api_server.codegen.runs) == 1
    assert len(set(keys)) == 1


@needs_browser
async def test_many_attempts_need_confirmation(api_server: ApiServer, visit: Visit) -> None:
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
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
    assert not api_server.codegen.runs

    await page.get_by_role("button", name="Start the multi-run").click()
    await dialog.get_by_role("button", name="Start them").click()
    await expect(page).to_have_url(re.compile(r"#/multi-runs/http-"))
    await api_server.codegen.run_created(7)


@needs_browser
async def test_analyze_logs_and_setup_commands_forms(api_server: ApiServer, visit: Visit) -> None:
    page = visit.page
    visit.expected = ["422"]
    await visit.sign_in("#/new?kind=analyze-logs")
    await page.get_by_role("button", name="Analyze logs").click()
    sandbox = page.get_by_label("Sandbox")
    await expect(sandbox).to_be_focused()
    await expect(sandbox).to_have_accessible_description(re.compile("Enter a sandbox's number, or paste logs"))
    await page.get_by_role("textbox", name="Logs").fill("pip: no matching distribution")
    await page.get_by_role("button", name="Analyze logs").click()
    await expect(page).to_have_url(re.compile(r"#/runs/1$"))
    assert "no matching distribution" in api_server.codegen.runs[1].prompt

    await visit.open("#/new?kind=setup-commands")
    await page.get_by_role("button", name="Generate").click()
    repository = page.get_by_label("Repository")
    await expect(repository).to_be_focused()
    await expect(repository).to_have_accessible_description("Choose a repository.")
    await repository.select_option("octo/shop")
    await page.get_by_text("More options").click()
    await page.get_by_label("Language").fill("Python")
    await page.get_by_role("button", name="Generate").click()
    await expect(page).to_have_url(re.compile(r"#/runs/2$"))
    assert "Language: Python" in api_server.codegen.runs[2].prompt


@needs_browser
async def test_forms_are_accessible(api_server: ApiServer, visit: Visit) -> None:
    """Also if the repositories are unknown."""
    page = visit.page
    visit.expected = ["403"]
    api_server.codegen.control.fault(path="/repos$", status=403, times=None, token=re.escape(TOKEN))
    await page.set_viewport_size({"width": 360, "height": 740})
    await visit.sign_in("#/new?kind=multi-run")
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await expect(page.get_by_label("Repository")).to_have_accessible_description(re.compile("could not be loaded"))
    await page.get_by_text("More options").click()
    await assert_accessible(page)
    assert "Try again" in await stops_by_tab(page)

    api_server.codegen.control.faults.clear()
    await page.get_by_role("button", name="Try again").click()
    await page.get_by_label("Repository").select_option("octo/shop")
    for kind in ("Run", "Analyze logs", "Set-up commands"):
        await page.get_by_role("radio", name=kind, exact=True).check()
        await assert_accessible(page)
