"""A run's log in the browser: it grows, is narrowed and unfolded, goes on after a lost line, and stays inert."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Locator, expect

from tests.web.api.api_server import ApiServer
from tests.web.dashboard.browser import Visit, needs_browser

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
    return visit.page.get_by_role("list", name="Entries").get_by_role("listitem")


@needs_browser
async def test_a_log_grows_and_is_narrowed_unfolded_and_measured(api_server: ApiServer, visit: Visit) -> None:
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
    await expect(shares.get_by_role("row", name="run_command")).to_contain_text("8.0 s73 %1")
    write(api_server, run, after=20, tool_name="view_file", thought="I read more.")
    await expect(entries(visit)).to_have_count(5)
    await expect(shares.get_by_role("row", name="view_file")).to_contain_text("11 s55 %2")

    await log.get_by_label("Show").select_option("view_file")
    await expect(log.get_by_text("2 of 5 entries")).to_be_visible()
    await expect(entries(visit)).to_have_count(2)
    write(api_server, run, after=21, thought="Not a tool.")
    write(api_server, run, after=22, tool_name="view_file", thought="A third time.")
    await expect(log.get_by_text("3 of 7 entries")).to_be_visible()
    await log.get_by_label("Show").select_option("Everything")
    await log.get_by_label("Words").fill("NEEDLE")
    await expect(entries(visit)).to_have_count(1)
    await expect(log.locator("mark")).to_have_text(["needle"])
    await log.get_by_label("Words").fill("hidden end")
    await expect(log.locator("mark")).to_have_text(["hidden END"])
    await log.get_by_label("Words").fill("nobody wrote this")
    await expect(log.get_by_text("No entry is like that.")).to_be_visible()


@needs_browser
async def test_a_log_follows_its_end_until_somebody_reads_above(api_server: ApiServer, visit: Visit) -> None:
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
    async with asyncio.timeout(20):
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
async def test_a_log_goes_on_after_a_restart_without_a_gap_or_a_double(api_server: ApiServer, visit: Visit) -> None:
    api_server.settings["port"] = int(api_server.url.rpartition(":")[2])
    visit.expected = ["net::ERR_"]
    run = begin(api_server)
    for number in range(5):
        write(api_server, run, after=number, thought=f"Step {number}.")
    await visit.sign_in(f"#/runs/{run}")
    await expect(entries(visit)).to_have_count(6)
    await api_server.stop()
    line = visit.page.get_by_role("region", name="Log").locator(".line")
    await expect(line).to_contain_text("Lost")
    await expect(visit.page.get_by_text("The server does not answer. What you see may be old")).to_be_visible()
    for number in range(5, 10):
        write(api_server, run, after=number, thought=f"Step {number}.")
    await api_server.start()
    await expect(line).to_have_text("Live")
    api_server.codegen.finish(run)
    await expect(line).to_have_text("Ended")
    await expect(entries(visit)).to_have_count(12)
    assert await visit.page.evaluate(NUMBERS) == [*range(12)]


@needs_browser
async def test_what_a_log_says_does_nothing(api_server: ApiServer, visit: Visit) -> None:
    """Markup, addresses that would run something, signs that would turn text about, terminal colours, endless lines."""
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
    await expect(entry.get_by_role("button")).to_have_count(0)
    assert await entry.locator("script, img, a, b:not(summary b)").count() == 0
    assert await visit.page.evaluate("window.hacked ?? ({}).hacked ?? null") is None
    room = "[document.documentElement.scrollWidth, document.querySelector('.chunks').scrollWidth]"
    full = "[document.documentElement.clientWidth, document.querySelector('.chunks').clientWidth]"
    assert await visit.page.evaluate(room) == await visit.page.evaluate(full)
