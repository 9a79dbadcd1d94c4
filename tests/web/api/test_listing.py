"""Lists: pages as Codegen has them; filters and orders that hold over all pages; what rarely changes is kept."""

from __future__ import annotations

import asyncio
import weakref
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.web.api.cache import TokenCache
from tests.codegen.clock import Clock
from tests.web.api.api_server import ORG, ApiServer

RUNS = f"{ORG}/agent/runs"


def many_runs(api_server: ApiServer, count: int = 250) -> None:
    """Every tenth has failed, every fifth has a pull request; a minute apart."""
    began = datetime(2026, 5, 4, 12, tzinfo=UTC)
    for number in range(1, count + 1):
        run = api_server.codegen.start_elsewhere(f"Number {number}")
        run.created_at = began + timedelta(minutes=number)
        api_server.codegen.finish(
            number,
            status="FAILED" if number % 10 == 0 else "COMPLETE",
            summary=f"Did number {number}." if number % 7 else "Mended the Flaky checkout.",
            pull_request="octo/shop#1" if number % 5 == 0 else None,
        )


async def ids(api_server: ApiServer, query: str) -> list[int]:
    said = await api_server.get(f"{RUNS}?{query}")
    assert said.status == 200, said.document
    return [run["id"] for run in said.document["items"]]


async def test_a_page_as_codegen_has_them(api_server: ApiServer) -> None:
    many_runs(api_server)
    said = await api_server.get(f"{RUNS}?skip=100&limit=50")

    assert [run["id"] for run in said.document["items"]] == [*range(150, 100, -1)]
    assert {name: said.document[name] for name in ("total", "page", "size", "pages")} == {
        "total": 250,
        "page": 3,
        "size": 50,
        "pages": 5,
    }
    assert len(api_server.upstream("/agent/runs")) == 1


async def test_link_headers_lead_through_a_list(api_server: ApiServer) -> None:
    many_runs(api_server, 25)
    path, seen = f"{RUNS}?limit=10&sort=created_at", []
    while path:
        said = await api_server.get(path)
        seen += [run["id"] for run in said.document["items"]]
        links = dict(reversed(link.split("; rel=")) for link in said.headers["Link"].split(", "))
        path = links.get('"next"', "").strip("<>")

    assert seen == [*range(1, 26)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=failed&limit=3", [250, 240, 230]),
        ("status=FAILED&sort=created_at&limit=2", [10, 20]),
        ("sort=created_at&limit=2", [1, 2]),
        ("sort=status&limit=2", [10, 20]),
        ("sort=-status&limit=2", [249, 248]),
        ("repo=octo/shop&sort=created_at&limit=3", [5, 10, 15]),
        ("repo=Octo/Shop&status=failed&limit=1", [250]),
        ("q=flaky+CHECKOUT&sort=created_at&limit=2", [7, 14]),
        ("q=number+249&limit=5", [249]),
        ("created_after=2026-05-04T16:08:00Z", [250, 249]),
        ("created_before=2026-05-04T12:03:00", [2, 1]),
        ("status=failed&skip=24&limit=5", [10]),
        ("q=nothing+of+the+kind", []),
    ],
)
async def test_filters_and_orders_hold_over_all_pages(api_server: ApiServer, query: str, expected: list[int]) -> None:
    many_runs(api_server)
    assert await ids(api_server, query) == expected


async def test_filter_by_source_and_person(api_server: ApiServer) -> None:
    """Every answer says its source, and none whose it is: only the latter is asked of Codegen, and only for what is new."""
    for number in range(1, 251):
        api_server.codegen.start_elsewhere("words", metadata={} if number % 5 == 0 else None)
        api_server.codegen.runs[number].user_id = 2 if number % 50 == 0 else 1
    assert await ids(api_server, "source_type=API&sort=created_at&limit=3") == [5, 10, 15]
    assert await ids(api_server, "source_type=chat&limit=2") == [249, 248]
    assert await ids(api_server, "source_type=SLACK") == []
    assert len(api_server.upstream("/agent/runs")) == 3

    assert await ids(api_server, "user_id=2") == [250, 200, 150, 100, 50]
    assert await ids(api_server, "user_id=2&source_type=CHAT") == []
    assert [entry.query.get("user_id") for entry in api_server.upstream("/agent/runs")] == [None, None, None, "2"]


async def test_filtered_runs_have_the_beginning_of_long_texts(api_server: ApiServer) -> None:
    """The runs of one multi-run, which are compared, have all of them."""
    api_server.codegen.start_elsewhere("words", metadata={"multi_run_id": "one"})
    api_server.codegen.finish(1, result="word " * 2_000, summary="Short.")

    [listed] = (await api_server.get(f"{RUNS}?sort=created_at")).document["items"]
    [compared] = (await api_server.get(f"{RUNS}?multi_run_id=one")).document["items"]
    [page] = (await api_server.get(RUNS)).document["items"]

    assert (len(listed["result"]), listed["result"][-6:], listed["summary"]) == (1_003, "rd ...", "Short.")
    assert compared["result"] == page["result"] == "word " * 2_000
    await api_server.get(f"{RUNS}?multi_run_id=one")
    assert len(api_server.upstream("/agent/run/1")) == 1


