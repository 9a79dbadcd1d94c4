"""A run's log, live: each entry once and in order, whoever listens and however often the line breaks."""

from __future__ import annotations

import asyncio
import random

import pytest

from bot.codegen.client import MARK
from tests.replies.secret_table import TOKENS
from tests.web.streams.house import ALICE, House


async def test_a_run_is_told_from_its_beginning_to_its_end(house: House) -> None:
    """First how it is, then each entry as it comes, then how it has ended, and a normal close."""
    run = house.begin()
    async with await house.listen(run) as ear:
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

        house.codegen.move(run, "RUNNING")
        assert (await ear.next())["state"] == "working"
        house.codegen.add_log(run, thought="Nearly there.")
        assert (await ear.next())["log"]["thought"] == "Nearly there."
        house.codegen.finish(run, result="All done.", summary="Short.", pull_request="octo/shop#12")

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


async def test_from_goes_on_after_what_one_has(house: House) -> None:
    """Past the first hundred entries too, and with nothing that one has already."""
    run = house.begin(entries=250)
    house.codegen.finish(run)
    async with await house.listen(run, from_=237) as ear:
        indexes = [frame["index"] for frame in await ear.rest() if frame["type"] == "log"]
    assert indexes == [*range(237, 252)]


async def test_who_comes_second_may_begin_before_the_first(house: House) -> None:
    """The first one wants the end of a long log, the second one all of it."""
    run = house.begin(entries=349)
    async with await house.listen(run, from_=345) as first, await house.listen(run) as second:
        assert (await first.next("log"))["index"] == 345
        for index in range(350):
            assert (await second.next("log"))["index"] == index
        house.write(run, 1)
        assert (await second.next("log"))["index"] == 350


async def test_who_has_more_than_there_is_hears_what_comes_after(house: House) -> None:
    """Nothing is sent again, and nothing is lost to others."""
    run = house.begin(entries=3)
    async with await house.listen(run, from_=500) as first, await house.listen(run) as second:
        house.codegen.finish(run)
        assert [frame["index"] for frame in await second.rest() if frame["type"] == "log"] == [*range(5)]
        assert [frame["type"] for frame in await first.rest() if frame["type"] != "status"] == ["end"]


async def test_a_listener_cut_off_ten_times_has_the_same_log(house: House) -> None:
    """The line breaks at random places while the log grows; each time the listener comes back with its count."""
    chance = random.Random(5)
    run = house.begin(entries=120)
    steady = await house.listen(run)
    told = asyncio.create_task(steady.rest())
    got: list[dict[str, object]] = []

    async def hear(most: int | None) -> None:
        ear = await house.listen(run, from_=len(got))
        while most is None or most > 0:
            frame = await ear.next()
            if frame["type"] == "end":
                return
            if frame["type"] == "log":
                got.append(frame)
                most = None if most is None else most - 1
        await ear.cut()

    for _ in range(10):
        house.write(run, 30)
        await hear(chance.randint(1, 40))
    house.codegen.finish(run)
    await hear(None)

    assert got == [frame for frame in await told if frame["type"] == "log"]
    assert [frame["index"] for frame in got] == [*range(422)]


async def test_many_listeners_cost_what_one_costs(house: House) -> None:
    """Sixty people come at once; Codegen is asked for the organization, the run and each page of the log once."""
    run = house.begin(entries=150)
    ears = await asyncio.gather(*(house.listen(run) for _ in range(60)))
    house.write(run, 20)
    house.codegen.finish(run)
    heard = await asyncio.gather(*(ear.rest() for ear in ears))

    assert all([f["index"] for f in frames if f["type"] == "log"] == [*range(172)] for frames in heard)
    assert all(frames[-1]["type"] == "end" for frames in heard)
    assert house.requests("/organizations") - house.requests("/agent/") == 1
    looks = [entry.query["skip"] for entry in house.codegen.control.journal if entry.path.endswith("/logs")]
    assert looks == sorted(looks, key=int)
    assert len(looks) <= 10
    assert house.requests(f"/run/{run}") - len(looks) <= 3


async def test_who_comes_after_the_end_hears_all_of_it(house: House) -> None:
    """Also right after others have heard it, at no cost for the log; and anew where the run was resumed."""
    run = house.begin(entries=2)
    house.codegen.finish(run)
    async with await house.listen(run) as ear:
        await ear.rest()
    looks = house.requests("/logs")
    async with await house.listen(run) as ear:
        assert [frame["type"] for frame in await ear.rest()] == ["status", "log", "log", "log", "log", "end"]
    assert house.requests("/logs") == looks

    house.codegen.script(run_seconds=None)
    url = f"{house.url}/organizations/1/agent/run/{run}/resume"
    async with house.http.post(url, json={"prompt": "Once more."}, params={"api_key": ALICE}) as answer:
        assert answer.status == 200
    async with await house.listen(run, from_=4) as ear:
        assert (await ear.next("status"))["finished"] is False
        assert (await ear.next("log"))["log"]["observation"] == "Once more."


async def test_secrets_do_not_go_over_the_wire(house: House) -> None:
    """Neither in an entry nor in a result."""
    run = house.begin()
    secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    house.codegen.add_log(run, tool_output={"stdout": [f"export TOKEN={secret}"]}, observation=f"It is {secret}.")
    house.codegen.finish(run, result=f"Use {secret}.")
    async with await house.listen(run) as ear:
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
async def test_a_parameter_that_does_not_fit_is_named(house: House, query: dict[str, str], field: str) -> None:
    run = house.begin()
    given = {name.rstrip("_"): value for name, value in query.items()}
    path = f"{house.url}/organizations/1/agent/run/{run}/logs/stream"
    async with house.http.get(path, params={"api_key": "sk-org1-x", **given}) as answer:
        assert answer.status == 422
        assert [error["field"] for error in (await answer.json())["errors"]] == [field]


async def test_frames_hold_no_secrets(house: House) -> None:
    """Neither known ones nor those of the run's repository."""
    house.github.world.files["main", ".github/codegen-bot.yml"] = "secret-patterns: ['<pin>acme-[0-9]{4}']\n"
    token = TOKENS["GitHub, classic"]
    run = house.begin()
    house.codegen.runs[run].metadata = {MARK: {"repository": "octo/shop"}}
    async with await house.listen(run) as ear:
        house.codegen.add_log(run, thought=f"<pin>acme-1234 {token}", tool_input={"args": ["--token", "abcd1234"]})
        house.codegen.finish(run, result=f"{token} <pin>acme-1234", summary="<pin>acme-1234")
        frames = [*ear.heard, *await ear.rest()]

    assert [word for word in (token, "acme-1234", "abcd1234") if word in str(frames)] == []
    assert frames[-1] == {
        "type": "end",
        "status": "COMPLETE",
        "state": "succeeded",
        "result": "[redacted] [redacted]",
        "summary": "[redacted]",
    }
