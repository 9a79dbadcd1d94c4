"""A run's log, live: each entry once and in order, whoever listens and however often the line breaks."""

from __future__ import annotations

import asyncio
import random

import pytest

from bot.codegen.client import MARK
from tests.replies.secret_table import TOKENS
from tests.web.streams.stream_server import ALICE, StreamServer


async def test_a_run_is_told_from_its_beginning_to_its_end(stream_server: StreamServer) -> None:
    """First how it is, then each entry as it comes, then how it has ended, and a normal close."""
    run = stream_server.begin()
    async with await stream_server.listen(run) as ear:
        assert await ear.next() == {
            "type": "status",
            "agent_run_id": run,
            "status": "PENDING",
            "state": "queued",
            "finished": False,
            "summary": None,
            "result": None,
            "pull_request_urls": [],
        }
        first = await ear.next()
        assert (first["type"], first["index"], first["log"]["observation"]) == ("log", 0, "Fix it.")

        stream_server.codegen.move(run, "RUNNING")
        assert (await ear.next())["state"] == "working"
        stream_server.codegen.add_log(run, thought="Nearly there.")
        assert (await ear.next())["log"]["thought"] == "Nearly there."
        stream_server.codegen.finish(run, result="All done.", summary="Short.", pull_request="octo/shop#12")

        rest = await ear.rest()
        assert [frame["type"] for frame in rest] == ["status", "log", "end"]
        assert rest[0]["pull_request_urls"] == ["https://github.com/octo/shop/pull/12"]
        assert rest[-1] == {
            "type": "end",
            "status": "COMPLETE",
            "state": "succeeded",
            "result": "All done.",
            "summary": "Short.",
        }
        assert ear.code == 1000


async def test_from_goes_on_after_what_one_has(stream_server: StreamServer) -> None:
    """Past the first hundred entries too, and with nothing that one has already."""
    run = stream_server.begin(entries=250)
    stream_server.codegen.finish(run)
    async with await stream_server.listen(run, from_=237) as ear:
        indexes = [frame["index"] for frame in await ear.rest() if frame["type"] == "log"]
    assert indexes == [*range(237, 252)]


async def test_who_comes_second_may_begin_before_the_first(stream_server: StreamServer) -> None:
    """The first one wants the end of a long log, the second one all of it."""
    run = stream_server.begin(entries=349)
    async with await stream_server.listen(run, from_=345) as first, await stream_server.listen(run) as second:
        assert (await first.next("log"))["index"] == 345
        for index in range(350):
            assert (await second.next("log"))["index"] == index
        stream_server.write(run, 1)
        assert (await second.next("log"))["index"] == 350


async def test_who_has_more_than_there_is_hears_what_comes_after(stream_server: StreamServer) -> None:
    """Nothing is sent again, and nothing is lost to others."""
    run = stream_server.begin(entries=3)
    async with await stream_server.listen(run, from_=500) as first, await stream_server.listen(run) as second:
        stream_server.codegen.finish(run)
        assert [frame["index"] for frame in await second.rest() if frame["type"] == "log"] == [*range(5)]
        assert [frame["type"] for frame in await first.rest() if frame["type"] != "status"] == ["end"]


async def test_a_listener_cut_off_ten_times_has_the_same_log(stream_server: StreamServer) -> None:
    """The line breaks at random places while the log grows; each time the listener comes back with its count."""
    chance = random.Random(5)
    run = stream_server.begin(entries=120)
    steady = await stream_server.listen(run)
    told = asyncio.create_task(steady.rest())
    got: list[dict[str, object]] = []

    async def hear(most: int | None) -> None:
        ear = await stream_server.listen(run, from_=len(got))
        while most is None or most > 0:
            frame = await ear.next()
            if frame["type"] == "end":
                return
            if frame["type"] == "log":
                got.append(frame)
                most = None if most is None else most - 1
        await ear.cut()

    for _ in range(10):
        stream_server.write(run, 30)
        await hear(chance.randint(1, 40))
    stream_server.codegen.finish(run)
    await hear(None)

    assert got == [frame for frame in await told if frame["type"] == "log"]
    assert [frame["index"] for frame in got] == [*range(422)]


