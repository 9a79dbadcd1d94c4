"""A run's log, live: each entry once and in order, whatever happens to connections."""

from __future__ import annotations

import asyncio
import random

import pytest

from bot.codegen.models import MARK
from tests.harness.server import ALICE, ApiServer
from tests.text.redaction.secret_table import TOKENS


async def test_log_stream_from_beginning_to_end(api_server: ApiServer) -> None:
    """First the status, then each entry, then the end, and a normal close."""
    run = api_server.start_run()
    async with await api_server.subscribe(run) as subscriber:
        assert await subscriber.next() == {
            "type": "status",
            "agent_run_id": run,
            "status": "PENDING",
            "state": "queued",
            "finished": False,
            "summary": None,
            "result": None,
            "pull_request_urls": [],
        }
        first = await subscriber.next()
        assert (first["type"], first["index"], first["log"]["observation"]) == ("log", 0, "Fix it.")

        api_server.codegen.move(run, "RUNNING")
        assert (await subscriber.next())["state"] == "working"
        api_server.codegen.add_log(run, thought="Nearly there.")
        assert (await subscriber.next())["log"]["thought"] == "Nearly there."
        api_server.codegen.finish(run, result="All done.", summary="Short.", pull_request="octo/shop#12")

        rest = await subscriber.rest()
        assert [frame["type"] for frame in rest] == ["status", "log", "end"]
        assert rest[0]["pull_request_urls"] == ["https://github.com/octo/shop/pull/12"]
        assert rest[-1] == {
            "type": "end",
            "status": "COMPLETE",
            "state": "succeeded",
            "result": "All done.",
            "summary": "Short.",
        }
        assert subscriber.code == 1000


async def test_log_stream_from_an_index(api_server: ApiServer) -> None:
    """Also beyond the first hundred entries, without repetition."""
    run = api_server.start_run(entries=250)
    api_server.codegen.finish(run)
    async with await api_server.subscribe(run, from_=237) as subscriber:
        indexes = [frame["index"] for frame in await subscriber.rest() if frame["type"] == "log"]
    assert indexes == [*range(237, 252)]


async def test_second_subscriber_may_start_earlier(api_server: ApiServer) -> None:
    """The first one requests the end of a long log, the second one all of it."""
    run = api_server.start_run(entries=349)
    async with await api_server.subscribe(run, from_=345) as first, await api_server.subscribe(run) as second:
        assert (await first.next("log"))["index"] == 345
        for index in range(350):
            assert (await second.next("log"))["index"] == index
        api_server.add_entries(run, 1)
        assert (await second.next("log"))["index"] == 350


async def test_older_page_is_read_once_for_all_subscribers(api_server: ApiServer) -> None:
    run = api_server.start_run(entries=349)
    async with await api_server.subscribe(run, from_=345) as newest:
        await newest.next("log")
        later = await asyncio.gather(*(api_server.subscribe(run) for _ in range(5)))
        for subscriber in later:
            for index in range(350):
                assert (await subscriber.next("log"))["index"] == index
            await subscriber.socket.close()
    looks = [entry.query["skip"] for entry in api_server.codegen.control.journal if entry.path.endswith("/logs")]
    assert [looks.count(skip) for skip in ("0", "100", "200")] == [1, 1, 1]


async def test_from_beyond_the_log_sends_what_follows(api_server: ApiServer) -> None:
    """Nothing is repeated, and other subscribers lose nothing."""
    run = api_server.start_run(entries=3)
    async with await api_server.subscribe(run, from_=500) as first, await api_server.subscribe(run) as second:
        api_server.codegen.finish(run)
        assert [frame["index"] for frame in await second.rest() if frame["type"] == "log"] == [*range(5)]
        assert [frame["type"] for frame in await first.rest() if frame["type"] != "status"] == ["end"]


async def test_reconnecting_subscriber_gets_whole_log(api_server: ApiServer) -> None:
    """The connection is lost at random places while the log grows; each time it resumes with the count."""
    chance = random.Random(5)
    run = api_server.start_run(entries=120)
    steady = await api_server.subscribe(run)
    refusal = asyncio.create_task(steady.rest())
    got: list[dict[str, object]] = []

    async def receive(most: int | None) -> None:
        subscriber = await api_server.subscribe(run, from_=len(got))
        while most is None or most > 0:
            frame = await subscriber.next()
            if frame["type"] == "end":
                return
            if frame["type"] == "log":
                got.append(frame)
                most = None if most is None else most - 1
        await subscriber.cut()

    for _ in range(10):
        api_server.add_entries(run, 30)
        await receive(chance.randint(1, 40))
    api_server.codegen.finish(run)
    await receive(None)

    assert got == [frame for frame in await refusal if frame["type"] == "log"]
    assert [frame["index"] for frame in got] == [*range(422)]


