"""The desk: takes one order and carries it out there and then."""

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
"""Seconds for the last word of a story that is cut off: GitHub's runner kills the process 10 s after it asked."""

_LAST = frozenset({Stage.FINISHED, Stage.FAILED, Stage.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What came of an order.

    :param runs: the agent runs, each as it was last seen, in the order of their creation
    :param comment_url: where the reply stands; None where it was not posted
    :param secrets: the repository's own patterns of what must not be shown
    """

    invocation: CommandInvocation
    reply: Reply
    runs: tuple[AgentRun, ...] = ()
    comment_url: str | None = None
    secrets: Sequence[str] = ()


class InlineExecutor:
    """Carries orders out. Nothing is remembered between two of them but what GitHub and Codegen remember.

    :param retries: whether somebody asked for this again on purpose, by running a workflow's job once more: then an
        answer that failed is tried again, and what this worker had begun is gone on with
    :param begins: hears of each order before anything is done for it
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
        """Does what was asked, unless it has been answered before.

        :raises asyncio.CancelledError: never before the reply says that it was cut off
        """
        with log.bound(**invocation.log_values()):
            return await self._carried(invocation)

    async def _carried(self, invocation: CommandInvocation) -> CommandResult:
        self._begins(invocation)
        # Always "again": whether somebody else has begun this is for GitHub and Codegen to say.
        ctx = CommandContext(invocation, self._services, no_step_store, again=True)
        try:
            if (earlier := await ctx.earlier_reply()) is not None and not self._goes_on(invocation, earlier[1]):
                return _answered(invocation, earlier)
            reply = await execute(invocation, ctx)
        except AnsweredElsewhereError as error:
            return CommandResult(invocation=invocation, reply=_elsewhere(), comment_url=str(error.args[0]))
        except UpstreamError as error:
            # The last word could not be posted; whoever reads the job's summary still gets it.
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
        """Whether an earlier answer is this worker's to go on with."""
        if not self._retries:
            return False
        if invocation.by_token:
            # Nobody else's identity is the same, and the steps behind this one want its outputs again.
            return True
        return marker.stage is Stage.FAILED if marker.stage in _LAST else marker.worker == self._services.worker

    async def _say_that_it_was_cut_off(self, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
        reply = interrupted([*ctx.seen_runs.values()], prefix=invocation.prefix, is_in_doubt=ctx.runs.cut_off_asking)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        # The cancellation has done its work: what follows has its own, short time.
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