async def test_run_nested_too_deeply_breaks_no_list(api_server: ApiServer) -> None:
    """Whoever may start runs may write any metadata; what is deeper than 255 levels could be read but not written."""
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    api_server.codegen.start_elsewhere("Fix it.", metadata=deep)
    api_server.codegen.start_elsewhere("Fix it.")

    for path in (RUNS, f"{RUNS}?sort=created_at", f"{ORG}/agent/run/1", f"{ORG}/overview"):
        assert (await api_server.get(path)).status == 200


async def test_starred_runs_among_the_others(api_server: ApiServer) -> None:
    many_runs(api_server, 12)
    for number in (5, 10):
        await api_server.post("/starred-runs", {"agent_run_id": number, "starred": True})

    assert await ids(api_server, "starred=true") == [10, 5]
    assert await ids(api_server, "starred=false&sort=created_at&limit=5") == [1, 2, 3, 4, 6]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("skip=-1", "skip"),
        ("sort=name", "sort"),
        ("status=sideways", "status"),
        ("created_after=yesterday", "created_after"),
        ("colour=red", "colour"),
        ("limit=1&limit=2", "limit"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(api_server: ApiServer, query: str, field: str) -> None:
    said = await api_server.get(f"{RUNS}?{query}")

    assert (said.status, said.document["errors"][0]["field"]) == (422, field)


async def test_what_is_new_is_seen_without_reading_all_again(api_server: ApiServer) -> None:
    """The index is read once as a whole; then only its beginning."""
    many_runs(api_server, 350)
    assert (await ids(api_server, "status=failed&limit=1")) == [350]
    assert len(api_server.upstream("/agent/runs")) == 4

    assert (await ids(api_server, "status=failed&limit=1&skip=1")) == [340]
    assert len(api_server.upstream("/agent/runs")) == 4


async def test_a_hundred_callers_at_once_cost_one_request(api_server: ApiServer) -> None:
    """Each with the same token; another token asks for itself."""
    for path in ("users", "repos", "integrations"):
        said = await asyncio.gather(*(api_server.get(f"{ORG}/{path}") for _ in range(100)))
        assert {each.status for each in said} == {200}
        assert len(api_server.upstream(f"/organizations/1/{path}")) == 1

    await api_server.get(f"{ORG}/users", token="sk-org1-other")
    assert len(api_server.upstream("/organizations/1/users")) == 2


async def test_what_the_caller_has_is_not_sent_again(api_server: ApiServer) -> None:
    first = await api_server.get(f"{ORG}/users")
    second = await api_server.get(f"{ORG}/users", If_None_Match=first.headers["ETag"])
    other = await api_server.get(f"{ORG}/users?limit=1", If_None_Match=first.headers["ETag"])

    assert (second.status, second.headers["ETag"]) == (304, first.headers["ETag"])
    assert other.status == 200


async def test_a_failure_is_not_kept(api_server: ApiServer) -> None:
    api_server.codegen.control.fault(path="/integrations$", status=403, body={"message": "No."})
    assert (await api_server.get(f"{ORG}/integrations")).status == 403
    assert (await api_server.get(f"{ORG}/integrations")).status == 200


async def test_head_tells_the_headers_alone(api_server: ApiServer) -> None:
    got = await api_server.get(f"{ORG}/users")
    said = await api_server.ask("HEAD", f"{ORG}/users", token="sk-org1-caller")

    assert (said.status, said.headers["ETag"]) == (200, got.headers["ETag"])


async def test_a_failure_is_told_to_all_who_wait() -> None:
    """Upstream is not asked again by each of them in turn; whoever comes later has it asked again."""
    cache, answers = TokenCache(), asyncio.Event()
    begun = 0

    async def ask() -> int:
        nonlocal begun
        begun += 1
        await answers.wait()
        raise ConnectionError

    place = ("token", 1, "question")
    asking = [asyncio.create_task(cache.get(place, ask)) for _ in range(5)]
    await asyncio.sleep(0)
    answers.set()
    said = await asyncio.gather(*asking, return_exceptions=True)
    assert ([type(each) for each in said], begun) == ([ConnectionError] * 5, 1)

    with pytest.raises(ConnectionError):
        await cache.get(place, ask)
    assert begun == 2


async def test_whoever_is_cancelled_does_not_break_it_for_those_who_wait() -> None:
    cache, asked = TokenCache(), asyncio.Event()
    begun = 0

    async def ask() -> int:
        nonlocal begun
        begun += 1
        await asked.wait()
        return begun

    first, *others = [asyncio.create_task(cache.get(("token", 1, "question"), ask)) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    asked.set()

    assert await asyncio.gather(*others) == [2] * 4


async def test_what_is_kept_no_more_takes_no_memory() -> None:
    """Though nobody asks for it again: the next question of any kind drops it, and nothing else."""
    clock = Clock()
    cache = TokenCache(clock=clock)

    async def ask() -> set[int]:
        return {1}

    short = weakref.ref(await cache.get(("token", 1, "short"), ask, seconds=2))
    long = weakref.ref(await cache.get(("token", 1, "long"), ask, seconds=60))
    clock.now += 3
    await cache.get(("token", 1, "other"), ask)

    assert short() is None
    assert long() == {1}
