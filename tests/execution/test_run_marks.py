"""What a run says of itself is a claim: only what GitHub could have is read of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.codegen.models import AgentRun, RunPullRequest
from bot.execution.run_marks import mark_of, recorded_thread, repositories_of, threads_of
from bot.github.models import is_repository

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NAMES = ("identity", "command", "repository", "number", "login", "prompt")


def a_run(mark: Any, *urls: str) -> AgentRun:
    links = tuple(RunPullRequest(id=number, url=url) for number, url in enumerate(urls, 1))
    return AgentRun(id=7, organization_id=1, metadata={"codegen_bot": mark}, github_pull_requests=links)


@pytest.mark.parametrize(
    ("repository", "number", "thread"),
    [
        ("octo/shop", 2, ("octo/shop", 2)),
        ("Octo/Shop", 2, ("Octo/Shop", 2)),
        ("octo/shop", None, None),
        ("octo/shop", "2", None),
        ("octo/shop", True, None),
        ("octo/shop", 2.0, None),
        ("octo/shop", 0, None),
        ("octo/shop", -2, None),
        ("octo/shop", 2**31, None),
        ("../../../user", 2, None),
        ("octo/..", 2, None),
        ("octo", 2, None),
        (["octo/shop"], 2, None),
        ("", 2, None),
    ],
)
def test_mark_of_thread(repository: object, number: object, thread: tuple[str, int] | None) -> None:
    mark = mark_of(a_run({"repository": repository, "number": number}))

    assert mark is not None
    assert mark.thread == thread


@pytest.mark.parametrize("mark", [None, "octo/shop", ["octo/shop", 2], 7])
def test_mark_of_run_without_one(mark: object) -> None:
    assert mark_of(a_run(mark)) is None


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON)))
def test_mark_of_any_json(mark: dict[str, Any]) -> None:
    found = mark_of(a_run(mark))

    assert found is not None
    assert found.repository is None or is_repository(found.repository)
    assert found.number is None or (found.repository is not None and found.number >= 1)
    assert all(text is None or isinstance(text, str) for text in (found.identity, found.login, found.prompt))


def test_threads_of_drops_addresses_that_cannot_be() -> None:
    run = a_run(
        None,
        "https://github.com/Octo/Shop/pull/1",
        "https://github.com/octo/shop/pull/1/",
        "https://github.com/../../pull/2",
        "https://github.com/octo/../pull/2",
        "https://github.com/octo/shop/pull/0",
        "https://github.com/octo/shop/pull/9999999999",
        "https://github.com/octo/shop/issues/3",
    )

    assert threads_of(run) == [("octo/shop", 1)]


def test_repositories_of_mark_and_pull_requests() -> None:
    run = a_run({"repository": "Octo/Docs", "number": 3}, "https://github.com/octo/shop/pull/1")

    assert repositories_of(run) == {"octo/docs", "octo/shop"}
    assert repositories_of(a_run({"repository": "..", "number": 3})) == set()
    assert repositories_of(a_run({"repository": "octo/shop", "works_in": "Octo/Docs"})) == {"octo/shop", "octo/docs"}
    assert repositories_of(a_run({"repository": "octo/shop", "works_in": "../x"})) == {"octo/shop"}


async def test_recorded_thread_only_of_own_records() -> None:
    asked: list[tuple[str, int]] = []

    async def runs_of(repository: str, number: int) -> list[int]:
        asked.append((repository, number))
        return [5, 7] if number == 2 else [5]

    assert await recorded_thread(a_run({"repository": "octo/shop", "number": 2}), runs_of) == ("octo/shop", 2)
    assert await recorded_thread(a_run({"repository": "octo/shop", "number": 3}), runs_of) is None
    assert await recorded_thread(a_run({"repository": "../x", "number": 2}), runs_of) is None
    assert asked == [("octo/shop", 2), ("octo/shop", 3)]
