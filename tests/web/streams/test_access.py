"""Who may listen: decided before the upgrade, by the caller's own token, and looked into while they listen."""

from __future__ import annotations

import aiohttp
import pytest

from tests.web.streams.stream_server import ALICE, BOB, BOTH, HEIDI, StreamServer


async def refused(stream_server: StreamServer, path: str, token: str | None) -> tuple[int, str]:
    """The status and the words with which somebody is sent away, by WebSocket and by plain HTTP alike."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as told:
        await stream_server.open(path, token=token)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with stream_server.http.get(f"{stream_server.url}{path}", headers=headers) as answer:
        assert answer.status == told.value.status
        assert answer.content_type == "application/problem+json"
        return answer.status, (await answer.json())["detail"]


async def test_nobody_listens_without_a_good_token(stream_server: StreamServer) -> None:
    run = stream_server.begin()
    path = f"/organizations/1/agent/run/{run}/logs/stream"
    assert (await refused(stream_server, path, None))[0] == 401
    assert (await refused(stream_server, path, "no-token"))[0] == 401


async def test_another_organizations_run_is_as_one_that_is_not(shared_house: StreamServer) -> None:
    """Also while somebody who may does listen to it: what is known here already is for them alone."""
    run = shared_house.begin()
    async with await shared_house.listen(run) as ear:
        await ear.next("log")
        assert await refused(shared_house, f"/organizations/1/agent/run/{run}/logs/stream", HEIDI) == (
            404,
            "This token sees no organization 1.",
        )
        assert await refused(shared_house, "/organizations/1/agent/run/999/logs/stream", HEIDI) == (
            404,
            "This token sees no organization 1.",
        )
        # Under the organization that they do see, it is no run.
        status, told = await refused(shared_house, f"/organizations/2/agent/run/{run}/logs/stream", HEIDI)
        assert status == 404
        assert (await refused(shared_house, "/organizations/2/agent/run/999/logs/stream", HEIDI)) == (
            404,
            told.replace(f" {run} ", " 999 "),
        )


async def test_a_run_that_one_token_may_not_see_is_as_one_that_is_not(stream_server: StreamServer) -> None:
    """Codegen's 403 and 404 are the same answer here, whoever else listens."""
    run = stream_server.begin()
    stream_server.codegen.control.fault(path=f"/agent/run/{run}$", status=403, times=None, token=BOB)
    async with await stream_server.listen(run):
        assert await refused(stream_server, f"/organizations/1/agent/run/{run}/logs/stream", BOB) == (
            404,
            f"This token sees no run {run} there.",
        )


async def test_a_browser_gives_its_token_in_the_query(stream_server: StreamServer) -> None:
    run = stream_server.begin()
    async with await stream_server.open(
        f"/organizations/1/agent/run/{run}/logs/stream", token=None, api_key=ALICE
    ) as ear:
        assert (await ear.next())["type"] == "status"


async def test_a_plain_request_is_told_what_this_is(stream_server: StreamServer) -> None:
    run = stream_server.begin()
    path = f"{stream_server.url}/organizations/1/agent/run/{run}/logs/stream"
    async with stream_server.http.get(path, params={"api_key": ALICE}) as answer:
        assert (answer.status, answer.headers["Upgrade"]) == (426, "websocket")


async def test_the_reader_goes_on_by_another_token_when_the_first_has_gone(shared_house: StreamServer) -> None:
    """Nobody's token is used after they have left; and never the server's own."""
    run = shared_house.begin(org_id=2)
    first = await shared_house.listen(run, org_id=2, token=HEIDI)
    await first.next("log")
    async with await shared_house.listen(run, org_id=2, token=BOTH) as second:
        await second.next("log")
        await first.socket.close()
        await shared_house.next_look(run, 2)
        already = len(shared_house.codegen.control.journal)
        shared_house.write(run, 1)
        assert (await second.next("log"))["index"] == 1
        await shared_house.next_look(run, 3)
        actors = [entry.actor for entry in shared_house.codegen.control.journal[already:]]
    assert {*actors} == {"alice"}


async def test_nobody_is_read_for_when_nobody_listens(stream_server: StreamServer) -> None:
    """The reader stands still, keeps its place, and goes on for who comes back."""
    run = stream_server.begin()
    async with await stream_server.listen(run) as ear:
        await ear.next("log")
    async with await stream_server.listen(run) as ear:
        await ear.next("log")
        await stream_server.next_look(run, 2)
    other = stream_server.begin()
    async with await stream_server.listen(other) as ear:
        await stream_server.next_look(other, 3)
        before = stream_server.requests(f"/run/{run}/logs")
        await stream_server.next_look(other, 10)
    assert stream_server.requests(f"/run/{run}/logs") == before


async def test_a_revoked_token_ends_its_own_stream_only(stream_server: StreamServer) -> None:
    run = stream_server.begin()
    async with await stream_server.listen(run, token=BOB) as bob, await stream_server.listen(run, token=ALICE) as alice:
        await bob.next("log")
        await alice.next("log")
        stream_server.codegen.control.fault(path="", status=401, times=None, token=BOB)
        await bob.rest()
        assert bob.code == 4001
        stream_server.write(run, 1)
        assert (await alice.next("log"))["index"] == 1
        stream_server.codegen.finish(run)
        await alice.rest()
        assert alice.code == 1000
        assert len([frame for frame in bob.heard if frame["type"] == "log"]) == 1


async def test_a_run_that_is_not_seen_any_more_ends_the_stream(stream_server: StreamServer) -> None:
    run = stream_server.begin()
    async with await stream_server.listen(run) as ear:
        await ear.next("log")
        stream_server.codegen.control.fault(path="/logs", status=404, times=None)
        await ear.rest()
        assert ear.code == 4004
