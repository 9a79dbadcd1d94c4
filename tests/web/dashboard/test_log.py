"""A run's log in the browser: growing, filtered, unfolded, resumed after a lost connection, inert."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Locator, expect

from tests.harness import TIMEOUT
from tests.harness.browser import Visit, needs_browser
from tests.harness.server import ApiServer
from tests.web.dashboard.accessible import assert_accessible

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)

NUMBERS = "[...document.querySelectorAll('.entry')].map((entry) => Number(entry.dataset.index))"


def begin(api_server: ApiServer) -> int:
    run = api_server.codegen.start_elsewhere("Fix it.")
    run.logs[0]["created_at"] = BEGIN.isoformat()
    api_server.codegen.move(run.id, "RUNNING")
    return run.id


def write(api_server: ApiServer, run: int, *, after: float, **fields: Any) -> None:
    """:param after: seconds since the run began"""
    api_server.codegen.add_log(run, created_at=(BEGIN + timedelta(seconds=after)).isoformat(), **fields)


def entries(visit: Visit) -> Locator:
    return visit.page.get_by_role("list", name="Entries").locator("> div > [role=listitem]")


@needs_browser
async def test_log_grows_filters_unfolds_and_measures(api_server: ApiServer, visit: Visit) -> None:
    run = begin(api_server)
    write(api_server, run, after=2, tool_name="view_file", thought="I read.", tool_input={"path": "a.py"})
    output = {"stdout": ["line one", "needle"], "more": "y" * 5_000 + "hidden END"}
    write(api_server, run, after=10, tool_name="run_command", tool_input={"command": "pytest"}, tool_output=output)
    write(api_server, run, after=11, message_type="PLAN_EVALUATION", thought="One change will do.")
    await visit.sign_in(f"#/runs/{run}")
    log = visit.page.get_by_role("region", name="Log")
    await expect(entries(visit)).to_have_count(4)
    await expect(log.get_by_text("Live", exact=True)).to_be_visible()

    command = entries(visit).nth(2)
    assert await command.get_by_text("needle").count() == 0
    await command.get_by_text("Output").click()
    await expect(command.get_by_text("needle")).to_be_visible()
    assert "END" not in await command.inner_text()
    await command.get_by_role("button", name="Show all of 5,010 characters").click()
    await expect(command).to_contain_text("END")

    shares = visit.page.get_by_role("region", name="Time per tool")
    await expect(shares.get_by_role("row", name="run_command")).to_contain_text("8.0 s73%1")
    write(api_server, run, after=20, tool_name="view_file", thought="I read more.")
    await expect(entries(visit)).to_have_count(5)
    await expect(shares.get_by_role("row", name="view_file")).to_contain_text("11 s55%2")

    await log.get_by_label("Show").select_option("view_file")
    await expect(log.get_by_text("2 of 5 entries")).to_be_visible()
    await expect(entries(visit)).to_have_count(2)
    write(api_server, run, after=21, thought="Not a tool.")
    write(api_server, run, after=22, tool_name="view_file", thought="A third time.")
    await expect(log.get_by_text("3 of 7 entries")).to_be_visible()
    await log.get_by_label("Show").select_option("Everything")
    await log.get_by_label("Search", exact=True).fill("NEEDLE")
    await expect(entries(visit)).to_have_count(1)
    await expect(log.locator("mark")).to_have_text(["needle"])
    await log.get_by_label("Search", exact=True).fill("hidden end")
    await expect(log.locator("mark")).to_have_text(["hidden END"])
    await log.get_by_label("Search", exact=True).fill("nobody wrote this")
    await expect(log.get_by_text("No entries match.")).to_be_visible()

    # Time before a follow-up is nobody's.
    write(api_server, run, after=90_000, message_type="USER_MESSAGE", observation="And the docs.")
    write(api_server, run, after=90_001, tool_name="view_file", thought="I read again.")
    await expect(shares.get_by_role("row", name="view_file")).to_contain_text("%4")
    await expect(shares.get_by_text("of work")).to_have_text(re.compile(r"^2\d s of work, in 3 parts\.$"))


@needs_browser
async def test_log_follows_end_until_scrolled(api_server: ApiServer, visit: Visit) -> None:
    run = begin(api_server)
    for number in range(60):
        write(api_server, run, after=number, thought=f"Step {number}. " * 20)
    await visit.sign_in(f"#/runs/{run}")
    await expect(entries(visit).filter(has_text="Step 59.")).to_be_in_viewport()
    write(api_server, run, after=60, thought="The newest.")
    await expect(entries(visit).filter(has_text="The newest.")).to_be_in_viewport()
    log = visit.page.get_by_role("region", name="Log")
    jump = log.get_by_role("button", name="↓")
    await expect(jump).to_be_hidden()
    await visit.page.get_by_role("region", name="Entries").focus()
    await visit.page.keyboard.press("Home")
    await expect(jump).to_be_visible()
    await expect(entries(visit).filter(has_text="Fix it.")).to_be_in_viewport()
    number = 62
    # What comes within two seconds of the beginning may have been there before.
    async with asyncio.timeout(TIMEOUT):
        while await jump.inner_text() == "To the end ↓":
            await expect(log.locator(".amount")).to_have_text(f"{number} entries")
            write(api_server, run, after=number, thought="Newer still.")
            number += 1
    write(api_server, run, after=number, thought="The very newest.")
    await expect(jump).to_have_text(re.compile(r"^\d+ new entries ↓$"))
    await expect(entries(visit).filter(has_text="Fix it.")).to_be_in_viewport()
    await jump.click()
    await expect(entries(visit).filter(has_text="The very newest.")).to_be_in_viewport()
    await expect(jump).to_be_hidden()
    await expect(visit.page.get_by_role("region", name="Entries")).to_be_focused()


@needs_browser
async def test_log_shows_output_in_monospace_and_texts_as_markdown(api_server: ApiServer, visit: Visit) -> None:
    run = begin(api_server)
    write(api_server, run, after=1, tool_name="run_command", tool_input={"command": "ls"}, observation="app  tests")
    write(api_server, run, after=2, message_type="FINAL_ANSWER", observation="It **works**:\n\n- `app` is there")
    await visit.sign_in(f"#/runs/{run}")
    await expect(entries(visit)).to_have_count(3)

    output, answer = entries(visit).nth(1).locator("pre"), entries(visit).nth(2)
    await expect(output).to_have_text("app  tests")
    assert "mono" in await output.evaluate("(element) => getComputedStyle(element).fontFamily")
    await expect(entries(visit).nth(1).locator(".entry-head")).to_contain_text("run_commandls")
    await expect(answer.locator("strong")).to_have_text("works")
    await expect(answer.locator("li code")).to_have_text("app")


@needs_browser
async def test_log_keeps_tools_name_whole_beside_long_command(api_server: ApiServer, visit: Visit) -> None:
    run = begin(api_server)
    for after, command in ((1, "ls"), (2, "python -c " + "'x = 1' " * 60)):
        write(api_server, run, after=after, tool_name="run_command", tool_input={"command": command})
    await visit.sign_in(f"#/runs/{run}")
    await expect(entries(visit)).to_have_count(3)

    heights = [await entries(visit).nth(at).locator(".tool").evaluate("(each) => each.offsetHeight") for at in (1, 2)]
    assert heights[0] == heights[1]


@needs_browser
async def test_log_folds_long_prompt_and_expands_all(api_server: ApiServer, visit: Visit) -> None:
    run = api_server.codegen.start_elsewhere("You are working on a pull request.\n\n" + "- Do not stop.\n" * 40).id
    write(api_server, run, after=1, tool_name="view_file", tool_input={"path": "a.py"}, tool_output={"text": "x = 1"})
    api_server.codegen.finish(run)
    await visit.sign_in(f"#/runs/{run}")
    log = visit.page.get_by_role("region", name="Log")
    prompt = entries(visit).first
    await expect(prompt.locator("summary")).to_contain_text("Prompt You are working on a pull request.")
    await expect(prompt.get_by_text("Do not stop.")).to_have_count(0)

    await log.get_by_role("button", name="Expand all").click()
    await expect(prompt.get_by_role("listitem")).to_have_count(40)
    await expect(entries(visit).nth(1)).to_contain_text("x = 1")
    await entries(visit).nth(1).get_by_text("Output").click()
    await expect(entries(visit).nth(1).get_by_text("x = 1", exact=True)).to_be_hidden()
    await log.get_by_role("button", name="Collapse all").click()
    await expect(prompt.get_by_text("Do not stop.").first).to_be_hidden()


@needs_browser
async def test_log_entry_has_address(api_server: ApiServer, visit: Visit) -> None:
    """Its number is a link, by which a colleague comes to the same entry, marked."""
    run = begin(api_server)
    for number in range(200):
        write(api_server, run, after=number, thought=f"Step {number}. " * 20)
    await visit.sign_in(f"#/runs/{run}?entry=120")
    target = visit.page.locator("#entry-120")
    await expect(target).to_be_in_viewport()
    await expect(target).to_have_class(re.compile("is-target"))
    await expect(target).to_contain_text("Step 118.")

    await visit.page.locator("#entry-121 a.number").click()
    await expect(visit.page).to_have_url(re.compile(rf"#/runs/{run}\?entry=121$"))
    await expect(visit.page.locator(".is-target")).to_have_attribute("id", "entry-121")
    # The view is not loaded again.
    await expect(target).to_be_in_viewport()


@needs_browser
async def test_log_entry_is_copied(api_server: ApiServer, visit: Visit) -> None:
    run = begin(api_server)
    write(api_server, run, after=1, tool_name="run_command", tool_input={"command": "ls"}, observation="app  tests")
    await visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visit.sign_in(f"#/runs/{run}")
    await entries(visit).nth(1).get_by_role("button", name="Copy entry 2").click()
    await expect(visit.page.get_by_text("Copied.")).to_be_visible()
    copied = await visit.page.evaluate("navigator.clipboard.readText()")
    assert copied == 'run_command\n\n{\n  "command": "ls"\n}\n\napp  tests'


@needs_browser
async def test_log_fills_the_screen(api_server: ApiServer, visit: Visit) -> None:
    """There is one scroll bar, and nothing lies over the lines."""
    run = begin(api_server)
    for number in range(60):
        write(api_server, run, after=number, thought=f"Step {number}. " * 20)
    await visit.sign_in(f"#/runs/{run}")
    log = visit.page.get_by_role("region", name="Log")
    await expect(entries(visit).filter(has_text="Step 59.")).to_be_in_viewport()
    scrolling = "[...document.querySelectorAll('main, main *')].filter((each) => each.scrollHeight > each.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(each).overflowY) && each.clientHeight).map((each) => each.className)"
    assert await visit.page.evaluate(scrolling) == []
    await log.get_by_role("button", name="Full screen").click()
    await expect(visit.page.get_by_role("heading", level=1)).to_be_hidden()
    await expect(visit.page.get_by_role("navigation", name="Pages")).to_be_hidden()
    await expect(entries(visit).filter(has_text="Step 59.")).to_be_in_viewport()
    await assert_accessible(visit.page)
    await visit.page.keyboard.press("Escape")
    await expect(visit.page.get_by_role("navigation", name="Pages")).to_be_visible()


@needs_browser
async def test_log_continues_after_restart(api_server: ApiServer, visit: Visit) -> None:
    visit.expected = ["net::ERR_"]
    run = begin(api_server)
    for number in range(5):
        write(api_server, run, after=number, thought=f"Step {number}.")
    await visit.sign_in(f"#/runs/{run}")
    await expect(entries(visit)).to_have_count(6)
    await api_server.stop()
    line = visit.page.get_by_role("region", name="Log").locator(".line")
    await expect(line).to_contain_text("Reconnecting")
    await expect(
        visit.page.get_by_text("The server is not responding. What you see may be out of date")
    ).to_be_visible()
    for number in range(5, 10):
        write(api_server, run, after=number, thought=f"Step {number}.")
    await api_server.start()
    await expect(line).to_have_text("Live")
    api_server.codegen.finish(run)
    await expect(line).to_have_text("Ended")
    await expect(entries(visit)).to_have_count(12)
    assert await visit.page.evaluate(NUMBERS) == [*range(12)]


@needs_browser
async def test_log_text_is_inert(api_server: ApiServer, visit: Visit) -> None:
    """Markup, script addresses, bidirectional control characters, terminal colours, endless lines."""
    run = begin(api_server)
    script = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
    write(
        api_server,
        run,
        after=1,
        tool_name=script,
        message_type='ACTION"><script>window.hacked = 1</script>',
        thought=f"{script} javascript:window.hacked=1 [x](javascript:window.hacked=1)",
        observation={script: [script, None, {"__proto__": {"hacked": 1}}]},
        tool_input={"<b>": "\x00\x1b[31mred\x1b[0m \u202egnihton\u2066"},
        tool_output={"line": "w" * 300_000, "deep": [[[[["x"]]]]]},
    )
    await visit.sign_in(f"#/runs/{run}")
    entry = entries(visit).nth(1)
    await expect(entry).to_contain_text(script)
    for name in ("Input", "Output", "Observation"):
        await entry.locator("summary").filter(has_text=name).click()
    await expect(entry).to_contain_text("\u2400red \\u202egnihton\\u2066")
    await entry.get_by_role("button", name="Show 200,000 more of 300,000 characters").click()
    await entry.get_by_role("button", name="Show all of 300,000 characters").click()
    await expect(entry.get_by_role("button", name="Show")).to_have_count(0)
    assert await entry.locator("script, img, a:not(.number), b:not(summary b)").count() == 0
    assert await visit.page.evaluate("window.hacked ?? ({}).hacked ?? null") is None
    room = "[document.documentElement.scrollWidth, document.querySelector('.chunks').scrollWidth]"
    full = "[document.documentElement.clientWidth, document.querySelector('.chunks').clientWidth]"
    assert await visit.page.evaluate(room) == await visit.page.evaluate(full)
