"""Codegen fails while people listen."""

from __future__ import annotations

from tests.web.streams.house import House


async def test_a_short_outage_is_not_noticed(house: House) -> None:
    run = house.begin()
    async with await house.listen(run) as ear:
        await ear.next("log")
        house.codegen.control.fault(path="/logs", status=503, times=4)
        house.write(run, 1)
        house.codegen.finish(run)
        await ear.rest()
    assert [frame["type"] for frame in ear.heard if frame["type"] != "status"] == ["log", "log", "log", "end"]


async def test_a_longer_outage_is_told_and_waited_out(house: House) -> None:
    """An error without a code: the stream goes on. Who comes after the outage hears nothing of it."""
    run = house.begin()
    async with await house.listen(run) as ear:
        await ear.next("log")
        house.codegen.control.fault(path="/logs", status=503, times=9)
        house.write(run, 1)
        assert await ear.next() == {
            "type": "error",
            "message": "Codegen does not respond; next attempt in 2 seconds.",
            "code": None,
        }
        assert (await ear.next("log"))["index"] == 1
        async with await house.listen(run) as late:
            await late.next("log")
            assert [frame["type"] for frame in late.heard] == ["status", "log"]


async def test_an_outage_without_an_end_ends_the_stream(house: House) -> None:
    """After minutes: an error with the code of the close that follows it. Whoever comes back is served again."""
    run = house.begin()
    async with await house.listen(run) as ear:
        await ear.next("log")
        fault = house.codegen.control.fault(path="/logs", status=503, times=None)
        last = (await ear.rest())[-1]
        assert (last["type"], last["code"]) == ("error", 4502)
        assert ear.code == 4502
    house.codegen.control.faults.remove(fault)
    house.write(run, 1)
    async with await house.listen(run, from_=1) as ear:
        assert (await ear.next("log"))["index"] == 1


async def test_an_outage_at_the_door_is_an_answer(house: House) -> None:
    run = house.begin()
    house.codegen.control.fault(path=f"/run/{run}$", status=503, times=None)
    url = f"{house.url}/organizations/1/agent/run/{run}/logs/stream"
    async with house.http.get(url, params={"api_key": "sk-org1-x"}) as answer:
        assert answer.status == 502
