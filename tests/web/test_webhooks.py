"""What a delivery needs to be accepted."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from inline_snapshot import snapshot

from bot.errors import ErrorKind, Service, StoreError, UpstreamError
from bot.execution.config_texts import Fallback
from bot.execution.effective_config import EffectiveConfig, InvalidConfig, UnreadableConfig
from bot.execution.repository_config.model import RepositoryConfig
from bot.execution.repository_config.problems import ConfigProblem, ConfigProblems
from bot.github.events import sign
from bot.text.offload.pool import WorkerPool
from bot.web.bodies import RequestBodies
from bot.web.webhooks import LARGEST_BODY
from tests.harness import TIMEOUT
from tests.harness.log_lines import lines, logged
from tests.web.deliveries import (
    ISSUE,
    OLD_SECRET,
    PATH,
    SECRET,
    Client,
    FakeEngine,
    application,
    deliver,
    headers,
    issue_comment,
    outcomes,
    payload,
    problem,
)

BODY = json.dumps(issue_comment("/codegen run fix it")).encode()
NOT_JSON = b"/codegen run fix it"
SIGNED = headers(BODY, "issue_comment")


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in SIGNED.items() if key != name}


# The signature


async def test_missing_signature_is_refused(client: Client, engine: FakeEngine) -> None:
    response = await client.post(PATH, data=BODY, headers=without("X-Hub-Signature-256"))
    assert await problem(response) == snapshot(
        (
            401,
            "The X-Hub-Signature-256 header is missing: set a secret in the webhook's settings on GitHub.",
        )
    )
    assert engine.asked == 0


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256=zz",
        sign(BODY, SECRET).removeprefix("sha256="),
        sign(BODY, SECRET).replace("sha256=", "sha1="),
        sign(BODY, SECRET).upper(),
        sign(BODY, SECRET) + "0",
        "ß" * 71,
    ],
)
async def test_malformed_signature_is_refused(client: Client, engine: FakeEngine, signature: str) -> None:
    response = await client.post(PATH, data=BODY, headers=SIGNED | {"X-Hub-Signature-256": signature})
    assert await problem(response) == snapshot(
        (401, "The X-Hub-Signature-256 header is malformed: it has to be sha256= and 64 hexadecimal digits.")
    )
    assert engine.asked == 0


@pytest.mark.parametrize(
    "signature",
    [
        sign(BODY, "another secret"),
        sign(BODY, ""),
        sign(BODY + b" ", SECRET),
        sign(BODY, f"{OLD_SECRET},{SECRET}"),
    ],
)
async def test_wrong_signature_is_refused(client: Client, engine: FakeEngine, signature: str) -> None:
    response = await client.post(PATH, data=BODY, headers=SIGNED | {"X-Hub-Signature-256": signature})
    assert await problem(response) == snapshot(
        (
            401,
            "Invalid webhook signature: is the webhook's secret on GitHub one of GITHUB_WEBHOOK_SECRET?",
        )
    )
    assert engine.asked == 0


@pytest.mark.parametrize("secret", [OLD_SECRET, SECRET])
async def test_rotated_secrets_are_both_valid(client: Client, engine: FakeEngine, secret: str) -> None:
    response = await deliver(client, issue_comment("/codegen run fix it"), secret=secret)
    assert response.status == 202
    assert engine.prompts == ["fix it"]


async def test_signature_covers_raw_body(client: Client, engine: FakeEngine) -> None:
    """Whitespace, escapes and the order of keys as sent, not as another JSON library would write them."""
    body = b'{ "sender" :{"type":"User","login":"alice"},  ' + BODY[1:].replace(b"/codegen", rb"\/codegen")
    response = await client.post(PATH, data=body, headers=headers(body, "issue_comment"))
    assert response.status == 202
    assert engine.prompts == ["fix it"]


async def test_signature_is_checked_before_body(client: Client) -> None:
    """A stranger learns nothing of how deliveries are parsed."""
    response = await client.post(PATH, data=NOT_JSON, headers=SIGNED | {"X-Hub-Signature-256": "sha256=" + 64 * "0"})
    assert response.status == 401


# The body


async def test_declared_too_large_body_is_refused_unread(client: Client) -> None:
    async with client.session.post(
        client.make_url(PATH), headers=SIGNED | {"Content-Length": str(LARGEST_BODY + 1)}, data=_nothing()
    ) as response:
        assert await problem(response) == (413, "The body is larger than 25 MB.")


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def test_too_large_body_is_refused(client: Client) -> None:
    """Sent in chunks, it declares no length."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(26):
            yield bytes(1024 * 1024)

    response = await client.post(PATH, data=chunks(), headers=SIGNED)
    assert await problem(response) == (413, "The body is larger than 25 MB.")
    assert await outcomes(client) == {"refused": 1}


