"""What can go wrong between the bot and GitHub, and what the bot makes of it."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aioresponses import aioresponses

from bot.errors import RETRY_DELAYS, ErrorKind, UpstreamError
from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from bot.github.models import CommentKind, Reaction
from tests.github.answering import NOW, Clock, Reply, Script

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
async def test_a_refusal_is_reported_once_in_githubs_words(
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


async def test_a_write_to_a_repository_that_moved_is_not_turned_into_a_read(script: Script, write: Call) -> None:
    script.on("POST", WRITE_PATH, Reply(status=301, headers={"location": READ_PATH}))
    script.on("GET", READ_PATH, BRANCH)
    assert (await failure(write)).kind is ErrorKind.INVALID
    assert script.asked() == [f"POST {WRITE_PATH}"]


async def test_a_read_follows_a_repository_that_moved(script: Script, read: Call) -> None:
    script.on("GET", READ_PATH, Reply(status=301, headers={"location": "/repositories/1"}))
    script.on("GET", "/repositories/1", BRANCH)
    assert await read() == "main"


async def test_the_fields_of_a_validation_failure_are_named(script: Script, write: Call) -> None:
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
async def test_a_limit_is_waited_out_by_a_read(
    script: Script, clock: Clock, read: Call, status: int, headers: dict[str, str], message: str, wait: float
) -> None:
    script.on("GET", READ_PATH, Reply({"message": message}, status=status, headers=headers), BRANCH)
    assert await read() == "main"
    assert clock.now - NOW == wait


@pytest.mark.parametrize(("status", "headers", "message", "wait"), LIMITS)
async def test_a_limited_write_was_surely_not_done_and_is_sent_again(
    script: Script, clock: Clock, write: Call, status: int, headers: dict[str, str], message: str, wait: float
) -> None:
    script.on("POST", WRITE_PATH, Reply({"message": message}, status=status, headers=headers), COMMENT)
    await write()
    assert clock.now - NOW == wait
    assert script.asked() == [f"POST {WRITE_PATH}"] * 2


async def test_a_limit_that_does_not_pass_is_told_in_the_end(script: Script, clock: Clock, read: Call) -> None:
    script.on("GET", READ_PATH, Reply({"message": SECONDARY}, status=403, headers={"retry-after": "3"}))
    error = await failure(read)
    assert (error.kind, error.status, error.retry_after) == (ErrorKind.RATE_LIMITED, 403, 3.0)
    assert error.detail == SECONDARY
    assert clock.slept == [3.0] * len(RETRY_DELAYS)


async def test_a_long_limit_is_the_callers_to_wait_for_and_nobody_asks_meanwhile(
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
async def test_a_server_fault_is_retried_for_reads_only(
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


async def test_a_server_fault_that_stays_is_reported(script: Script, clock: Clock, read: Call) -> None:
    script.on("GET", READ_PATH, Reply({"message": "Server Error"}, status=500))
    error = await failure(read)
    assert (error.kind, error.detail, error.may_have_happened) == (ErrorKind.SERVER_FAULT, "Server Error", False)
    assert clock.slept == [*RETRY_DELAYS]


async def test_a_server_that_says_when_to_come_back_is_believed(script: Script, clock: Clock, read: Call) -> None:
    script.on("GET", READ_PATH, Reply(status=503, headers={"retry-after": "4"}), BRANCH)
    assert await read() == "main"
    assert clock.slept == [4.0]


@pytest.mark.parametrize("lost", [Reply(drop=True), Reply({"default_branch": "main"}, cut=True)])
async def test_a_lost_answer_leaves_a_writes_fate_open(script: Script, read: Call, write: Call, lost: Reply) -> None:
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
async def test_a_write_that_does_no_more_when_done_twice_is_tried_again(
    script: Script, github: GitHub, operation: str, lost: Reply
) -> None:
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
async def test_an_unreadable_answer_is_asked_for_again_but_not_written_again(
    script: Script, read: Call, write: Call, answer: Reply
) -> None:
    script.on("GET", READ_PATH, answer, BRANCH)
    assert await read() == "main"
    script.on("POST", WRITE_PATH, answer)
    error = await failure(write)
    assert (error.kind, error.may_have_happened) == (ErrorKind.BAD_ANSWER, True)
    assert script.asked().count(f"POST {WRITE_PATH}") == 1


async def test_a_refused_connection_was_surely_no_write(
    session: aiohttp.ClientSession, clock: Clock, unused_tcp_port: int
) -> None:
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
async def test_timeouts_and_resets(
    session: aiohttp.ClientSession, clock: Clock, fault: Exception, *, may_have_happened: bool
) -> None:
    """Played on the wire's edge: no server can be made to produce them in no time."""
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


async def test_cancelling_a_call_is_never_swallowed(
    script: Script, clock: Clock, session: aiohttp.ClientSession
) -> None:
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
