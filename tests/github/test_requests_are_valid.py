"""Every request of the client is one that GitHub's published description knows: address, query and body."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from githubkit_schemas.latest.models import (
    ReposOwnerRepoPullsCommentsCommentIdPatchBody,
    ReposOwnerRepoPullsPostBody,
    ReposOwnerRepoPullsPullNumberPatchBody,
    ReposOwnerRepoPullsPullNumberReviewsPostBody,
    ReposOwnerRepoPullsPullNumberReviewsReviewIdPutBody,
)
from pydantic import BaseModel

from bot.emulators.control import PREFIX
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import BOT_LOGIN
from bot.github.auth import AppAuth, Auth, TokenAuth
from bot.github.client import GitHub
from bot.github.hooks import Hooks
from bot.github.limits import ContentBudget
from bot.github.session import NetworkSession
from tests.emulators.github import description
from tests.github.calls import CALLS, HOOK_CALLS, LABEL, SHOP, read_all
from tests.harness.clock import Clock

pytestmark = pytest.mark.skipif(not description.PATH.exists(), reason="GitHub's description is not at hand")


class _Nothing(BaseModel):
    """No body."""


class _GraphQL(BaseModel):
    """https://docs.github.com/en/graphql/guides/forming-calls-with-graphql"""

    query: str
    variables: dict[str, str]


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
async def traced(wire: Wire) -> AsyncIterator[NetworkSession]:
    async with NetworkSession(traces=[wire.trace()]) as session:
        yield session


def _github(emulator: GitHubEmulator, traced: NetworkSession, clock: Clock, auth: Auth) -> GitHub:
    def budget() -> ContentBudget:
        return ContentBudget(clock=clock, sleep=clock.sleep)

    return GitHub(traced, auth, base_url=emulator.url, sleep=clock.sleep, new_budget=budget)


NOT_DESCRIBED: dict[str, type[BaseModel]] = {
    "GET /user/repos": _Nothing,
    "DELETE /repos/octo/shop/git/refs/heads/codegen-bot/not-there-1": _Nothing,
    "POST /repos/octo/shop/pulls": ReposOwnerRepoPullsPostBody,
    "PATCH /repos/octo/shop/pulls/1": ReposOwnerRepoPullsPullNumberPatchBody,
    "POST /repos/octo/shop/pulls/1/reviews": ReposOwnerRepoPullsPullNumberReviewsPostBody,
    "PUT /repos/octo/shop/pulls/1/reviews/ID": ReposOwnerRepoPullsPullNumberReviewsReviewIdPutBody,
    "PATCH /repos/octo/shop/pulls/comments/ID": ReposOwnerRepoPullsCommentsCommentIdPatchBody,
    "POST /graphql": _GraphQL,
}
"""Requests that are missing in the available part of the description; githubkit's models verify their bodies."""


def wrong(sent: Sent) -> list[str]:
    """What GitHub's description has against a request."""
    body = NOT_DESCRIBED.get(re.sub(r"/\d{4,}$", "/ID", f"{sent.method} {sent.path}"))
    if body is not None:
        body.model_validate_json(sent.body or "{}")
        return [name for name, _ in sent.query if name != "per_page"]
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


WITHOUT_REQUEST = {"yielding", "git_token"}
"""Methods that make no request of their own: what yields to others' answers is another client."""


def test_every_method_of_client_is_judged() -> None:
    methods = {name for name, _ in inspect.getmembers(GitHub, inspect.isfunction) if not name.startswith("_")}
    assert set(CALLS) == methods - WITHOUT_REQUEST


@pytest.mark.parametrize("method", CALLS)
async def test_request_matches_description(
    emulator: GitHubEmulator, traced: NetworkSession, clock: Clock, wire: Wire, method: str
) -> None:
    comment, remark = emulator.comment("carol", 1, "Is this right?"), emulator.review_comment("bob", 1, "Why?")
    emulator.world.add_check_run("test", emulator.world.threads[1].head_sha, conclusion="failure")
    github = _github(emulator, traced, clock, TokenAuth("bot-token"))
    await CALLS[method](github, comment.id, remark.id)
    requests = [sent for sent in wire.requests if not sent.path.startswith(PREFIX)]
    assert requests
    assert [wrong(sent) for sent in requests] == [[]] * len(requests)


def test_every_method_of_hooks_is_judged() -> None:
    """The App's settings are not in the part of the description that is at hand."""
    methods = {name for name, _ in inspect.getmembers(Hooks, inspect.isfunction) if not name.startswith("_")}
    assert {name.partition(" ")[0] for name in HOOK_CALLS} == methods - {"of_app"}


@pytest.mark.parametrize("ask", HOOK_CALLS)
async def test_hooks_request_matches_description(
    emulator: GitHubEmulator, traced: NetworkSession, clock: Clock, wire: Wire, private_key: str, ask: str
) -> None:
    emulator.add_bot(BOT_LOGIN, "admin")
    emulator.webhooks.url = "http://127.0.0.1:9/webhooks/github"
    emulator.comment("carol", 1, "Nobody is there to hear it")
    await emulator.idle()
    is_apps = ask.endswith("App") or ask in {"app", "installations"}
    auth: Auth = AppAuth("1", private_key) if is_apps else TokenAuth("bot-token")
    await HOOK_CALLS[ask](_github(emulator, traced, clock, auth))
    assert wire.requests
    assert [wrong(sent) for sent in wire.requests] == [[]] * len(wire.requests)


async def test_create_label_existing_one_is_read(
    emulator: GitHubEmulator, traced: NetworkSession, clock: Clock, wire: Wire
) -> None:
    github = _github(emulator, traced, clock, TokenAuth("bot-token"))
    for _ in range(2):
        assert await github.create_label(SHOP, LABEL) == LABEL
    assert [sent.method for sent in wire.requests] == ["POST", "POST", "GET"]
    assert [wrong(sent) for sent in wire.requests] == [[]] * 3


async def test_pages_match_description(
    emulator: GitHubEmulator, traced: NetworkSession, clock: Clock, wire: Wire
) -> None:
    for number in range(101):
        emulator.world.write("carol", 1, f"Number {number}")
    github = _github(emulator, traced, clock, TokenAuth("bot-token"))
    assert len(await read_all(github.comments(SHOP, 1))) == 101
    assert [dict(sent.query).get("page") for sent in wire.requests] == [None, "2"]
    assert [wrong(sent) for sent in wire.requests] == [[]] * 2


async def test_app_requests_match_description(
    emulator: GitHubEmulator, traced: NetworkSession, clock: Clock, wire: Wire, private_key: str
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
def test_judge_rejects_wrong_requests(sent: Sent) -> None:
    assert wrong(sent)
