"""The dashboard in a real browser: load time of the demo, scrolling through ten thousand runs, and a log of fifty
thousand entries.

The emulated Codegen (without limits) and the server are this process; Chromium has its own. Frames are counted by the
page itself, between two calls of requestAnimationFrame.

    python -m benchmarks.dashboard
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Response

from bot.codegen.models import MARK
from tests.harness.browser import Visit, a_browser, a_visit, chromium
from tests.harness.server import ApiServer, api_server_at
from tests.web.dashboard.the_demo import the_demo

RUNS = 10_000
ENTRIES = 50_000
ROUNDS = 11

SLOWEST = 180_000
"""Timeout in milliseconds for anything to appear."""

A_RUN = ".run-row .star"
AN_ENTRY = ".entry"

WATCH = """() => {
  window.tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration)))
    .observe({ type: "longtask", buffered: true });
}"""

SCROLL = """async ({ frames, step }) => {
  const gaps = [];
  let rows = 0;
  let last = await new Promise(requestAnimationFrame);
  for (let count = 0; count < frames; count += 1) {
    scrollBy(0, step);
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
    rows = Math.max(rows, document.querySelectorAll("[role=row], tbody tr").length);
  }
  return { gaps, rows, reached: scrollY / (document.documentElement.scrollHeight - innerHeight) };
}"""

APPEARS = """(selector) => new Promise((resolve) => {
  const look = () => {
    if (!document.querySelector(selector)) return;
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.now()));
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { childList: true, subtree: true, attributes: true });
  look();
})"""
"""When something is there, in the page's milliseconds. Playwright looks at growing intervals, at last every 500 ms."""

PAINTED = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null"""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=RUNS)
    arguments.add_argument("--entries", type=int, default=ENTRIES)
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    given = arguments.parse_args()
    if chromium() is None:
        print("The dashboard is not measured: no Chromium is installed here.")
        sys.exit(0)
    asyncio.run(measure(given.runs, given.entries, given.rounds))


async def measure(runs: int, entries: int, rounds: int) -> None:
    async with a_browser() as browser:
        print(f"Chromium {browser.version}")
        await opening(browser, rounds)
        await in_a_house(lambda api_server: scrolling(browser, api_server, runs))
        await in_a_house(lambda api_server: reading(browser, api_server, entries))


async def in_a_house(work: Callable[[ApiServer], Awaitable[None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with api_server_at(Path(folder), api_requests_per_minute=100_000) as api_server:
            await work(api_server)


# The demo


async def opening(browser: Browser, rounds: int) -> None:
    """Loads the page of a signed-in user with an empty browser cache."""
    painted, seen = [], []
    loaded: dict[str, int] = {}
    async with the_demo() as demo:
        for _ in range(rounds):
            async with a_visit(browser, demo.dashboard) as visit:
                token = f"sessionStorage.setItem('codegen-bot.token', '{demo.token}')"
                await visit.page.add_init_script(f"{token}; window.appeared = ({APPEARS})('{A_RUN}')")
                visit.page.on("response", lambda response: loaded.update(size_of(response)))
                await visit.page.goto(f"{demo.dashboard}/", wait_until="commit")
                seen.append(await visit.page.evaluate("appeared"))
                painted.append(await visit.page.evaluate(PAINTED))
    print(f"\nthe demo, {rounds} times without a cache")
    print(f"first paint        median {statistics.median(painted):.0f} ms   slowest {max(painted):.0f} ms")
    print(f"the runs are seen  median {statistics.median(seen):.0f} ms   slowest {max(seen):.0f} ms")
    print(f"the page itself    {sum(loaded.values()) / 1000:.0f} kB in {len(loaded)} files, not compressed")


def size_of(response: Response) -> dict[str, int]:
    """The size of one of the page's files; nothing for API responses."""
    is_own = "/dashboard/" in response.url or response.url.endswith("/")
    return {response.url: int(response.headers["content-length"])} if is_own else {}


# Ten thousand runs


