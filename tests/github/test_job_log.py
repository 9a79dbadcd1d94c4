"""A job's log: GitHub names a store, and the store is read without showing it who asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.emulators.github import GitHubEmulator
from bot.errors import ErrorKind, UpstreamError
from bot.github.auth import TokenAuth
from bot.github.client import MAX_LOG_SIZE, GitHub
from bot.github.session import OpenSession
from bot.github.transport import Transport
from tests.github.scripted_server import Reply, Script, serve
from tests.harness.clock import Clock
from tests.harness.log_lines import logged

REPOSITORY = "octo/shop"
PATH = "/repos/octo/shop/actions/jobs/7/logs"
SIGNED = "/store/7?sig=the-signature"


@pytest.fixture
async def store() -> AsyncIterator[Script]:
    """Another server than GitHub's."""
    store = Script()
    server = await serve(store)
    store.on("GET", "/store/7", Reply(content=b"one\ntwo\n"))
    yield store
    await server.close()


def sent_on(script: Script, store: Script) -> None:
    script.on("GET", PATH, Reply(status=302, headers={"location": f"{store.url}{SIGNED}"}))


async def test_job_log_store_gets_no_token(script: Script, store: Script, github: GitHub) -> None:
    sent_on(script, store)
    assert await github.job_log(REPOSITORY, 7) == "one\ntwo\n"
    assert [request.authorization for request in (*script.requests, *store.requests)] == ["token ghp_secret", ""]
    assert store.requests[0].query == {"sig": "the-signature"}


async def test_job_log_store_at_githubs_address_gets_no_token(script: Script, github: GitHub) -> None:
    """As on GitHub Enterprise."""
    script.on("GET", PATH, Reply(status=302, headers={"location": SIGNED}))
    script.on("GET", "/store/7", Reply(content=b"one"))
    assert await github.job_log(REPOSITORY, 7) == "one"
    assert [request.authorization for request in script.requests] == ["token ghp_secret", ""]


@pytest.mark.parametrize("status", [404, 410])
async def test_job_log_missing_is_none(script: Script, store: Script, github: GitHub, status: int) -> None:
    script.on("GET", PATH, Reply({"message": "Gone"}, status=status))
    assert await github.job_log(REPOSITORY, 7) is None
    sent_on(script, store)
    store.on("GET", "/store/7", Reply(status=status))
    assert await github.job_log(REPOSITORY, 7) is None
    assert len(script.requests) == 2


async def test_job_log_of_renamed_repository_sends_token(script: Script, store: Script, github: GitHub) -> None:
    script.on("GET", PATH, Reply(status=301, headers={"location": f"{script.url}/repositories/1/logs"}))
    script.on("GET", "/repositories/1/logs", Reply(status=302, headers={"location": f"{store.url}{SIGNED}"}))
    assert await github.job_log(REPOSITORY, 7) == "one\ntwo\n"
    assert [request.authorization for request in script.requests] == ["token ghp_secret"] * 2


@pytest.mark.parametrize("status", [301, 307, 308])
async def test_job_log_redirect_elsewhere_gets_no_token(
    script: Script, store: Script, github: GitHub, status: int
) -> None:
    script.on("GET", PATH, Reply(status=status, headers={"location": f"{store.url}{SIGNED}"}))
    assert (await failure(github)).kind is ErrorKind.BAD_ANSWER
    assert store.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        Reply({"no": "log"}),
        Reply(status=302),
        Reply(status=302, headers={"location": "ftp://store/7"}),
        Reply(status=302, headers={"location": "http://[::1"}),
        Reply(status=301, headers={"location": PATH}),
    ],
    ids=["no redirect", "no address", "not http", "no address at all", "a circle"],
)
async def test_job_log_bad_redirect_is_an_error(script: Script, github: GitHub, answer: Reply) -> None:
    script.on("GET", PATH, answer)
    assert (await failure(github)).kind in {ErrorKind.BAD_ANSWER, ErrorKind.NETWORK, ErrorKind.INVALID}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Reply(status=503), ErrorKind.SERVER_FAULT),
        (Reply(status=403), ErrorKind.BAD_ANSWER),
        (Reply(status=429, headers={"retry-after": "1"}), ErrorKind.RATE_LIMITED),
        (Reply(drop=True), ErrorKind.NETWORK),
        (Reply(content=b"half", cut=True), ErrorKind.NETWORK),
    ],
    ids=["fault", "too late", "slow down", "dropped", "cut off"],
)
async def test_job_log_store_failure_hides_its_address(
    script: Script, store: Script, github: GitHub, answer: Reply, kind: ErrorKind
) -> None:
    sent_on(script, store)
    store.on("GET", "/store/7", answer)
    with logged("DEBUG") as stream:
        error = await failure(github)
    assert (error.kind, error.operation, error.may_have_happened) == (kind, "job_log", False)
    assert "github.retry" in stream.getvalue()
    assert "the-signature" not in stream.getvalue() + repr(error.args)