async def test_compressed_body_is_refused(client: Client) -> None:
    response = await client.post(PATH, data=BODY, headers={**SIGNED, "Content-Encoding": "gzip", "Connection": "close"})
    assert await problem(response) == snapshot(
        (415, "The body is compressed or otherwise encoded: send it without Content-Encoding.")
    )
    assert response.headers["Accept-Encoding"] == "identity"


async def test_identity_encoding_is_accepted(client: Client) -> None:
    response = await client.post(PATH, data=BODY, headers={**SIGNED, "Content-Encoding": "identity"})
    assert response.status == 202


class LikeTheRealServer(TestServer):
    """Does not cancel a request whose sender has disconnected, unlike aiohttp's test server."""

    async def _make_runner(self, **kwargs: Any) -> web.BaseRunner:
        return await super()._make_runner(**{**kwargs, "handler_cancellation": False})


async def test_sender_disconnecting_in_body_is_no_failure(engine: FakeEngine) -> None:
    """Anyone can cause it: it must trigger no alert."""
    async with TestClient(LikeTheRealServer(application(engine))) as client:
        with logged() as log:
            answer, sender = await asyncio.open_connection(client.host, client.port)
            head = [f"POST {PATH} HTTP/1.1", "Host: x", "Expect: 100-continue", "Content-Length: 9"]
            head += [f"{name}: {value}" for name, value in SIGNED.items()]
            sender.write("\r\n".join(head).encode() + b"\r\n\r\n")
            # Now the body is being read.
            assert await answer.readline() == b"HTTP/1.1 100 Continue\r\n"
            sender.close()
            await sender.wait_closed()
            async with asyncio.timeout(TIMEOUT):
                while not (counted := await outcomes(client)):
                    pass
    assert counted == {"refused": 1}
    assert log.getvalue() == ""


async def test_dropped_body_is_no_failure(engine: FakeEngine) -> None:
    """Strangers can cause it. GitHub shows such a delivery as failed, and it can be redelivered."""
    async with TestClient(TestServer(application(engine, bodies=RequestBodies(most=len(BODY) - 1)))) as client:
        response = await client.post(PATH, data=BODY, headers=SIGNED)
        assert await problem(response) == (
            503,
            "The server holds too many bodies; send this one again later.",
        )
        assert await outcomes(client) == {"refused": 1}


async def test_largest_github_body_is_read(client: Client, engine: FakeEngine) -> None:
    body = BODY + b" " * (LARGEST_BODY - len(BODY))
    response = await client.post(PATH, data=io.BytesIO(body), headers=headers(body, "issue_comment"))
    assert response.status == 202
    assert engine.prompts == ["fix it"]


@pytest.mark.parametrize(
    "body", [b'{"body": "/codegen run it" ]}', b'{"body": "/codegen \xff"}', b'{"/a":' * 100_000 + b"}"]
)
async def test_body_without_json_is_refused(client: Client, body: bytes) -> None:
    response = await client.post(PATH, data=body, headers=headers(body, "issue_comment"))
    assert await problem(response) == (400, "The body is not JSON.")


@pytest.mark.parametrize("body", [NOT_JSON, b"", b"\xff\xfe", b'{"action": ', b"[]", b'"created"', b"null", b"7"])
async def test_body_without_object_is_refused(client: Client, body: bytes) -> None:
    response = await client.post(PATH, data=body, headers=headers(body, "issue_comment"))
    assert await problem(response) == (400, "The body is not a JSON object.")


