"""Every request of the client is one that GitHub's published description knows: address, query and body."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest

from bot.emulator.control import PREFIX
from bot.emulator.github import GitHubEmulator
from bot.emulator.github.code import add_check_run
from bot.emulator.github.world import BOT_LOGIN
from bot.github.auth import AppAuth, Auth, TokenAuth
from bot.github.client import GitHub
from bot.github.hooks import DeliveryLog, Hooks
from bot.github.limits import ContentBudget
from bot.github.models import CommentKind, Label, Reaction
from tests.emulator.github import description
from tests.github.answering import Clock

pytestmark = pytest.mark.skipif(not description.PATH.exists(), reason="GitHub's description is not at hand")

SHOP = "octo/shop"
LABEL = Label("area/shop", "5319e7", "Starts an agent")


@dataclass
class Sent:
    """One request as it went out; `path` with its percent signs."""

    method: str
    path: str
    query: list[tuple[str, str]]
    body: bytes = b""


@dataclass
class Wire:
    """What goes over a session, in the order of the requests."""

    requests: list[Sent] = field(default_factory=list)

    def trace(self) -> aiohttp.TraceConfig:
        async def starts(
            _: aiohttp.ClientSession, context: SimpleNamespace, request: aiohttp.TraceRequestStartParams
        ) -> None:
            context.sent = Sent(request.method, request.url.raw_path, parse_qsl(request.url.raw_query_string))
            self.requests.append(context.sent)

        async def sends(
            _: aiohttp.ClientSession, context: SimpleNamespace, chunk: aiohttp.TraceRequestChunkSentParams
        ) -> None:
            context.sent.body += chunk.chunk

        trace = aiohttp.TraceConfig(SimpleNamespace)
        trace.on_request_start.append(starts)
        trace.on_request_chunk_sent.append(sends)
        return trace


@pytest.fixture
async def emulator() -> AsyncIterator[GitHubEmulator]:
    async with GitHubEmulator() as emulator:
        yield emulator


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def traced(wire: Wire) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(trace_configs=[wire.trace()]) as session:
        yield session


def _github(emulator: GitHubEmulator, traced: aiohttp.ClientSession, clock: Clock, auth: Auth) -> GitHub:
    def budget() -> ContentBudget:
        return ContentBudget(clock=clock, sleep=clock.sleep)

    return GitHub(traced, auth, base_url=emulator.url, sleep=clock.sleep, new_budget=budget)


def wrong(sent: Sent) -> list[str]:
    """What GitHub's description has against a request."""
    found = description.operation(sent.method, sent.path)
    if found is None:
        return [f"there is no {sent.method} {sent.path}"]
    template, operation, values = found
    parameters = [description.resolved(each) for each in operation.get("parameters", [])]
    known = {(each["in"], each["name"]): each["schema"] for each in parameters}
    given = [("path", *item) for item in values.items()] + [("query", *item) for item in sent.query]
    errors = []
    for where, name, text in given:
        schema = known.get((where, name))
        if schema is None:
            errors.append(f"{template} has no {name} in its {where}")
        else:
            value = int(text) if schema.get("type") == "integer" and text.isdecimal() else text
            errors += description.errors(schema, value)
    return errors + _wrong_body(template, operation, sent.body)


def _wrong_body(template: str, operation: dict[str, Any], raw: bytes) -> list[str]:
    described = operation.get("requestBody")
    if described is None:
        return [f"{template} takes no body"] if raw else []
    if not raw:
        return [f"{template} needs a body"] if described.get("required") else []
    schema, body = described["content"]["application/json"]["schema"], json.loads(raw)
    properties = set().union(*(each.get("properties", {}) for each in schema.get("oneOf", [schema])))
    return description.errors(schema, body) + [f"{template} has no {name}" for name in set(body) - properties]


# One request for each method

Ask = Callable[[GitHub, int, int], Awaitable[Any]]
"""Takes the client, an issue comment's number, and a review comment's."""


async def _read_all(pages: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in pages]


async def _job_log(github: GitHub) -> str | None:
    """Of the one check that there is; the client is then sent on to a store, which is none of GitHub's API."""
    (check,) = await github.check_runs(SHOP, "fix-checkout")
    return await github.job_log(SHOP, check.id)


