"""What can go wrong between the bot and GitHub, and what the bot makes of it."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aioresponses import aioresponses

from bot.errors import ErrorKind, UpstreamError
from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from bot.github.models import CommentKind, Reaction
from bot.github.session import NetworkSession, OpenSession
from bot.github.transport import MAX_RENAMES, is_same_host
from bot.upstream import RETRY_DELAYS
from tests.github.scripted_server import NOW, Reply, Script
from tests.harness.clock import Clock

REPOSITORY = "octo/shop"
BRANCH = Reply({"default_branch": "main"})
COMMENT = Reply(
    {"id": 1, "body": "hi", "html_url": "u", "user": None, "created_at": "2027-01-15T08:00:00Z"}, status=201
)
READ_PATH = "/repos/octo/shop"
WRITE_PATH = "/repos/octo/shop/issues/1/comments"
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."

Call = Callable[[], Awaitable[object]]


@pytest.fixture
def read(github: GitHub) -> Call:
    return lambda: github.default_branch(REPOSITORY)


@pytest.fixture
def write(github: GitHub) -> Call:
    return lambda: github.comment(REPOSITORY, 1, "hi")


async def failure(call: Call) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await call()
    assert "ghp_secret" not in repr(caught.value.args)
    copied = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - what the engine does with it
    assert copied.args == caught.value.args
    return caught.value


REFUSALS = [
    (400, ErrorKind.INVALID),
    (401, ErrorKind.UNAUTHORIZED),
    (403, ErrorKind.FORBIDDEN),
    (404, ErrorKind.NOT_FOUND),
    (409, ErrorKind.INVALID),
    (410, ErrorKind.NOT_FOUND),
    (422, ErrorKind.INVALID),
    (451, ErrorKind.FORBIDDEN),
]


@pytest.mark.parametrize(("status", "kind"), REFUSALS)
async def test_refusal_is_reported_without_retry(
    script: Script, read: Call, write: Call, status: int, kind: ErrorKind
) -> None:
    refusal = Reply({"message": "Not like this,\n  ghp_secret"}, status=status)
    script.on("GET", READ_PATH, refusal)
    script.on("POST", WRITE_PATH, refusal)
    for call, operation in ((read, "default_branch"), (write, "comment")):
        error = await failure(call)
        assert (error.kind, error.status, error.operation) == (kind, status, operation)
        assert error.detail == "Not like this, ***"
        assert error.retry_after is None
        assert not error.may_have_happened
    assert len(script.requests) == 2


async def test_write_refuses_redirect_that_loses_method(script: Script, write: Call) -> None:
    script.on("POST", WRITE_PATH, Reply(status=301, headers={"location": READ_PATH}))
    script.on("GET", READ_PATH, BRANCH)
    assert (await failure(write)).kind is ErrorKind.INVALID
    assert script.asked() == [f"POST {WRITE_PATH}"]


@pytest.mark.parametrize("status", [307, 308])
async def test_write_follows_redirect_on_same_host(script: Script, write: Call, status: int) -> None:
    script.on("POST", WRITE_PATH, Reply(status=status, headers={"location": f"{script.url}/repositories/1/comments"}))
    script.on("POST", "/repositories/1/comments", COMMENT)
    await write()
    first, second = script.requests
    assert (second.method, second.path) == ("POST", "/repositories/1/comments")
    assert (second.body, second.authorization) == (first.body, first.authorization)
    assert second.body == {"body": "hi"}


async def test_write_follows_no_redirect_elsewhere(script: Script, write: Call) -> None:
    elsewhere = script.url.replace("127.0.0.1", "localhost")
    assert elsewhere != script.url
    script.on("POST", WRITE_PATH, Reply(status=307, headers={"location": elsewhere + "/repositories/1/comments"}))
    script.on("POST", "/repositories/1/comments", COMMENT)
    await failure(write)
    assert script.asked() == [f"POST {WRITE_PATH}"]


async def test_write_ends_a_circle_of_redirects(script: Script, write: Call) -> None:
    script.on("POST", WRITE_PATH, Reply(status=307, headers={"location": WRITE_PATH}))
    assert not (await failure(write)).may_have_happened
    assert len(script.requests) == 1 + MAX_RENAMES


@pytest.mark.parametrize(
    ("address", "target", "expected"),
    [
        ("http://ghe.example/a", "https://ghe.example/b", True),
        ("http://ghe.example:8080/a", "https://ghe.example:8080/b", True),
        ("https://ghe.example/a", "https://ghe.example/b", True),
        ("https://ghe.example/a", "http://ghe.example/b", False),
        ("http://ghe.example/a", "https://ghe.example:8443/b", False),
        ("http://ghe.example/a", "https://other.example/b", False),
        ("https://ghe.example/a", "https://ghe.example@other.example/b", False),
        ("https://ghe.example/a", "https://ghe.example:8443/b", False),
    ],
)
def test_same_host_allows_https_upgrade_only(address: str, target: str, *, expected: bool) -> None:
    assert is_same_host(address, target) is expected


async def test_read_of_renamed_repository_follows_redirect(script: Script, read: Call) -> None:
    script.on("GET", READ_PATH, Reply(status=301, headers={"location": "/repositories/1"}))
    script.on("GET", "/repositories/1", BRANCH)
    assert await read() == "main"


async def test_validation_failure_names_fields(script: Script, write: Call) -> None:
    body = {
        "message": "Validation Failed",
        "errors": [{"resource": "IssueComment", "code": "missing", "field": "body"}],
    }
    script.on("POST", WRITE_PATH, Reply(body, status=422))
    assert (await failure(write)).detail == "Validation Failed for 'body'"


LIMITS = [
    (403, {"retry-after": "7"}, SECONDARY, 7.0),
    (403, {}, SECONDARY, 60.0),
    (403, {"x-ratelimit-remaining": "4000", "x-ratelimit-reset": str(int(NOW) + 3000)}, SECONDARY, 60.0),
    (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 40)}, "API rate limit exceeded", 40.0),
    (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) - 40)}, "API rate limit exceeded", 1.0),
    (403, {}, "You have triggered an abuse detection mechanism.", 60.0),
    (429, {}, "Slow down", 60.0),
    (429, {"retry-after": "0"}, "Slow down", 0.0),
    (429, {"retry-after": "soon"}, "Slow down", 60.0),
    (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 9)}, "Slow down", 9.0),
]


@pytest.mark.parametrize(("status", "headers", "message", "wait"), LIMITS)
async def test_rate_limited_read_waits_and_retries(
    script: Script, clock: Clock, read: Call, status: int, headers: dict[str, str], message: str, wait: float
) -> None:
    script.on("GET", READ_PATH, Reply({"message": message}, status=status, headers=headers), BRANCH)
    assert await read() == "main"
    assert clock.now - NOW == wait


@pytest.mark.parametrize(("status", "headers", "message", "wait"), LIMITS)
async def test_rate_limited_write_waits_and_retries(
    script: Script, clock: Clock, write: Call, status: int, headers: dict[str, str], message: str, wait: float
) -> None:
    script.on("POST", WRITE_PATH, Reply({"message": message}, status=status, headers=headers), COMMENT)
    await write()
    assert clock.now - NOW == wait
    assert script.asked() == [f"POST {WRITE_PATH}"] * 2


async def test_rate_limit_that_persists_is_reported(script: Script, clock: Clock, read: Call) -> None:
    script.on("GET", READ_PATH, Reply({"message": SECONDARY}, status=403, headers={"retry-after": "3"}))
    error = await failure(read)
    assert (error.kind, error.status, error.retry_after) == (ErrorKind.RATE_LIMITED, 403, 3.0)
    assert error.detail == SECONDARY
    assert clock.slept == [3.0] * len(RETRY_DELAYS)


async def test_long_rate_limit_is_reported_and_blocks_requests(
    script: Script, clock: Clock, read: Call, write: Call
) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 1800)}
    script.on("GET", READ_PATH, Reply({"message": "API rate limit exceeded"}, status=403, headers=headers), BRANCH)
    assert (await failure(read)).retry_after == 1800.0
    clock.now += 300
    for call in (read, write):
        error = await failure(call)
        assert (error.kind, error.status, error.retry_after) == (ErrorKind.RATE_LIMITED, None, 1500.0)
    assert (clock.slept, len(script.requests)) == ([], 1)
    clock.now += 1500
    assert await read() == "main"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
async def test_server_fault_is_retried_for_reads_only(
    script: Script, clock: Clock, read: Call, write: Call, status: int
) -> None:
    """520 is no status that Python knows; a proxy's page is no JSON."""
    fault = Reply(status=status, content=b"<html>Unicorn!</html>", headers={"content-type": "text/html"})
    script.on("GET", READ_PATH, fault, fault, BRANCH)
    assert await read() == "main"
    assert clock.slept == [*RETRY_DELAYS[:2]]
    script.on("POST", WRITE_PATH, fault)
    error = await failure(write)
    assert (error.kind, error.status, error.may_have_happened) == (ErrorKind.SERVER_FAULT, status, True)
    assert script.asked().count(f"POST {WRITE_PATH}") == 1


