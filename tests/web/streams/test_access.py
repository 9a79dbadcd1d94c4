"""Access to streams: decided before the upgrade by the caller's own token, and checked while it is open."""

from __future__ import annotations

import aiohttp
import pytest

from tests.harness.server import ALICE, BOB, BOTH, HEIDI, ApiServer


async def refused(api_server: ApiServer, path: str, token: str | None) -> tuple[int, str]:
    """The status and detail of a refusal, which are the same for WebSockets and plain HTTP."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await api_server.connect(path, token=token)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with api_server.http.get(f"{api_server.url}{path}", headers=headers) as answer:
        assert answer.status == refusal.value.status
        assert answer.content_type == "application/problem+json"
        return answer.status, (await answer.json())["detail"]


async def test_stream_without_valid_token_is_refused(api_server: ApiServer) -> None:
    run = api_server.start_run()
    path = f"/organizations/1/agent/run/{run}/logs/stream"
    assert (await refused(api_server, path, None))[0] == 401
    assert (await refused(api_server, path, "no-token"))[0] == 401


async def test_run_of_other_organization_looks_missing(shared_server: ApiServer) -> None:
    """Also while a permitted subscriber follows it."""
    run = shared_server.start_run()
    async with await shared_server.subscribe(run) as subscriber:
        await subscriber.next("log")
        assert await refused(shared_server, f"/organizations/1/agent/run/{run}/logs/stream", HEIDI) == (
            404,
            "This token sees no organization 1.",
        )
        assert await refused(shared_server, "/organizations/1/agent/run/999/logs/stream", HEIDI) == (
            404,
            "This token sees no organization 1.",
        )
        # Under the organization that they do see, it is no run.
        status, refusal = await refused(shared_server, f"/organizations/2/agent/run/{run}/logs/stream", HEIDI)
        assert status == 404
        assert (await refused(shared_server, "/organizations/2/agent/run/999/logs/stream", HEIDI)) == (
            404,
            refusal.replace(f" {run} ", " 999 "),
        )


async def test_run_that_token_may_not_see_looks_missing(api_server: ApiServer) -> None:
    """Codegen's 403 and 404 give the same answer, also while others follow it."""
    run = api_server.start_run()
    api_server.codegen.control.fault(path=f"/agent/run/{run}$", status=403, times=None, token=BOB)
    async with await api_server.subscribe(run):
        assert await refused(api_server, f"/organizations/1/agent/run/{run}/logs/stream", BOB) == (
            404,
            f"This token sees no run {run} there.",
        )


async def test_token_in_query_of_stream(api_server: ApiServer) -> None:
    run = api_server.start_run()
    async with await api_server.connect(
        f"/organizations/1/agent/run/{run}/logs/stream", token=None, api_key=ALICE
    ) as subscriber:
        assert (await subscriber.next())["type"] == "status"


async def test_plain_request_is_answered_with_426(api_server: ApiServer) -> None:
    run = api_server.start_run()
    path = f"{api_server.url}/organizations/1/agent/run/{run}/logs/stream"
    async with api_server.http.get(path, params={"api_key": ALICE}) as answer:
        assert (answer.status, answer.headers["Upgrade"]) == (426, "websocket")


async def test_each_token_has_its_own_reader(shared_server: ApiServer) -> None:
    """No token is used after its last subscriber has left, and never the server's own."""
    run = shared_server.start_run(org_id=2)
    first = await shared_server.subscribe(run, org_id=2, token=HEIDI)
    await first.next("log")
    async with await shared_server.subscribe(run, org_id=2, token=BOTH) as second:
        await second.next("log")
        await first.socket.close()
        await shared_server.next_poll(run, 2)
        already = len(shared_server.codegen.control.journal)
        shared_server.add_entries(run, 1)
        assert (await second.next("log"))["index"] == 1
        await shared_server.next_poll(run, 3)
        actors = [entry.actor for entry in shared_server.codegen.control.journal[already:]]
    assert {*actors} == {"alice"}


async def test_run_without_subscribers_is_not_read(api_server: ApiServer) -> None:
    """The reader pauses, and continues for a later subscriber."""
    run = api_server.start_run()
    async with await api_server.subscribe(run) as subscriber:
        await subscriber.next("log")
    async with await api_server.subscribe(run) as subscriber:
        await subscriber.next("log")
        await api_server.next_poll(run, 2)
    other = api_server.start_run()
    async with await api_server.subscribe(other) as subscriber:
        await api_server.next_poll(other, 3)
        before = api_server.requests(f"/run/{run}/logs")
        await api_server.next_poll(other, 10)
    assert api_server.requests(f"/run/{run}/logs") == before


async def test_revoked_token_ends_its_own_streams_only(api_server: ApiServer) -> None:
    run = api_server.start_run()
    async with await api_server.subscribe(run, token=BOB) as bob, await api_server.subscribe(run, token=ALICE) as alice:
        await bob.next("log")
        await alice.next("log")
        api_server.codegen.control.fault(path="", status=401, times=None, token=BOB)
        await bob.rest()
        assert bob.code == 4001
        api_server.add_entries(run, 1)
        assert (await alice.next("log"))["index"] == 1
        api_server.codegen.finish(run)
        await alice.rest()
        assert alice.code == 1000
        assert len([frame for frame in bob.frames if frame["type"] == "log"]) == 1


async def test_run_that_is_no_longer_visible_ends_stream(api_server: ApiServer) -> None:
    run = api_server.start_run()
    async with await api_server.subscribe(run) as subscriber:
        await subscriber.next("log")
        api_server.codegen.control.fault(path="/logs", status=404, times=None)
        await subscriber.rest()
        assert subscriber.code == 4004