async def _react(github: GitHub, comment: int, remark: int, *, off: bool) -> None:
    act = github.unreact if off else github.react
    await act(SHOP, kind=CommentKind.ISSUE_COMMENT, comment_id=comment, content=Reaction.EYES)
    await act(SHOP, kind=CommentKind.REVIEW_COMMENT, comment_id=remark, content=Reaction.EYES)


ASKS: dict[str, Ask] = {
    "me": lambda github, *_: github.me(),
    "permission": lambda github, *_: github.permission(SHOP, "codegen-bot[bot]"),
    "comment": lambda github, *_: github.comment(SHOP, 1, "Hello"),
    "edit_comment": lambda github, comment, _: github.edit_comment(SHOP, comment, "Hello again"),
    "delete_comment": lambda github, comment, _: github.delete_comment(SHOP, comment),
    "get_comment": lambda github, comment, _: github.get_comment(SHOP, comment),
    "comments": lambda github, *_: _read_all(github.comments(SHOP, 1, since=datetime(2026, 1, 1, tzinfo=UTC))),
    "react": lambda github, comment, remark: _react(github, comment, remark, off=False),
    "reacted": lambda github, comment, _: github.reacted(SHOP, comment, Reaction.PLUS_ONE),
    "unreact": lambda github, comment, remark: _react(github, comment, remark, off=True),
    "thread": lambda github, *_: github.thread(SHOP, 1),
    "threads_labelled": lambda github, *_: github.threads_labelled(SHOP, "codegen:starred"),
    "labels": lambda github, *_: github.labels(SHOP, 1),
    "repository_labels": lambda github, *_: github.repository_labels(SHOP),
    "add_labels": lambda github, *_: github.add_labels(SHOP, 1, ["area/shop", "bug"]),
    "remove_label": lambda github, *_: github.remove_label(SHOP, 1, "area/shop"),
    "create_label": lambda github, *_: github.create_label(SHOP, LABEL),
    "pull_request": lambda github, *_: github.pull_request(SHOP, 1),
    "own_permission": lambda github, *_: github.own_permission(SHOP),
    "default_branch": lambda github, *_: github.default_branch(SHOP),
    "file": lambda github, *_: github.file(SHOP, "app/checkout.py", ref="main"),
    "check_runs": lambda github, *_: github.check_runs(SHOP, "fix-checkout"),
    "job_log": lambda github, *_: _job_log(github),
}


def test_there_is_a_request_for_every_method() -> None:
    methods = {name for name, _ in inspect.getmembers(GitHub, inspect.isfunction) if not name.startswith("_")}
    assert set(ASKS) == methods


@pytest.mark.parametrize("method", ASKS)
async def test_a_request_is_as_described(
    emulator: GitHubEmulator, traced: aiohttp.ClientSession, clock: Clock, wire: Wire, method: str
) -> None:
    comment, remark = emulator.comment("carol", 1, "Is this right?"), emulator.review_comment("bob", 1, "Why?")
    add_check_run(emulator.world, "test", emulator.world.threads[1].head_sha, conclusion="failure")
    github = _github(emulator, traced, clock, TokenAuth("bot-token"))
    await ASKS[method](github, comment.id, remark.id)
    requests = [sent for sent in wire.requests if not sent.path.startswith(PREFIX)]
    assert requests
    assert [wrong(sent) for sent in requests] == [[]] * len(requests)


SHOP_LOG, APP_LOG = DeliveryLog(SHOP, 1), DeliveryLog()


async def _redeliver(github: GitHub, log: DeliveryLog) -> None:
    failed = await _read_all(github.hooks.deliveries(log, status="failure"))
    await github.hooks.redeliver(log, failed[0].id)


HOOK_ASKS: dict[str, Callable[[GitHub], Awaitable[Any]]] = {
    "of_repository": lambda github: github.hooks.of_repository(SHOP),
    "app": lambda github: github.hooks.app(),
    "installations": lambda github: github.hooks.installations(),
    "deliveries": lambda github: _read_all(github.hooks.deliveries(SHOP_LOG)),
    "deliveries of the App": lambda github: _read_all(github.hooks.deliveries(APP_LOG, status="success")),
    "redeliver": lambda github: _redeliver(github, SHOP_LOG),
    "redeliver for the App": lambda github: _redeliver(github, APP_LOG),
    "comments_since": lambda github: _read_all(github.hooks.comments_since(SHOP, datetime(2026, 1, 1, tzinfo=UTC))),
}