async def test_job_log_retry_requests_new_address(script: Script, store: Script, github: GitHub) -> None:
    """One holds for a minute only."""
    sent_on(script, store)
    store.on("GET", "/store/7", Reply(status=403), Reply(content=b"one"))
    assert await github.job_log(REPOSITORY, 7) == "one"
    assert (len(script.requests), len(store.requests)) == (2, 2)


async def test_job_log_refusal_is_reported(script: Script, github: GitHub) -> None:
    script.on("GET", PATH, Reply({"message": "Must have admin rights to Repository."}, status=403))
    error = await failure(github)
    assert (error.kind, error.status, error.detail) == (
        ErrorKind.FORBIDDEN,
        403,
        "Must have admin rights to Repository.",
    )
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"x" * 100, "x" * 100),
        (b"first\n" + b"x" * 98 + b"\nlast", "last"),
        (b"first " * 50 + b"last", "first " * 15 + "last"),
        (b"x" * 1000, ""),
        ("é".encode() * 60 + b"\n" + b"x" * 80, "x" * 80),
        (b"\xff" + b"x" * 9, "\ufffd" + "x" * 9),
        (b"", ""),
    ],
    ids=["fits", "lines", "words", "one word", "letters of two bytes", "no UTF-8", "nothing"],
)
async def test_download_end_of_large_text_is_its_end(
    store: Script, session: OpenSession, content: bytes, kept: str
) -> None:
    store.on("GET", "/store/7", Reply(content=content))
    assert await Transport(session).download_end("job_log", f"{store.url}{SIGNED}", limit=100) == kept


async def test_job_log_very_large_is_its_end(script: Script, store: Script, github: GitHub) -> None:
    sent_on(script, store)
    store.on("GET", "/store/7", Reply(content=b"a line\n" * (2 * MAX_LOG_SIZE // 5) + b"the end\n"))
    log = await github.job_log(REPOSITORY, 7)
    assert log is not None
    assert MAX_LOG_SIZE - 7 <= len(log) <= MAX_LOG_SIZE
    assert log.startswith("a line\n")
    assert log.endswith("the end\n")


async def test_job_log_cancelled(script: Script, store: Script, github: GitHub) -> None:
    sent_on(script, store)
    task = asyncio.create_task(github.job_log(REPOSITORY, 7))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_job_log_from_emulator(session: OpenSession, clock: Clock) -> None:
    async with GitHubEmulator() as emulator:
        sha = emulator.world.threads[1].head_sha
        log = "one\n##[error]two\n"
        emulator.world.add_check_run("test", sha, conclusion="failure", app="github-actions", log=log)
        github = GitHub(session, TokenAuth("bot-token"), base_url=emulator.url, sleep=clock.sleep)
        (check,) = await github.check_runs(REPOSITORY, sha)
        assert check.app == "github-actions"
        assert await github.job_log(REPOSITORY, check.id) == "one\n##[error]two\n"
        assert await github.job_log(REPOSITORY, 7) is None


async def test_job_log_set_by_emulator_control(session: OpenSession, clock: Clock) -> None:
    async with GitHubEmulator() as emulator, aiohttp.ClientSession() as control_session:
        github = GitHub(session, TokenAuth("bot-token"), base_url=emulator.url, sleep=clock.sleep)
        given = {"name": "test", "conclusion": "failure", "app": "github-actions", "log": "one"}
        control = f"{emulator.url}/_emulator/check-runs"
        async with control_session.post(control, json=given) as answer:
            number = (await answer.json())["id"]
        assert await github.job_log(REPOSITORY, number) == "one"
        async with control_session.post(f"{control}/{number}/log", json={"log": "two"}) as answer:
            assert answer.status == 204
        assert await github.job_log(REPOSITORY, number) == "two"


async def test_check_runs_title_and_summary(script: Script, github: GitHub) -> None:
    check = {"id": 1, "name": "lint", "status": "completed", "conclusion": "failure"}
    outputs = [{"title": "2 errors", "summary": "In `a.py`."}, {"title": None, "summary": None}, None]
    checks = [{**check, "output": output} for output in outputs]
    script.on("GET", "/repos/octo/shop/commits/main/check-runs", Reply({"check_runs": checks}))
    read = await github.check_runs(REPOSITORY, "main")
    assert [(each.title, each.summary) for each in read] == [("2 errors", "In `a.py`."), ("", ""), ("", "")]


async def failure(github: GitHub) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await github.job_log(REPOSITORY, 7)
    assert "ghp_secret" not in repr(caught.value.args)
    assert caught.value.__cause__ is None
    return caught.value