async def test_many_listeners_cost_what_one_costs(stream_server: StreamServer) -> None:
    """Sixty people come at once; Codegen is asked for the organization, the run and each page of the log once."""
    run = stream_server.begin(entries=150)
    ears = await asyncio.gather(*(stream_server.listen(run) for _ in range(60)))
    stream_server.write(run, 20)
    stream_server.codegen.finish(run)
    heard = await asyncio.gather(*(ear.rest() for ear in ears))

    assert all([f["index"] for f in frames if f["type"] == "log"] == [*range(172)] for frames in heard)
    assert all(frames[-1]["type"] == "end" for frames in heard)
    assert stream_server.requests("/organizations") - stream_server.requests("/agent/") == 1
    looks = [entry.query["skip"] for entry in stream_server.codegen.control.journal if entry.path.endswith("/logs")]
    assert looks == sorted(looks, key=int)
    assert len(looks) <= 10
    assert stream_server.requests(f"/run/{run}") - len(looks) <= 3


async def test_who_comes_after_the_end_hears_all_of_it(stream_server: StreamServer) -> None:
    """Also right after others have heard it, at no cost for the log; and anew where the run was resumed."""
    run = stream_server.begin(entries=2)
    stream_server.codegen.finish(run)
    async with await stream_server.listen(run) as ear:
        await ear.rest()
    looks = stream_server.requests("/logs")
    async with await stream_server.listen(run) as ear:
        assert [frame["type"] for frame in await ear.rest()] == ["status", "log", "log", "log", "log", "end"]
    assert stream_server.requests("/logs") == looks

    stream_server.codegen.script(run_seconds=None)
    url = f"{stream_server.url}/organizations/1/agent/run/{run}/resume"
    async with stream_server.http.post(url, json={"prompt": "Once more."}, params={"api_key": ALICE}) as answer:
        assert answer.status == 200
    async with await stream_server.listen(run, from_=4) as ear:
        assert (await ear.next("status"))["finished"] is False
        assert (await ear.next("log"))["log"]["observation"] == "Once more."


async def test_secrets_do_not_go_over_the_wire(stream_server: StreamServer) -> None:
    """Neither in an entry nor in a result."""
    run = stream_server.begin()
    secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    stream_server.codegen.add_log(
        run, tool_output={"stdout": [f"export TOKEN={secret}"]}, observation=f"It is {secret}."
    )
    stream_server.codegen.finish(run, result=f"Use {secret}.")
    async with await stream_server.listen(run) as ear:
        heard = await ear.rest()
    assert secret not in str(heard)
    assert heard[-1]["result"] == "Use [redacted]."


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
async def test_a_parameter_that_does_not_fit_is_named(
    stream_server: StreamServer, query: dict[str, str], field: str
) -> None:
    run = stream_server.begin()
    given = {name.rstrip("_"): value for name, value in query.items()}
    path = f"{stream_server.url}/organizations/1/agent/run/{run}/logs/stream"
    async with stream_server.http.get(path, params={"api_key": "sk-org1-x", **given}) as answer:
        assert answer.status == 422
        assert [error["field"] for error in (await answer.json())["errors"]] == [field]


async def test_frames_hold_no_secrets(stream_server: StreamServer) -> None:
    """Neither known ones nor those of the run's repository."""
    stream_server.github.world.files["main", ".github/codegen-bot.yml"] = "secret-patterns: ['<pin>acme-[0-9]{4}']\n"
    token = TOKENS["GitHub, classic"]
    run = stream_server.begin()
    stream_server.codegen.runs[run].metadata = {MARK: {"repository": "octo/shop"}}
    async with await stream_server.listen(run) as ear:
        stream_server.codegen.add_log(
            run, thought=f"<pin>acme-1234 {token}", tool_input={"args": ["--token", "abcd1234"]}
        )
        stream_server.codegen.finish(run, result=f"{token} <pin>acme-1234", summary="<pin>acme-1234")
        frames = [*ear.heard, *await ear.rest()]

    assert [word for word in (token, "acme-1234", "abcd1234") if word in str(frames)] == []
    assert frames[-1] == {
        "type": "end",
        "status": "COMPLETE",
        "state": "succeeded",
        "result": "[redacted] [redacted]",
        "summary": "[redacted]",
    }