async def scrolling(browser: Browser, api_server: ApiServer, runs: int) -> None:
    fill(api_server, runs)
    times = [await opened(browser, api_server, "#/runs", A_RUN) for _ in range(ROUNDS)]
    print(f"\n{runs:,} runs: the first are seen after {summary(times)}")
    async with a_visit(browser, api_server.url) as visit:
        visit.page.set_default_timeout(SLOWEST)
        await visit.sign_in("#/nowhere")
        await visit.page.evaluate(WATCH)
        requests: list[str] = []
        visit.page.on("request", lambda request: requests.append(request.url))
        await visit.page.evaluate("location.hash = '#/runs'")
        await visit.page.get_by_role("button", name=f"Star run {runs}", exact=True).wait_for()
        # As with a wheel, then with the scroll bar: from the top to the end in the same number of frames.
        for name, frames, step in (("a wheel", 600, 120), ("the bar", 600, runs * 44 // 600)):
            requests.clear()
            await visit.page.evaluate("scrollTo(0, 0)")
            tell_scrolled(name, await visit.page.evaluate(SCROLL, {"frames": frames, "step": step}), requests)
        last = await after(visit, "scrollTo(0, document.documentElement.scrollHeight)", "[aria-label='Star run 1']")
        print(f"the last run is seen {last:.0f} ms after one is there")
        await tell_tab(visit)


async def opened(browser: Browser, api_server: ApiServer, view: str, selector: str) -> float:
    """Milliseconds from the choice of a view until this is there, for a new visitor who has just signed in."""
    async with a_visit(browser, api_server.url) as visit:
        await visit.sign_in("#/nowhere")
        return await after(visit, f"location.hash = '{view}'", selector)


async def after(visit: Visit, script: str, selector: str) -> float:
    """Milliseconds from a script's start until this is there."""
    timed = f"const began = performance.now(); {script}; return await ({APPEARS})(selector) - began;"
    return float(await visit.page.evaluate(f"async (selector) => {{ {timed} }}", selector))


def summary(times: list[float]) -> str:
    """Of visits one after the other, the first of which found the server as it starts."""
    return f"{times[0]:.0f} ms in the first visit; median of {len(times)} visits {statistics.median(times):.0f} ms"


def fill(api_server: ApiServer, runs: int) -> None:
    now = datetime.now(UTC)
    for number in range(runs):
        mark = {"command": "run", "prompt": f"Mend what broke at night, number {number}", "login": "alice"}
        place = {"repository": "octo/shop", "number": 7, "url": "https://github.com/octo/shop/pull/7"}
        run = api_server.codegen.start_elsewhere("Mend it.", metadata={MARK: mark | place})
        run.created_at = now - timedelta(minutes=10 * (runs - number))
        api_server.codegen.finish(
            run.id, pull_request=f"octo/shop#{number}", status="FAILED" if number % 7 == 0 else "COMPLETE"
        )


def tell_scrolled(name: str, found: dict[str, Any], requests: list[str]) -> None:
    gaps = sorted(found["gaps"])
    p50, p95 = (gaps[int(len(gaps) * share)] for share in (0.5, 0.95))
    print(f"scrolled with {name}, {len(gaps)} frames, {found['reached']:.0%} of the way")
    print(f"  a frame after    median {p50:.1f} ms   95 % {p95:.1f} ms   longest {gaps[-1]:.1f} ms")
    print(f"  over 50 ms       {sum(gap > 50 for gap in gaps)} frames")
    print(f"  rows in the page {found['rows']} at most; requests {len(requests)}")


# A long log


async def reading(browser: Browser, api_server: ApiServer, entries: int) -> None:
    run = api_server.codegen.start_elsewhere("Work all night.")
    for number in range(entries - 2):
        api_server.codegen.add_log(
            run.id,
            tool_name=("view_file", "edit_file", "run_command")[number % 3],
            thought=f"Step {number}: I look at what the one before it gave.",
            tool_input={"path": f"app/module_{number}.py"},
            observation={"exit_code": 0, "stdout": "a line of what it said\n" * 20},
        )
    api_server.codegen.finish(run.id, result="Done.")
    times = [await opened(browser, api_server, f"#/runs/{run.id}", AN_ENTRY) for _ in range(ROUNDS)]
    print(f"\na log of {entries:,} entries: the first is seen after {summary(times)};")
    async with a_visit(browser, api_server.url) as visit:
        visit.page.set_default_timeout(SLOWEST)
        await visit.sign_in("#/nowhere")
        await visit.page.evaluate(WATCH)
        before = await heap(visit)
        began = time.perf_counter()
        await visit.page.evaluate(f"location.hash = '#/runs/{run.id}'")
        await visit.page.get_by_text(f"{entries:,} entries", exact=True).wait_for()
        print(f"  all are there after {time.perf_counter() - began:.1f} s")
        print(f"  the tab's memory {before:.0f} MB before, {await heap(visit):.0f} MB with it")
        print(f"  entries in the page {await visit.page.locator('.entry').count()}")
        await tell_tab(visit)


async def heap(visit: Visit) -> float:
    """MB of the JavaScript heap, after garbage collection."""
    session = await visit.page.context.new_cdp_session(visit.page)
    await session.send("HeapProfiler.collectGarbage")
    used = (await session.send("Runtime.getHeapUsage"))["usedSize"]
    await session.detach()
    return float(used) / 1e6


async def tell_tab(visit: Visit) -> None:
    tasks = await visit.page.evaluate("tasks")
    print(f"  tasks over 50 ms {len(tasks)}, the longest {max(tasks, default=0):.0f} ms")
    assert visit.is_clean()  # noqa: S101 - figures of a page with errors are meaningless


if __name__ == "__main__":
    main()