def test_there_is_a_request_about_hooks_for_every_method() -> None:
    """The App's settings are not in the part of the description that is at hand."""
    methods = {name for name, _ in inspect.getmembers(Hooks, inspect.isfunction) if not name.startswith("_")}
    assert {name.partition(" ")[0] for name in HOOK_ASKS} == methods - {"of_app"}


@pytest.mark.parametrize("ask", HOOK_ASKS)
async def test_a_request_about_hooks_is_as_described(
    emulator: GitHubEmulator, traced: aiohttp.ClientSession, clock: Clock, wire: Wire, private_key: str, ask: str
) -> None:
    emulator.add_bot(BOT_LOGIN, "admin")
    emulator.webhooks.url = "http://127.0.0.1:9/webhooks/github"
    emulator.comment("carol", 1, "Nobody is there to hear it")
    await emulator.idle()
    is_apps = ask.endswith("App") or ask in {"app", "installations"}
    auth: Auth = AppAuth("1", private_key) if is_apps else TokenAuth("bot-token")
    await HOOK_ASKS[ask](_github(emulator, traced, clock, auth))
    assert wire.requests
    assert [wrong(sent) for sent in wire.requests] == [[]] * len(wire.requests)


async def test_making_a_label_that_there_is_reads_it(
    emulator: GitHubEmulator, traced: aiohttp.ClientSession, clock: Clock, wire: Wire
) -> None:
    github = _github(emulator, traced, clock, TokenAuth("bot-token"))
    for _ in range(2):
        assert await github.create_label(SHOP, LABEL) == LABEL
    assert [sent.method for sent in wire.requests] == ["POST", "POST", "GET"]
    assert [wrong(sent) for sent in wire.requests] == [[]] * 3


async def test_every_page_is_asked_for_as_described(
    emulator: GitHubEmulator, traced: aiohttp.ClientSession, clock: Clock, wire: Wire
) -> None:
    for number in range(101):
        emulator.world.write("carol", 1, f"Number {number}")
    github = _github(emulator, traced, clock, TokenAuth("bot-token"))
    assert len(await _read_all(github.comments(SHOP, 1))) == 101
    assert [dict(sent.query).get("page") for sent in wire.requests] == [None, "2"]
    assert [wrong(sent) for sent in wire.requests] == [[]] * 2


async def test_the_apps_requests_are_as_described(
    emulator: GitHubEmulator, traced: aiohttp.ClientSession, clock: Clock, wire: Wire, private_key: str
) -> None:
    github = _github(emulator, traced, clock, AppAuth("1", private_key))
    assert (await github.me()).login == "codegen-bot[bot]"
    assert await github.default_branch(SHOP) == "main"
    assert [f"{sent.method} {sent.path}" for sent in wire.requests] == [
        "GET /app",
        "GET /repos/octo/shop/installation",
        "POST /app/installations/1/access_tokens",
        "GET /repos/octo/shop",
    ]
    assert [wrong(sent) for sent in wire.requests] == [[]] * 4


WRONG = [
    Sent("GET", "/repos/octo/shop/nothing", []),
    Sent("GET", "/repos/octo/shop/pulls/one", []),
    Sent("GET", "/repos/octo/shop/issues/1/comments", [("pages", "2")]),
    Sent("GET", "/repos/octo/shop/issues/1/comments", [("since", "yesterday")]),
    Sent("POST", "/repos/octo/shop/issues/1/comments", []),
    Sent("POST", "/repos/octo/shop/issues/1/comments", [], b'{"text": "Hello"}'),
    Sent("POST", "/repos/octo/shop/issues/1/comments", [], b'{"body": "Hello", "draft": true}'),
    Sent("POST", "/repos/octo/shop/issues/1/reactions", [], b'{"content": "wow"}'),
    Sent("DELETE", "/repos/octo/shop/issues/comments/1", [], b"{}"),
]


@pytest.mark.parametrize("sent", WRONG)
def test_the_judge_is_able_to_say_no(sent: Sent) -> None:
    assert wrong(sent)