async def test_server_fault_that_persists_is_reported(script: Script, clock: Clock, read: Call) -> None:
    script.on("GET", READ_PATH, Reply({"message": "Server Error"}, status=500))
    error = await failure(read)
    assert (error.kind, error.detail, error.may_have_happened) == (ErrorKind.SERVER_FAULT, "Server Error", False)
    assert clock.slept == [*RETRY_DELAYS]


async def test_server_fault_honours_retry_after(script: Script, clock: Clock, read: Call) -> None:
    script.on("GET", READ_PATH, Reply(status=503, headers={"retry-after": "4"}), BRANCH)
    assert await read() == "main"
    assert clock.slept == [4.0]


@pytest.mark.parametrize("lost", [Reply(drop=True), Reply({"default_branch": "main"}, cut=True)])
async def test_lost_response_of_write_may_have_happened(script: Script, read: Call, write: Call, lost: Reply) -> None:
    """aiohttp itself asks once more after a drop on a kept connection, and only for reads."""
    script.on("GET", READ_PATH, lost, lost, BRANCH)
    assert await read() == "main"
    script.on("POST", WRITE_PATH, lost)
    error = await failure(write)
    assert (error.kind, error.status, error.may_have_happened) == (ErrorKind.NETWORK, None, True)
    assert script.asked().count(f"POST {WRITE_PATH}") == 1


