"""Turns API requests into command invocations, executed by the same handlers as comments, and makes them idempotent."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus

from bot.codegen.models import AgentRun
from bot.commands.table import Command
from bot.github.models import Person
from bot.handlers.context import CommandContext
from bot.handlers.invocation import Authority, CommandInvocation
from bot.handlers.runs import Started
from bot.replies.markers import Stage
from bot.replies.reason import Reason
from bot.replies.reply import Reply
from bot.web.api.endpoint import ApiRequest
from bot.web.problems import Problem

KEY_LASTS = timedelta(hours=24)
"""How long an `Idempotency-Key` protects against executing a request twice."""

_KEY = re.compile(r"[\x21-\x7e]{1,200}")

_STATUSES = {
    Reason.USER_ERROR: HTTPStatus.CONFLICT,
    Reason.QUOTA_USED_UP: HTTPStatus.PAYMENT_REQUIRED,
    Reason.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Reason.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Reason.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Reason.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Reason.UNREACHABLE: HTTPStatus.BAD_GATEWAY,
}


def key_of(call: ApiRequest) -> str | None:
    """The caller's `Idempotency-Key`.

    :raises Problem: if it is malformed
    """
    given = call.request.headers.get("Idempotency-Key")
    if given is not None and not _KEY.fullmatch(given):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "Idempotency-Key must be 1 to 200 printable ASCII characters without spaces."
        )
    return given


def identity_of(call: ApiRequest) -> str:
    """The same for the same key, caller and endpoint; unique for each request without a key."""
    key = key_of(call)
    if key is None:
        return f"http-{uuid.uuid4().hex}"
    said = f"{call.caller.key} {call.request.method} {call.request.path} {key}"
    return f"http-{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def invocation_of(call: ApiRequest, command: Command) -> CommandInvocation:
    """The invocation of a command by the token's owner, without a thread."""
    now = call.services.now()
    return CommandInvocation(
        identity=identity_of(call),
        command=command,
        thread=None,
        comment=None,
        person=Person("the HTTP API", is_bot=False),
        # With a key there may have been an earlier attempt.
        asked_at=now if key_of(call) is None else now - KEY_LASTS,
        prefix="/codegen",
        authority=Authority.TOKEN,
        posts=False,
        waits=False,
    )


def hand(call: ApiRequest, invocation: CommandInvocation) -> CommandContext:
    """A command context with the caller's token, for endpoints without an exactly matching command."""
    return call.caller.access.ctx(call.org_id, invocation, again=key_of(call) is not None)


async def once(
    call: ApiRequest, invocation: CommandInvocation, start: Callable[[CommandContext], Awaitable[Started]]
) -> AgentRun:
    """Starts a run; only once for the same `Idempotency-Key`, even with concurrent requests.

    :raises Problem: if the key was used with another body before, as far as that is remembered
    """
    said = hashlib.sha256(call.body.model_dump_json().encode()).hexdigest()

    async def begin() -> tuple[str, AgentRun]:
        return said, (await start(hand(call, invocation))).run

    if key_of(call) is None:
        return (await begin())[1]
    place = (call.caller.key, call.org_id, invocation.identity)
    said_first, run = await call.services.cache.get(place, begin, seconds=KEY_LASTS.total_seconds())
    if said_first != said:
        raise key_used()
    return run


def key_used() -> Problem:
    """The error of https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "This Idempotency-Key was used with a different body before.")


async def execute(call: ApiRequest, command: Command) -> Reply:
    """Executes the command and returns its final reply.

    :raises Problem: if it failed
    """
    result = await call.caller.access.execute(call.org_id, invocation_of(call, command))
    reply: Reply = result.reply
    if reply.stage is Stage.FINISHED:
        return reply
    status = _STATUSES.get(reply.reason or Reason.INTERNAL_ERROR, HTTPStatus.INTERNAL_SERVER_ERROR)
    raise Problem(status, reply.text)
