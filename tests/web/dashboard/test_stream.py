"""Streams in the browser: events out of pieces, and a line that is lost and found again."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.web.api.api_server import ApiServer
from tests.web.dashboard.browser import TOKEN, Visit, needs_browser

PIECES = """
async ([text, size]) => {
  const { EventReader } = await import("/dashboard/events.js");
  const events = new EventReader();
  const found = [];
  for (let at = 0; at < text.length; at += size) found.push(...events.read(text.slice(at, at + size)));
  return found.map(({ type, id, data }) => [type, id, data]);
}
"""

FOLLOW = """
async (path) => {
  const { follow } = await import("/dashboard/stream.js");
  const stop = new AbortController();
  globalThis.heard = { frames: [], states: [], stop: () => stop.abort() };
  heard.again = follow(path, {
    onFrame: (frame) => heard.frames.push(frame.type === "log" ? frame.index : frame.type),
    onState: (state) => heard.states.push(state),
    signal: stop.signal,
  });
}
"""


async def heard(visit: Visit, condition: str) -> Any:
    """What has been heard, as soon as the condition holds. Playwright's own way to wait is against the page's policy."""
    look = f"const look = () => ({condition}) ? done(heard) : setTimeout(look, 10)"
    async with asyncio.timeout(20):
        await visit.page.evaluate(f"() => new Promise((done) => {{ {look}; look(); }}).then(() => null)")
    return await visit.page.evaluate("({ frames: heard.frames, states: heard.states })")


@needs_browser
async def test_events_are_the_same_in_whatever_pieces_they_come(visit: Visit) -> None:
    text = (
        ":\n\nevent: status\ndata: {}\n\n"
        "event: log\r\nid: 7\r\ndata: one\r\ndata:  two\r\n\r\n"
        "data\n\rid: a\0b\rdata:three:4\r\rretry: 5\nnothing\n\n: said\ndata: four\n\nevent: half\ndata: no end"
    )
    whole = [["status", "", "{}"], ["log", "7", "one\n two"], ["message", "7", ""], ["message", "7", "three:4"]]
    await visit.open()
    for size in (1, 2, 3, 7, len(text)):
        assert await visit.page.evaluate(PIECES, [text, size]) == [*whole, ["message", "7", "four"]]


@needs_browser
async def test_a_stream_goes_on_where_it_was_lost(api_server: ApiServer, visit: Visit) -> None:
    """The server restarts on its port, the run ends, and is given a follow-up: each entry is told once."""
    api_server.settings["port"] = int(api_server.url.rpartition(":")[2])
    visit.expected = ["net::ERR_"]
    run = api_server.codegen.start_elsewhere("Fix it.").id
    api_server.codegen.add_log(run, thought="First.")
    await visit.sign_in("#/nothing")
    await visit.page.evaluate(FOLLOW, f"/organizations/1/agent/run/{run}/logs/stream")
    assert (await heard(visit, "heard.frames.length === 3"))["frames"] == ["status", 0, 1]

    await api_server.stop()
    api_server.codegen.add_log(run, thought="Meanwhile.")
    await heard(visit, "heard.states.at(-1).name === 'lost'")
    await api_server.start()
    await heard(visit, "heard.frames.includes(2) && heard.states.at(-1).name === 'live'")

    api_server.codegen.finish(run)
    told = await heard(visit, "heard.states.at(-1).name === 'ended'")
    assert [frame for frame in told["frames"] if isinstance(frame, int)] == [0, 1, 2, 3]
    assert told["frames"][-1] == "end"
    assert "from=" not in str(told["states"])
    await visit.page.evaluate("heard.again()")
    await api_server.post(f"/organizations/1/agent/run/{run}/resume", {"prompt": "Once more."}, token=TOKEN)
    await visit.page.evaluate("heard.again()")
    await heard(visit, "heard.frames.includes(4) && heard.states.at(-1).name === 'live'")
    await visit.page.evaluate("heard.stop()")


@needs_browser
async def test_a_stream_that_there_is_not_is_not_asked_for_again(api_server: ApiServer, visit: Visit) -> None:
    visit.expected = ["404"]
    await visit.sign_in("#/nothing")
    await visit.page.evaluate(FOLLOW, "/organizations/1/agent/run/999/logs/stream")
    told = await heard(visit, "heard.states.at(-1).name === 'refused'")
    assert told["states"][-1]["sentence"]
    assert told["frames"] == []
    assert [each["name"] for each in told["states"]] == ["connecting", "refused"]


@needs_browser
async def test_a_silent_line_is_left_and_one_that_nobody_sees_is_let_go(api_server: ApiServer, visit: Visit) -> None:
    """Minutes pass in no time; what was written meanwhile is told when somebody looks again."""
    await visit.page.clock.install()
    run = api_server.codegen.start_elsewhere("Fix it.").id
    await visit.sign_in("#/nothing")
    await visit.page.evaluate(FOLLOW, f"/organizations/1/agent/run/{run}/logs/stream")
    await heard(visit, "heard.frames.includes(0)")
    await visit.page.clock.fast_forward(41_000)
    told = await heard(visit, "heard.states.some((state) => state.name === 'lost')")
    assert told["states"][-1]["sentence"] == "The line was silent for too long."
    await visit.page.clock.fast_forward(5_000)
    await heard(visit, "heard.states.at(-1).name === 'live'")

    hide = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true })"
    tell = "; document.dispatchEvent(new Event('visibilitychange'))"
    await visit.page.evaluate(hide % "true" + tell)
    async with visit.page.expect_event("requestfailed"):
        await visit.page.clock.fast_forward(31_000)
    api_server.codegen.add_log(run, thought="Meanwhile.")
    async with visit.page.expect_request("**/logs/stream") as asked:
        await visit.page.evaluate(hide % "false" + tell)
    assert (await (await asked.value).all_headers())["last-event-id"] == "1"
    told = await heard(visit, "heard.frames.includes(1)")
    assert [frame for frame in told["frames"] if isinstance(frame, int)] == [0, 1]
    assert [each["name"] for each in told["states"]] == ["connecting", "live", "lost", "live", "live"]
    await visit.page.evaluate("heard.stop()")


@needs_browser
async def test_a_tab_that_is_opened_unseen_lets_go_of_its_line_too(api_server: ApiServer, visit: Visit) -> None:
    await visit.page.clock.install()
    run = api_server.codegen.start_elsewhere("Fix it.").id
    await visit.sign_in("#/nothing")
    await visit.page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    await visit.page.evaluate(FOLLOW, f"/organizations/1/agent/run/{run}/logs/stream")
    await heard(visit, "heard.frames.includes(0)")
    async with visit.page.expect_event("requestfailed", lambda request: request.url.endswith("/logs/stream")):
        await visit.page.clock.fast_forward(31_000)
    told = await heard(visit, "true")
    assert [each["name"] for each in told["states"]] == ["connecting", "live"]
    await visit.page.evaluate("heard.stop()")
