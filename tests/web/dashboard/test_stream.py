"""Streams in the browser: events in chunks, and lost connections."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.harness import TIMEOUT
from tests.harness.browser import TOKEN, Visit, needs_browser
from tests.harness.server import ApiServer

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
  globalThis.received = { frames: [], states: [], stop: () => stop.abort() };
  received.again = follow(path, {
    onFrame: (frame) => received.frames.push(frame.type === "log" ? frame.index : frame.type),
    onState: (state) => received.states.push(state),
    signal: stop.signal,
  });
}
"""


async def received_when(visit: Visit, condition: str) -> Any:
    """What has been received when the condition holds. Playwright's own way to wait is against the page's policy."""
    copy = "structuredClone({ frames: received.frames, states: received.states })"
    look = f"const look = () => ({condition}) ? done({copy}) : setTimeout(look, 10)"
    async with asyncio.timeout(TIMEOUT):
        return await visit.page.evaluate(f"() => new Promise((done) => {{ {look}; look(); }})")


@needs_browser
async def test_events_are_parsed_in_any_chunks(visit: Visit) -> None:
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
async def test_stream_resumes_after_loss(api_server: ApiServer, visit: Visit) -> None:
    """The server restarts on its port, the run ends, and is resumed: each entry arrives once."""
    visit.expected = ["net::ERR_"]
    run = api_server.codegen.start_elsewhere("Fix it.").id
    api_server.codegen.add_log(run, thought="First.")
    await visit.sign_in("#/nothing")
    await visit.page.evaluate(FOLLOW, f"/organizations/1/agent/run/{run}/logs/stream")
    assert (await received_when(visit, "received.frames.length === 3"))["frames"] == ["status", 0, 1]

    await api_server.stop()
    api_server.codegen.add_log(run, thought="Meanwhile.")
    await received_when(visit, "received.states.at(-1).name === 'lost'")
    await api_server.start()
    await received_when(visit, "received.frames.includes(2) && received.states.at(-1).name === 'live'")

    api_server.codegen.finish(run)
    received = await received_when(visit, "received.states.at(-1).name === 'ended'")
    assert [frame for frame in received["frames"] if isinstance(frame, int)] == [0, 1, 2, 3]
    assert received["frames"][-1] == "end"
    assert "from=" not in str(received["states"])
    await visit.page.evaluate("received.again()")
    await api_server.post(f"/organizations/1/agent/run/{run}/resume", {"prompt": "Once more."}, token=TOKEN)
    await visit.page.evaluate("received.again()")
    await received_when(visit, "received.frames.includes(4) && received.states.at(-1).name === 'live'")
    await visit.page.evaluate("received.stop()")


@needs_browser
async def test_missing_stream_is_not_retried(api_server: ApiServer, visit: Visit) -> None:
    visit.expected = ["404"]
    await visit.sign_in("#/nothing")
    await visit.page.evaluate(FOLLOW, "/organizations/1/agent/run/999/logs/stream")
    received = await received_when(visit, "received.states.at(-1).name === 'refused'")
    assert received["states"][-1]["sentence"]
    assert received["frames"] == []
    assert [each["name"] for each in received["states"]] == ["connecting", "refused"]


@needs_browser
async def test_silent_stream_reconnects_and_hidden_one_closes(api_server: ApiServer, visit: Visit) -> None:
    """With a fake clock; what was written meanwhile arrives when the tab is shown again."""
    await visit.page.clock.install()
    run = api_server.codegen.start_elsewhere("Fix it.").id
    await visit.sign_in("#/nothing")
    await visit.page.evaluate(FOLLOW, f"/organizations/1/agent/run/{run}/logs/stream")
    await received_when(visit, "received.frames.includes(0)")
    await visit.page.clock.fast_forward(41_000)
    received = await received_when(visit, "received.states.some((state) => state.name === 'lost')")
    assert received["states"][-1]["sentence"] == "The connection was silent for too long."
    await visit.page.clock.fast_forward(5_000)
    await received_when(visit, "received.states.at(-1).name === 'live'")

    hide = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true })"
    tell = "; document.dispatchEvent(new Event('visibilitychange'))"
    await visit.page.evaluate(hide % "true" + tell)
    async with visit.page.expect_event("requestfailed", lambda request: request.url.endswith("/logs/stream")):
        await visit.page.clock.fast_forward(31_000)
    api_server.codegen.add_log(run, thought="Meanwhile.")
    async with visit.page.expect_request("**/logs/stream") as asked:
        await visit.page.evaluate(hide % "false" + tell)
    assert (await (await asked.value).all_headers())["last-event-id"] == "1"
    received = await received_when(visit, "received.frames.includes(1)")
    assert [frame for frame in received["frames"] if isinstance(frame, int)] == [0, 1]
    assert [each["name"] for each in received["states"]] == ["connecting", "live", "lost", "live", "live"]
    await visit.page.evaluate("received.stop()")


@needs_browser
async def test_stream_of_tab_opened_hidden_closes(api_server: ApiServer, visit: Visit) -> None:
    await visit.page.clock.install()
    run = api_server.codegen.start_elsewhere("Fix it.").id
    await visit.sign_in("#/nothing")
    await visit.page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    await visit.page.evaluate(FOLLOW, f"/organizations/1/agent/run/{run}/logs/stream")
    await received_when(visit, "received.frames.includes(0)")
    async with visit.page.expect_event("requestfailed", lambda request: request.url.endswith("/logs/stream")):
        await visit.page.clock.fast_forward(31_000)
    received = await received_when(visit, "true")
    assert [each["name"] for each in received["states"]] == ["connecting", "live"]
    await visit.page.evaluate("received.stop()")
