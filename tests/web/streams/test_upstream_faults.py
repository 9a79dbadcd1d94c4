"""Outages of Codegen while streams are open."""

from __future__ import annotations

from tests.harness.server import ApiServer


async def test_short_outage_is_not_reported(api_server: ApiServer) -> None:
    run = api_server.start_run()
    async with await api_server.subscribe(run) as subscriber:
        await subscriber.next("log")
        api_server.codegen.control.fault(path="/logs", status=503, times=4)
        api_server.add_entries(run, 1)
        api_server.codegen.finish(run)
        await subscriber.rest()
    assert [frame["type"] for frame in subscriber.frames if frame["type"] != "status"] == ["log", "log", "log", "end"]


async def test_longer_outage_is_reported_and_survived(api_server: ApiServer) -> None:
    """An error without a code: the stream goes on. Later subscribers do not receive it."""
    run = api_server.start_run()
    async with await api_server.subscribe(run) as subscriber:
        await subscriber.next("log")
        api_server.codegen.control.fault(path="/logs", status=503, times=9)
        api_server.add_entries(run, 1)
        assert await subscriber.next() == {
            "type": "error",
            "message": "Codegen does not respond; next attempt in 2 seconds.",
            "code": None,
        }
        assert (await subscriber.next("log"))["index"] == 1
        async with await api_server.subscribe(run) as late:
            await late.next("log")
            assert [frame["type"] for frame in late.frames] == ["status", "log"]


async def test_endless_outage_closes_stream(api_server: ApiServer) -> None:
    """After minutes: an error with the code of the close that follows it. A later subscriber is served again."""
    run = api_server.start_run()
    async with await api_server.subscribe(run) as subscriber:
        await subscriber.next("log")
        fault = api_server.codegen.control.fault(path="/logs", status=503, times=None)
        last = (await subscriber.rest())[-1]
        assert (last["type"], last["code"]) == ("error", 4502)
        assert subscriber.code == 4502
    api_server.codegen.control.faults.remove(fault)
    api_server.add_entries(run, 1)
    async with await api_server.subscribe(run, from_=1) as subscriber:
        assert (await subscriber.next("log"))["index"] == 1


async def test_outage_before_upgrade_is_answered(api_server: ApiServer) -> None:
    run = api_server.start_run()
    api_server.codegen.control.fault(path=f"/run/{run}$", status=503, times=None)
    url = f"{api_server.url}/organizations/1/agent/run/{run}/logs/stream"
    async with api_server.http.get(url, params={"api_key": "sk-org1-x"}) as answer:
        assert answer.status == 502
