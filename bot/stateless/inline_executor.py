"""Runs one command synchronously, without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot import log
from bot.codegen.models import AgentRun
from bot.errors import AnsweredElsewhereError, UpstreamError
from bot.github.models import PostedComment
from bot.handlers.context import CommandContext
from bot.handlers.execute import execute
from bot.handlers.invocation import CommandInvocation
from bot.handlers.services import Services
from bot.handlers.steps import no_step_store
from bot.replies.failures import upstream
from bot.replies.interrupted import interrupted
from bot.replies.markers import Marker, Stage
from bot.replies.reason import Reason
from bot.replies.reply import Reply

_log = log.get(__name__)

GRACE = 5.0
"""Seconds for the final reply of a cancelled command: GitHub's runner kills the process 10 s after interrupting it."""

_LAST = frozenset({Stage.FINISHED, Stage.FAILED, Stage.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The result of a command.

    :param runs: the agent runs in the order of their creation, each as last read
    :param comment_url: of the reply; None if it was not posted
    :param secrets: the repository's own patterns of secrets to redact
    """

    invocation: CommandInvocation
    reply: Reply
    runs: tuple[AgentRun, ...] = ()
    comment_url: str | None = None
    secrets: Sequence[str] = ()


class InlineExecutor:
    """Executes commands. No state is kept between two of them except on GitHub and Codegen.

    :param retries: whether this is a deliberate repetition, by re-running a workflow's job: then a failed reply is
        retried, and what this worker had begun is continued
    :param begins: called with each invocation before anything is done for it
    """

    def __init__(
        self,
        services: Services,
        *,
        retries: bool = False,
        begins: Callable[[CommandInvocation], None] = lambda _invocation: None,
    ) -> None:
        self._services = services
        self._retries = retries
        self._begins = begins

    async def execute(self, invocation: CommandInvocation) -> CommandResult:
        """Executes the command, unless it has been answered before.

        :raises asyncio.CancelledError: never before the reply says that the command was interrupted
        """
        with log.bound(**invocation.log_values()):
            return await self._carried(invocation)

    async def _carried(self, invocation: CommandInvocation) -> CommandResult:
        self._begins(invocation)
        # Always "again": only GitHub and Codegen know whether another worker has begun this.
        ctx = CommandContext(invocation, self._services, no_step_store, again=True)
        try:
            if (earlier := await ctx.earlier_reply()) is not None and not self._goes_on(invocation, earlier[1]):
                return _answered(invocation, earlier)
            reply = await execute(invocation, ctx)
        except AnsweredElsewhereError as error:
            return CommandResult(invocation=invocation, reply=_elsewhere(), comment_url=str(error.args[0]))
        except UpstreamError as error:
            # The final reply could not be posted, but the job's summary still shows it.
            _log.warning("status_comment.post_failed", reason=str(error))
            reply = ctx.said if ctx.said and ctx.said.stage is Stage.FAILED else upstream(error, again=invocation.again)
        except asyncio.CancelledError:
            reply = await self._say_that_it_was_cut_off(invocation, ctx)
        return CommandResult(
            invocation=invocation,
            reply=reply,
            runs=_runs(reply, ctx),
            comment_url=ctx.comment_url,
            secrets=ctx.config.secret_patterns,
        )

    def _goes_on(self, invocation: CommandInvocation, marker: Marker) -> bool:
        """Whether this worker is to continue an earlier reply."""
        if not self._retries:
            return False
        if invocation.by_token:
            # The identity is unique to this step, and later steps need its outputs again.
            return True
        return marker.stage is Stage.FAILED if marker.stage in _LAST else marker.worker == self._services.worker

    async def _say_that_it_was_cut_off(self, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
        reply = interrupted([*ctx.seen_runs.values()], prefix=invocation.prefix, is_in_doubt=ctx.runs.cut_off_asking)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        # The cancellation has been handled: what follows has its own, short timeout.
        task.uncancel()
        try:
            async with asyncio.timeout(GRACE):
                await (ctx.show(reply) if ctx.has_spoken else asyncio.sleep(0))
        except TimeoutError:
            _log.warning("status_comment.interruption_unreported")
        return reply


def _runs(reply: Reply, ctx: CommandContext) -> tuple[AgentRun, ...]:
    seen = ctx.seen_runs
    return tuple(seen[run] for run in reply.runs if run in seen) or tuple(seen.values())


def _answered(invocation: CommandInvocation, earlier: tuple[PostedComment, Marker]) -> CommandResult:
    comment, marker = earlier
    done = marker.stage in _LAST
    text = "This command was answered before." if done else "This command is being answered elsewhere."
    reply = Reply(stage=Stage.FINISHED, text=text, runs=marker.runs, reason=Reason.ALREADY_ANSWERED)
    runs = tuple(AgentRun(id=run, organization_id=0) for run in marker.runs)
    return CommandResult(invocation=invocation, reply=reply, runs=runs, comment_url=comment.url)


def _elsewhere() -> Reply:
    text = "Another worker took this command in the same moment, and answers it."
    return Reply(stage=Stage.FINISHED, text=text, reason=Reason.ALREADY_ANSWERED)
