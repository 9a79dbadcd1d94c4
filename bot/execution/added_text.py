"""Text that an edit adds to a command after it has begun: it is not part of the run, which the last reply says once.

While the command works, its last reply is still to come and says it; afterwards the edit's own invocation adds it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pydantic import TypeAdapter

from bot import log
from bot.commands.multi_run import MultiRun
from bot.commands.parsing.comment import given_text_since
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.errors import OffloadError, UpstreamError
from bot.execution.context import CommandContext
from bot.execution.phrases import ADDED_TEXT, added_text, paragraphs
from bot.execution.reply import Reply
from bot.execution.runs_of_thread import CLOCK_SLACK, replies_on
from bot.execution.steps import DEFERRED
from bot.github.limits import WritePriority
from bot.github.models import CommentKind
from bot.text.markers import FINAL_STAGES, insert_before

_log = log.get(__name__)

_BOOL = TypeAdapter(bool, config=DEFERRED)


async def with_resume_hint(reply: Reply, ctx: CommandContext) -> Reply:
    """The last reply to a command; says how to resume if its comment was given more text for its run meanwhile."""
    if not reply.runs or not await ctx.record("text-added", _BOOL, lambda: _is_text_added(ctx)):
        return reply
    hint = added_text(ctx.invocation.prefix, reply.runs[-1])
    return replace(reply, text=paragraphs(reply.text, hint))


async def say_in_reply(identity: str, ctx: CommandContext) -> None:
    """Adds to the last reply to a command how to resume; nothing if it says so, is still to come or names no run.

    :param identity: the command's; after earlier edits its reply may have another of the same comment's
    """
    thread, comment, github = ctx.invocation.require_thread(), ctx.invocation.comment, ctx.status_comment.github
    if comment is None or not ctx.invocation.posts:
        return
    try:
        me = (await github.me()).login
        candidates = [
            (reply, marker)
            async for reply, marker in replies_on(github, thread.repository, thread.number)
            if marker.identity.startswith(f"{comment.kind.value}-{comment.id}-")
            and marker.command == ctx.invocation.name
            and reply.author.login == me
        ]
        exact = [each for each in candidates if each[1].identity == identity]
        # Of several commands, only an exact match tells which one it is.
        for reply, marker in exact or (candidates if len(candidates) == 1 else []):
            if marker.stage in FINAL_STAGES and marker.runs and ADDED_TEXT not in reply.body:
                hint = added_text(ctx.invocation.prefix, marker.runs[-1])
                body = insert_before(reply.body, hint)
                await github.edit_comment(thread.repository, reply.id, body, priority=WritePriority.FINAL_UPDATE)
    except UpstreamError as error:
        _log.warning("added_text.not_said", reason=str(error))


async def _is_text_added(ctx: CommandContext) -> bool:
    """False too if it cannot be found out: the outcome must not wait for it."""
    invocation = ctx.invocation
    command, thread, comment = invocation.command, invocation.thread, invocation.comment
    if not isinstance(command, Run | MultiRun | Resume) or not (invocation.waits and invocation.posts):
        return False
    if thread is None or comment is None or comment.kind is not CommentKind.ISSUE_COMMENT or comment.author.is_bot:
        return False
    try:
        since = invocation.requested_at - CLOCK_SLACK
        async for each in ctx.github.comments(thread.repository, thread.number, since=since):
            if each.id == comment.id:
                reading = partial(
                    given_text_since, comment.body, each.body, prefix=invocation.prefix, prompts=ctx.config.prompts
                )
                given = [] if each.body == comment.body else await ctx.offload(reading)
                return any(earlier.command == command for earlier in given)
    except (UpstreamError, OffloadError) as error:
        _log.warning("added_text.unknown", reason=str(error))
    return False
