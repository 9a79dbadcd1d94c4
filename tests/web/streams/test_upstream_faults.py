"""Codegen fails while people listen."""

from __future__ import annotations

from tests.web.streams.stream_server import StreamServer


async def test_a_short_outage_is_not_noticed(stream_server: StreamServer) -> None:
    run = stream_server.begin()
    async with await stream_server.listen(run) as ear:
        await ear.next("log")
        stream_server.codegen.control.fault(path="/logs", status=503, times=4)
        stream_server.write(run, 1)
        stream_server.codegen.finish(run)
        await ear.rest()
    assert [frame["type"] for frame in ear.heard if frame["type"] != "status"] == ["log", "log", "log", "end"]


async def test_a_longer_outage_is_told_and_waited_out(stream_server: StreamServer) -> None:
    """An error without a code: the stream goes on. Who comes after the outage hears nothing of it."""
    run = stream_server.begin()
    async with await stream_server.listen(run) as ear:
        await ear.next("log")
        stream_server.codegen.control.fault(path="/logs", status=503, times=9)
        stream_server.write(run, 1)
        assert await ear.next() == {
            "type": "error",
            "message": "Codegen does not respond; next attempt in 2 seconds.",
            "code": None,
        }
        assert (await ear.next("log"))["index"] == 1
        async with await stream_server.listen(run) as late:
            await late.next("log")
            assert [frame["type"] for frame in late.heard] == ["status", "log"]


async def test_an_outage_without_an_end_ends_the_stream(stream_server: StreamServer) -> None:
    """After minutes: an error with the code of the close that follows it. Whoever comes back is served again."""
    run = stream_server.begin()
    async with await stream_server.listen(run) as ear:
        await ear.next("log")
        fault = stream_server.codegen.control.fault(path="/logs", status=503, times=None)
        last = (await ear.rest())[-1]
        assert (last["type"], last["code"]) == ("error", 4502)
        assert ear.code == 4502
    stream_server.codegen.control.faults.remove(fault)
    stream_server.write(run, 1)
    async with await stream_server.listen(run, from_=1) as ear:
        assert (await ear.next("log"))["index"] == 1


async def test_an_outage_at_the_door_is_an_answer(stream_server: StreamServer) -> None:
    run = stream_server.begin()
    stream_server.codegen.control.fault(path=f"/run/{run}$", status=503, times=None)
    url = f"{stream_server.url}/organizations/1/agent/run/{run}/logs/stream"
    async with stream_server.http.get(url, params={"api_key": "sk-org1-x"}) as answer:
        assert answer.status == 502