async def test_form_is_refused_with_advice(client: Client) -> None:
    """GitHub's other choice of content type, and its settings page's default."""
    body = b"payload=%7B%7D"
    response = await client.post(
        PATH,
        data=body,
        headers=headers(body, "issue_comment") | {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert await problem(response) == snapshot(
        (
            415,
            "The content type is not application/json: choose it in the webhook's settings on GitHub.",
        )
    )


async def test_content_type_with_charset_is_accepted(client: Client) -> None:
    response = await client.post(PATH, data=BODY, headers=SIGNED | {"Content-Type": "application/json; charset=utf-8"})
    assert response.status == 202


async def test_missing_event_name_is_refused(client: Client, engine: FakeEngine) -> None:
    response = await client.post(PATH, data=BODY, headers=without("X-GitHub-Event"))
    assert await problem(response) == (400, "The X-GitHub-Event header is missing.")
    assert engine.asked == 0


@pytest.mark.parametrize("guid", ["", "///", "x" * 65])
async def test_missing_guid_is_refused(client: Client, engine: FakeEngine, guid: str) -> None:
    response = await deliver(client, issue_comment("/codegen run fix it"), guid=guid)
    assert await problem(response) == (400, "The X-GitHub-Delivery header is missing or malformed.")
    assert engine.asked == 0


async def test_incomplete_comment_is_refused_and_not_quoted(client: Client) -> None:
    document = issue_comment("/codegen run fix it")
    del document["comment"]["html_url"]
    status, detail = await problem(await deliver(client, document))
    assert status == 400
    assert "comment.html_url" in detail
    assert "fix it" not in detail


# The address


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_other_method_is_refused(client: Client, method: str) -> None:
    response = await client.request(method, PATH)
    assert await problem(response) == (405, "/webhooks/github takes POST.")
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/", "/webhooks", "/webhooks/github/", "/webhooks/gitlab"])
async def test_unknown_path_is_reported(client: Client, path: str) -> None:
    assert await problem(await client.post(path, data=BODY, headers=SIGNED)) == (404, f"{path} does not exist.")


# What goes wrong here


async def test_rejected_command_may_be_redelivered(client: Client, engine: FakeEngine) -> None:
    """GitHub then shows the delivery as failed, and it can be redelivered."""
    engine.failure = RuntimeError("the disk is full")
    assert await problem(await deliver(client, issue_comment("/codegen run fix it"))) == snapshot(
        (500, "Internal error; the bot's log has the details.")
    )

    engine.failure = None
    response = await deliver(client, issue_comment("/codegen run fix it"))
    assert response.status == 202
    assert engine.prompts == ["fix it"]


async def test_comment_that_cannot_be_parsed_may_be_redelivered(engine: FakeEngine) -> None:
    """Nothing of it is lost: GitHub shows the delivery as failed. Short comments need no worker."""
    long = issue_comment("/codegen run fix it " + "word " * 2_000)
    async with TestClient(TestServer(application(engine, timeout=0.01, offload=WorkerPool(most=0)))) as client:
        response = await deliver(client, long)
        assert response.headers["Retry-After"] == "30"
        assert await problem(response) == (503, "The comment could not be read just now; deliver it again later.")
        assert (await deliver(client, issue_comment("/codegen run fix it"))).status == 202
    assert engine.prompts == ["fix it"]


async def test_rejected_second_command_does_not_repeat_first(client: Client, engine: FakeEngine) -> None:
    document = issue_comment("/codegen run one\n/codegen run two")
    first = await deliver(client, issue_comment("/codegen run one"))
    assert first.status == 202

    engine.failure = RuntimeError("the disk is full")
    assert (await deliver(client, document)).status == 500
    engine.failure = None
    assert (await deliver(client, document)).status == 202
    assert engine.prompts == ["one", "two"]


async def test_log_names_rejected_command(client: Client, engine: FakeEngine) -> None:
    with logged() as log:
        await deliver(client, issue_comment("/codegen run fix it"))
        await deliver(client, issue_comment("/codegen run fix it"))
        engine.failure = StoreError("disk full")
        await deliver(client, issue_comment("/codegen run fix it"))
    found = [(line["event"], line["invocation"]) for line in lines(log)]
    assert found == [("job.duplicate", engine.identities[0]), ("job.enqueue_failed", engine.identities[0])]
    names = {"delivery": "guid-1", "thread": "octo/shop#2", "command": "run", "login": "alice"}
    assert [{name: line.get(name) for name in names} for line in lines(log)] == [names] * 2


async def test_no_secret_and_no_payload_is_answered_or_logged(client: Client, engine: FakeEngine) -> None:
    guess = sign(BODY, "a guess")
    answers = []
    with logged(level="DEBUG") as log:
        for failure in (None, RuntimeError("the disk is full")):
            engine.failure = failure
            for body in (BODY, NOT_JSON, b"[]"):
                for signature in (sign(body, SECRET), sign(body, OLD_SECRET), guess):
                    signed = headers(body, "issue_comment") | {"X-Hub-Signature-256": signature}
                    response = await client.post(PATH, data=body, headers=signed)
                    answers.append(f"{response.headers}{await response.text()}")
    events = {line["event"] for line in lines(log)}
    assert {"request.failed", "webhook.invalid_signature", "job.duplicate"} <= events
    received = "".join(answers) + log.getvalue()
    for word in (SECRET, OLD_SECRET, guess, sign(BODY, SECRET), "fix it"):
        assert word not in received


# Where the repository's config is not known


def unread(kind: ErrorKind) -> EffectiveConfig:
    error = UpstreamError(Service.GITHUB, kind, "file", 403 if kind is ErrorKind.FORBIDDEN else 503)
    return EffectiveConfig(RepositoryConfig(), unreadable=UnreadableConfig("octo/shop/.github/codegen-bot.yml", error))


INVALID = InvalidConfig(
    "octo/shop/.github/codegen-bot.yml", ConfigProblems([ConfigProblem(1, 1, "No.")]), "digest", Fallback.NOTHING
)
UNKNOWN = [
    unread(ErrorKind.SERVER_FAULT),
    unread(ErrorKind.FORBIDDEN),
    EffectiveConfig(RepositoryConfig(), invalid=INVALID),
]

OTHER_COMMAND = issue_comment("/bot run fix it")
OTHER_LABEL = payload("labeled", issue=ISSUE | {"updated_at": "2026-05-04T12:00:00Z"}, label={"name": "robot"})


@pytest.mark.parametrize("effective", UNKNOWN, ids=["failing", "forbidden", "wrong"])
@pytest.mark.parametrize(("event", "document"), [("issue_comment", OTHER_COMMAND), ("issues", OTHER_LABEL)])
async def test_possible_command_is_deferred_without_config(
    engine: FakeEngine, effective: EffectiveConfig, event: str, document: dict[str, Any]
) -> None:
    """The config may name this prefix, or this label."""
    async with TestClient(TestServer(application(engine, effective=effective))) as client:
        response = await deliver(client, document, event=event)
        assert response.headers["Retry-After"] == "30"
        assert await problem(response) == snapshot(
            (
                503,
                "The repository's config file cannot be read just now, and may name another prefix or other labels: deliver it again later.",
            )
        )
    assert len(engine.deferred) == 1
    assert engine.taken == []


async def test_command_waits_for_config_that_becomes_readable(engine: FakeEngine) -> None:
    async with TestClient(TestServer(application(engine, effective=unread(ErrorKind.NETWORK)))) as client:
        assert (await deliver(client, issue_comment("/codegen run fix it"))).status == 503
    assert len(engine.deferred) == 1


@pytest.mark.parametrize("effective", UNKNOWN[1:], ids=["forbidden", "wrong"])
async def test_command_is_accepted_late_with_unknown_config(engine: FakeEngine, effective: EffectiveConfig) -> None:
    async with TestClient(TestServer(application(engine, effective=effective))) as client:
        assert (await deliver(client, issue_comment("/codegen run fix it"))).status == 202
    assert engine.prompts[:1] == ["fix it"]
    assert engine.deferred == []


@pytest.mark.parametrize("effective", UNKNOWN, ids=["failing", "forbidden", "wrong"])
async def test_comment_without_slash_needs_no_config(engine: FakeEngine, effective: EffectiveConfig) -> None:
    async with TestClient(TestServer(application(engine, effective=effective))) as client:
        assert (await deliver(client, issue_comment("Looks good. See a/b."))).status == 200
    assert engine.deferred == []
