"""A log of fifty thousand entries: only what is in sight is in the page, so that the tab does not freeze.

How long the tab's longest task takes is measured by `benchmarks/dashboard.py`.
"""

from __future__ import annotations

from playwright.async_api import expect

from tests.harness.browser import Visit, needs_browser
from tests.harness.server import ApiServer

STREAM = """() => {
  const real = fetch;
  const ENTRIES = 50_000;
  const tools = ["view_file", "edit_file", "run_command", "search", null];
  const event = (kind, document, id) => `event: ${kind}\\n${id ? `id: ${id}\\n` : ""}data: ${JSON.stringify({ type: kind, ...document })}\\n\\n`;
  const ended = { status: "COMPLETE", state: "succeeded", result: "Done.", summary: null };
  const entry = (at) => ({
    agent_run_id: 1,
    created_at: new Date(1_790_000_000_000 + at * 2_000).toISOString(),
    tool_name: tools[at % 5],
    message_type: "ACTION",
    thought: `Step ${at}: I look at what the one before it gave. `.repeat(1 + (at % 4)),
    observation: at % 5 === 2 ? { exit_code: 0 } : null,
    tool_input: at % 5 < 4 ? { path: `app/module_${at}.py`, text: "x = 1\\n".repeat(20) } : null,
    tool_output: at % 5 < 4 ? { stdout: Array(20).fill("a line of what it said") } : null,
  });
  const page = (from) => Array.from({ length: 100 }, (_, at) => event("log", { index: from + at, log: entry(from + at) }, from + at + 1)).join("");
  window.fetch = (path, ...rest) => {
    if (!path.endsWith("/logs/stream")) return real(path, ...rest);
    let at = 0;
    const text = new ReadableStream({
      pull(stream) {
        if (at < ENTRIES) stream.enqueue(page(at));
        else stream.enqueue(event("end", ended, `${ENTRIES}.end`) + event("close", { code: 1000, reason: "Stream complete." }));
        if ((at += 100) > ENTRIES) stream.close();
      },
    });
    return Promise.resolve(new Response(text.pipeThrough(new TextEncoderStream())));
  };
}"""
"""The log as fast as the tab takes it: no server is as fast."""

COUNTED = """() => ({
  rows: document.querySelectorAll(".entry").length,
  nodes: document.querySelectorAll("*").length,
})"""

SCROLL = """async () => {
  for (let at = 0; at <= 40; at += 1) {
    scrollTo(0, (document.documentElement.scrollHeight * at) / 40);
    await new Promise(requestAnimationFrame);
  }
}"""


async def counted(visit: Visit) -> dict[str, int]:
    found: dict[str, int] = await visit.page.evaluate(COUNTED)
    return found


@needs_browser
async def test_long_log_renders_few_rows(api_server: ApiServer, visit: Visit) -> None:
    """While it arrives, is scrolled and is searched."""
    run = api_server.codegen.start_elsewhere("Work all night.")
    api_server.codegen.finish(run.id)
    await visit.sign_in("#/nothing")
    await visit.page.evaluate(STREAM)
    await visit.page.evaluate(f"location.hash = '#/runs/{run.id}'")
    log = visit.page.get_by_role("region", name="Log")
    await expect(log.get_by_text("Ended", exact=True)).to_be_visible()
    await expect(log.get_by_text("50,000 entries", exact=True)).to_be_visible()
    opened = await counted(visit)

    await visit.page.evaluate(SCROLL)
    await log.get_by_label("Search", exact=True).fill("app/module_49997.py")
    await expect(log.get_by_text("1 of 50,000 entries")).to_be_visible()
    await expect(log.get_by_role("listitem")).to_contain_text("49998")
    await log.get_by_label("Search", exact=True).fill("")
    await expect(log.get_by_text("50,000 entries", exact=True)).to_be_visible()
    await log.get_by_role("region", name="Entries").focus()
    await visit.page.keyboard.press("Home")
    await expect(log.get_by_role("listitem").filter(has_text="Step 0:")).to_be_in_viewport()
    await log.get_by_role("button", name="To the end").click()
    await expect(log.get_by_role("listitem").filter(has_text="Step 49999:")).to_be_in_viewport()
    used = await counted(visit)

    assert max(opened["rows"], used["rows"]) < 400
    assert used["nodes"] < 8_000