REPEATABLE: dict[str, tuple[str, Callable[[GitHub], Awaitable[object]]]] = {
    "react": (
        f"POST {READ_PATH}/issues/comments/7/reactions",
        lambda github: github.react(REPOSITORY, kind=CommentKind.ISSUE_COMMENT, comment_id=7, content=Reaction.ROCKET),
    ),
    "add_labels": (
        f"POST {READ_PATH}/issues/1/labels",
        lambda github: github.add_labels(REPOSITORY, 1, ["codegen:run"]),
    ),
    "remove_label": (
        f"DELETE {READ_PATH}/issues/1/labels/codegen:run",
        lambda github: github.remove_label(REPOSITORY, 1, "codegen:run"),
    ),
}


@pytest.mark.parametrize("operation", REPEATABLE)
@pytest.mark.parametrize("lost", [Reply(drop=True), Reply(status=502), Reply(content=b'[{"na')])
async def test_repeatable_write_is_retried(script: Script, github: GitHub, operation: str, lost: Reply) -> None:
    asked, call = REPEATABLE[operation]
    method, path = asked.split()
    script.on(method, path, lost, Reply([]))
    await call(github)
    assert script.asked().count(asked) == 2


UNREADABLE = [
    Reply(content=b'{"default_bra'),
    Reply(content=b"<html>", headers={"content-type": "text/html"}),
    Reply(content=b"\xff", headers={"content-type": "application/json"}),
    Reply({"no": "branch"}),
    Reply(["a list"]),
    Reply(content=b""),
    # Statuses that nobody has heard of: whoever stands in between may have made them up.
    Reply({"default_branch": "main"}, status=299),
    Reply({"message": "I'm a teapot"}, status=418),
]


@pytest.mark.parametrize("answer", UNREADABLE)
async def test_unreadable_response_is_retried_for_reads_only(
    script: Script, read: Call, write: Call, answer: Reply
) -> None:
    script.on("GET", READ_PATH, answer, BRANCH)
    assert await read() == "main"
    script.on("POST", WRITE_PATH, answer)
    error = await failure(write)
    assert (error.kind, error.may_have_happened) == (ErrorKind.BAD_ANSWER, True)
    assert script.asked().count(f"POST {WRITE_PATH}") == 1


async def test_refused_connection_has_not_happened(session: OpenSession, clock: Clock, unused_tcp_port: int) -> None:
    """So it is tried again, and when that does not help it may simply be sent later."""
    github = GitHub(
        session,
        TokenAuth("ghp_secret"),
        base_url=f"http://127.0.0.1:{unused_tcp_port}",
        sleep=clock.sleep,
        new_budget=lambda: ContentBudget(clock=clock, sleep=clock.sleep),
    )
    error = await failure(lambda: github.comment(REPOSITORY, 1, "hi"))
    assert (error.kind, error.status, error.may_have_happened) == (ErrorKind.NETWORK, None, False)
    assert clock.slept == [*RETRY_DELAYS]


@pytest.mark.parametrize(
    ("fault", "may_have_happened"),
    [
        (aiohttp.ConnectionTimeoutError("no connection"), False),
        (aiohttp.SocketTimeoutError("no answer"), True),
        (TimeoutError(), True),
        (aiohttp.ClientOSError(104, "reset by peer"), True),
        (aiohttp.ServerDisconnectedError(), True),
    ],
)
async def test_network_error_of_write_may_have_happened(
    clock: Clock, fault: Exception, *, may_have_happened: bool
) -> None:
    """Played on the wire's edge: no server can be made to produce them in no time."""
    async with NetworkSession() as session:
        github = GitHub(
            session,
            TokenAuth("ghp_secret"),
            base_url="http://github.test",
            sleep=clock.sleep,
            new_budget=lambda: ContentBudget(min_gap=0, clock=clock, sleep=clock.sleep),
        )
        with aioresponses() as wire:
            wire.patch("http://github.test/repos/octo/shop/issues/comments/1", exception=fault, repeat=True)
            error = await failure(lambda: github.edit_comment(REPOSITORY, 1, "hi"))
    assert (error.kind, error.may_have_happened) == (ErrorKind.NETWORK, may_have_happened)
    assert len(clock.slept) == (0 if may_have_happened else len(RETRY_DELAYS))


async def test_cancelled_call_is_cancelled_between_retries(script: Script, clock: Clock, session: OpenSession) -> None:
    """Neither while an answer is awaited nor between two tries."""
    asleep = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    script.on("GET", READ_PATH, Reply(status=500))
    github = GitHub(session, TokenAuth("ghp_secret"), base_url=script.url, sleep=sleep)
    task = asyncio.create_task(github.default_branch(REPOSITORY))
    await asleep.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(script.requests) == 1
