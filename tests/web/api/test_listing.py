"""Lists: Codegen's pages, filters and order over all pages, caching of what rarely changes."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from bot.web.api.cache import TokenCache
from tests.harness.clock import Clock
from tests.harness.server import ORG, ApiServer, api_server_at

RUNS = f"{ORG}/agent/runs"


def many_runs(api_server: ApiServer, count: int = 250) -> None:
    """A minute apart; every tenth has failed, every fifth has a pull request."""
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def read_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ApiServer]:
    """With many runs, for tests that only read."""
    async with api_server_at(tmp_path_factory.mktemp("server")) as api_server:
        many_runs(api_server)
        yield api_server


async def ids(api_server: ApiServer, query: str) -> list[int]:
    response = await api_server.get(f"{RUNS}?{query}")
    assert response.status == 200, response.document
    return [run["id"] for run in response.document["items"]]


async def test_page_has_codegen_envelope(api_server: ApiServer) -> None:
    many_runs(api_server)
    response = await api_server.get(f"{RUNS}?skip=100&limit=50")

    assert [run["id"] for run in response.document["items"]] == [*range(150, 100, -1)]
    assert {name: response.document[name] for name in ("total", "page", "size", "pages")} == {
        "total": 250,
        "page": 3,
        "size": 50,
        "pages": 5,
    }
    assert len(api_server.upstream("/agent/runs")) == 1


async def test_link_headers_lead_through_list(api_server: ApiServer) -> None:
    many_runs(api_server, 25)
    path, seen = f"{RUNS}?limit=10&sort=created_at", []
    while path:
        response = await api_server.get(path)
        seen += [run["id"] for run in response.document["items"]]
        links = dict(reversed(link.split("; rel=")) for link in response.headers["Link"].split(", "))
        path = links.get('"next"', "").strip("<>")

    assert seen == [*range(1, 26)]


@pytest.mark.asyncio(loop_scope="module")
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
async def test_filters_and_orders_hold_over_all_pages(read_server: ApiServer, query: str, expected: list[int]) -> None:
    assert await ids(read_server, query) == expected


async def test_filter_by_source_and_user(caching_server: ApiServer) -> None:
    """Runs contain their source but not their user: only the user is filtered by Codegen, and only for new runs."""
    for number in range(1, 251):
        caching_server.codegen.start_elsewhere("words", metadata={} if number % 5 == 0 else None)
        caching_server.codegen.runs[number].user_id = 2 if number % 50 == 0 else 1
    assert await ids(caching_server, "source_type=API&sort=created_at&limit=3") == [5, 10, 15]
    assert await ids(caching_server, "source_type=chat&limit=2") == [249, 248]
    assert await ids(caching_server, "source_type=SLACK") == []
    assert len(caching_server.upstream("/agent/runs")) == 3

    assert await ids(caching_server, "user_id=2") == [250, 200, 150, 100, 50]
    assert await ids(caching_server, "user_id=2&source_type=CHAT") == []
    assert [entry.query.get("user_id") for entry in caching_server.upstream("/agent/runs")] == [None, None, None, "2"]


async def test_filtered_runs_have_excerpts_of_long_texts(api_server: ApiServer) -> None:
    """The runs of one multi-run, which are compared, have the complete texts."""
    api_server.codegen.start_elsewhere("words", metadata={"multi_run_id": "one"})
    api_server.codegen.finish(1, result="word " * 2_000, summary="Short.")

    [listed] = (await api_server.get(f"{RUNS}?sort=created_at")).document["items"]
    [compared] = (await api_server.get(f"{RUNS}?multi_run_id=one")).document["items"]
    [page] = (await api_server.get(RUNS)).document["items"]

    assert (len(listed["result"]), listed["result"][-6:], listed["summary"]) == (1_003, "rd ...", "Short.")
    assert compared["result"] == page["result"] == "word " * 2_000
    await api_server.get(f"{RUNS}?multi_run_id=one")
    assert len(api_server.upstream("/agent/run/1")) == 1


async def test_deeply_nested_run_breaks_no_list(api_server: ApiServer) -> None:
    """Metadata may be nested arbitrarily; beyond 255 levels it could be parsed but not serialized."""
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    api_server.codegen.start_elsewhere("Fix it.", metadata=deep)
    api_server.codegen.start_elsewhere("Fix it.")

    for path in (RUNS, f"{RUNS}?sort=created_at", f"{ORG}/agent/run/1", f"{ORG}/overview"):
        assert (await api_server.get(path)).status == 200


async def test_filter_by_star(api_server: ApiServer) -> None:
    many_runs(api_server, 12)
    for number in (5, 10):
        await api_server.post("/starred-runs", {"agent_run_id": number, "starred": True})

    assert await ids(api_server, "starred=true") == [10, 5]
    assert await ids(api_server, "starred=false&sort=created_at&limit=5") == [1, 2, 3, 4, 6]


@pytest.mark.asyncio(loop_scope="module")
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
async def test_a_parameter_that_does_not_fit_is_named(read_server: ApiServer, query: str, field: str) -> None:
    response = await read_server.get(f"{RUNS}?{query}")

    assert (response.status, response.document["errors"][0]["field"]) == (422, field)


async def test_new_run_is_found_without_complete_read(caching_server: ApiServer) -> None:
    many_runs(caching_server, 350)
    assert (await ids(caching_server, "status=failed&limit=1")) == [350]
    assert len(caching_server.upstream("/agent/runs")) == 4

    assert (await ids(caching_server, "status=failed&limit=1&skip=1")) == [340]
    assert len(caching_server.upstream("/agent/runs")) == 4


async def test_hundred_concurrent_callers_cost_one_request(api_server: ApiServer) -> None:
    """All with the same token; another token costs another request."""
    for path in ("users", "repos", "integrations"):
        response = await asyncio.gather(*(api_server.get(f"{ORG}/{path}") for _ in range(100)))
        assert {each.status for each in response} == {200}
        assert len(api_server.upstream(f"/organizations/1/{path}")) == 1

    await api_server.get(f"{ORG}/users", token="sk-org1-other")
    assert len(api_server.upstream("/organizations/1/users")) == 2


async def test_if_none_match_is_answered_with_304(api_server: ApiServer) -> None:
    first = await api_server.get(f"{ORG}/users")
    second = await api_server.get(f"{ORG}/users", If_None_Match=first.headers["ETag"])
    other = await api_server.get(f"{ORG}/users?limit=1", If_None_Match=first.headers["ETag"])

    assert (second.status, second.headers["ETag"]) == (304, first.headers["ETag"])
    assert other.status == 200


async def test_failure_is_not_cached(api_server: ApiServer) -> None:
    api_server.codegen.control.fault(path="/integrations$", status=403, body={"message": "No."})
    assert (await api_server.get(f"{ORG}/integrations")).status == 403
    assert (await api_server.get(f"{ORG}/integrations")).status == 200


async def test_head_answers_headers_only(api_server: ApiServer) -> None:
    got = await api_server.get(f"{ORG}/users")
    response = await api_server.request("HEAD", f"{ORG}/users", token="sk-org1-caller")

    assert (response.status, response.headers["ETag"]) == (200, got.headers["ETag"])


async def test_failure_is_raised_to_all_waiters() -> None:
    """Upstream is not asked again by each of them in turn, but by a later caller."""
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
    response = await asyncio.gather(*asking, return_exceptions=True)
    assert ([type(each) for each in response], begun) == ([ConnectionError] * 5, 1)

    with pytest.raises(ConnectionError):
        await cache.get(place, ask)
    assert begun == 2


async def test_cancelled_waiter_does_not_affect_others() -> None:
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


async def test_expired_value_is_freed() -> None:
    """Although it is not requested again: the next request of any kind drops it, and nothing else."""
    clock = Clock()
    cache = TokenCache(clock=clock)

    async def ask() -> set[int]:
        return {1}

    short = weakref.ref(await cache.get(("token", 1, "short"), ask, ttl=2))
    long = weakref.ref(await cache.get(("token", 1, "long"), ask, ttl=60))
    clock.now += 3
    await cache.get(("token", 1, "other"), ask)

    assert short() is None
    assert long() == {1}