async def test_many_subscribers_cost_what_one_costs(api_server: ApiServer) -> None:
    """Sixty people come at once; Codegen is asked for the organization, its repositories, the run and each page of the
    log once."""
    run = api_server.start_run(entries=150)
    subscribers = await asyncio.gather(*(api_server.subscribe(run) for _ in range(60)))
    api_server.add_entries(run, 20)
    api_server.codegen.finish(run)
    received = await asyncio.gather(*(subscriber.rest() for subscriber in subscribers))

    assert all([f["index"] for f in frames if f["type"] == "log"] == [*range(172)] for frames in received)
    assert all(frames[-1]["type"] == "end" for frames in received)
    assert api_server.requests("/organizations/1/repos") == 1
    assert api_server.requests("/organizations") - api_server.requests("/agent/") - 1 == 1
    looks = [entry.query["skip"] for entry in api_server.codegen.control.journal if entry.path.endswith("/logs")]
    assert looks == sorted(looks, key=int)
    assert len(looks) <= 10
    assert api_server.requests(f"/run/{run}") - len(looks) <= 3


async def test_subscriber_after_end_gets_whole_log(api_server: ApiServer) -> None:
    """Also from the cache right after others, and read anew if the run was resumed."""
    run = api_server.start_run(entries=2)
    api_server.codegen.finish(run)
    async with await api_server.subscribe(run) as subscriber:
        await subscriber.rest()
    looks = api_server.requests("/logs")
    async with await api_server.subscribe(run) as subscriber:
        assert [frame["type"] for frame in await subscriber.rest()] == ["status", "log", "log", "log", "log", "end"]
    assert api_server.requests("/logs") == looks

    api_server.codegen.script(run_seconds=None)
    url = f"{api_server.url}/organizations/1/agent/run/{run}/resume"
    async with api_server.http.post(url, json={"prompt": "Once more."}, params={"api_key": ALICE}) as answer:
        assert answer.status == 200
    async with await api_server.subscribe(run, from_=4) as subscriber:
        assert (await subscriber.next("status"))["finished"] is False
        assert (await subscriber.next("log"))["log"]["observation"] == "Once more."


async def test_log_stream_is_redacted(api_server: ApiServer) -> None:
    """In entries and in the result."""
    run = api_server.start_run()
    secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    api_server.codegen.add_log(run, tool_output={"stdout": [f"export TOKEN={secret}"]}, observation=f"It is {secret}.")
    api_server.codegen.finish(run, result=f"Use {secret}.")
    async with await api_server.subscribe(run) as subscriber:
        received = await subscriber.rest()
    assert secret not in str(received)
    assert received[-1]["result"] == "Use [redacted]."


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"poll_interval": "0.4"}, "poll_interval"),
        ({"poll_interval": "61"}, "poll_interval"),
        ({"poll_interval": "nan"}, "poll_interval"),
        ({"poll_interval": "soon"}, "poll_interval"),
        ({"from_": "-1"}, "from"),
        ({"from_": "x"}, "from"),
        ({"form": "1"}, "form"),
    ],
)
async def test_invalid_stream_parameter_is_named(api_server: ApiServer, query: dict[str, str], field: str) -> None:
    run = api_server.start_run()
    given = {name.rstrip("_"): value for name, value in query.items()}
    path = f"{api_server.url}/organizations/1/agent/run/{run}/logs/stream"
    async with api_server.http.get(path, params={"api_key": "sk-org1-x", **given}) as answer:
        assert answer.status == 422
        assert [error["field"] for error in (await answer.json())["errors"]] == [field]


async def test_frames_contain_no_secrets(api_server: ApiServer) -> None:
    """Neither known ones nor those of the run's repository."""
    api_server.github.world.files["main", ".github/codegen-bot.yml"] = "secret-patterns: ['<pin>acme-[0-9]{4}']\n"
    token = TOKENS["GitHub, classic"]
    run = api_server.start_run()
    api_server.codegen.runs[run].metadata = {MARK: {"repository": "octo/shop"}}
    async with await api_server.subscribe(run) as subscriber:
        api_server.codegen.add_log(run, thought=f"<pin>acme-1234 {token}", tool_input={"args": ["--token", "abcd1234"]})
        api_server.codegen.finish(run, result=f"{token} <pin>acme-1234", summary="<pin>acme-1234")
        frames = [*subscriber.frames, *await subscriber.rest()]

    assert [word for word in (token, "acme-1234", "abcd1234") if word in str(frames)] == []
    assert frames[-1] == {
        "type": "end",
        "status": "COMPLETE",
        "state": "succeeded",
        "result": "[redacted] [redacted]",
        "summary": "[redacted]",
    }
