"""Turns API requests into command invocations, executed by the same handlers as comments, and makes them idempotent."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus

from bot.codegen.models import AgentRun
from bot.commands.registry import Command
from bot.execution.context import CommandContext
from bot.execution.invocation import Authority, CommandInvocation, Via
from bot.execution.reply import Reply
from bot.execution.runs import Started
from bot.github.models import Person
from bot.text.markers import Stage
from bot.web.api.endpoint import AnyRequest
from bot.web.api.failures import plain, reused_key, status_of
from bot.web.problems import Problem

KEY_TTL = timedelta(hours=24)
"""How long an `Idempotency-Key` protects against executing a request twice."""

_KEY = re.compile(r"[\x21-\x7e]{1,200}")


def key_of(call: AnyRequest) -> str | None:
    """The caller's `Idempotency-Key`.

    :raises Problem: if it is malformed
    """
    given = call.request.headers.get("Idempotency-Key")
    if given is not None and not _KEY.fullmatch(given):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "Idempotency-Key must be 1 to 200 printable ASCII characters without spaces."
        )
    return given


CLIENT_HEADER = "X-Client"
"""By which the dashboard's own requests say where they come from."""


def via_of(call: AnyRequest) -> Via:
    """Whether the dashboard sent the request, by its own account."""
    return Via.DASHBOARD if call.request.headers.get(CLIENT_HEADER) == Via.DASHBOARD else Via.API


async def invocation_of(call: AnyRequest, command: Command) -> CommandInvocation:
    """The invocation of a command by the token's owner, without a thread.

    Its identity is the same for the same key, caller and endpoint; unique for each request without a key.

    :raises Problem: if the server does not serve the organization
    :raises UpstreamError: if Codegen does not say who the owner is
    """
    assert call.org_id  # noqa: S101 - raises before anything is requested
    key, now = key_of(call), call.services.now()
    request = f"{call.caller.key} {call.request.method} {call.request.path} {key}"
    digest = uuid.uuid4().hex if key is None else hashlib.sha256(request.encode()).hexdigest()[:32]
    return CommandInvocation(
        identity=f"http-{digest}",
        command=command,
        thread=None,
        comment=None,
        person=Person(await call.caller.access.login(), is_bot=False),
        # With a key there may have been an earlier attempt.
        requested_at=now if key is None else now - KEY_TTL,
        prefix="/codegen",
        authority=Authority.TOKEN,
        via=via_of(call),
        posts=False,
        waits=False,
    )


async def create_once(
    call: AnyRequest, command: Command, start: Callable[[CommandContext], Awaitable[Started]]
) -> AgentRun:
    """Starts a run; only once for the same `Idempotency-Key`, even with concurrent requests.

    :param command: the one that corresponds to it
    :raises Problem: if the key was used with another body before, as far as that is remembered
    """
    invocation, has_key = await invocation_of(call, command), key_of(call) is not None
    body = hashlib.sha256(call.body.model_dump_json().encode()).hexdigest()

    async def create() -> tuple[str, AgentRun]:
        ctx = call.caller.access.ctx(call.org_id, invocation, may_have_run=has_key)
        run = (await start(ctx)).run
        await call.services.ends.follow(call.org_id, run)
        return body, run

    if not has_key:
        return (await create())[1]
    first_body, run = await call.cached(invocation.identity, create, ttl=KEY_TTL.total_seconds())
    if first_body != body:
        raise reused_key()
    return run


async def execute(
    call: AnyRequest, command: Command, *, unexplained: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR
) -> Reply:
    """Executes the command and returns its final reply.

    :param unexplained: the status of a failure without a reason
    :raises Problem: if it failed
    """
    result = await call.caller.access.execute(call.org_id, await invocation_of(call, command))
    reply: Reply = result.reply
    if reply.stage is Stage.FINISHED:
        return reply
    raise Problem(status_of(reply.reason) if reply.reason else unexplained, plain(reply.text))
