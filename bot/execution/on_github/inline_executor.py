"""Runs one command synchronously, without a database."""

from __future__ import annotations

import asyncio

from bot import log
from bot.codegen.models import AgentRun
from bot.errors import AnsweredElsewhereError, UpstreamError
from bot.execution.context import CommandContext
from bot.execution.execute import execute
from bot.execution.failures import describe, upstream
from bot.execution.invocation import CommandInvocation
from bot.execution.outcome import CommandResult
from bot.execution.phrases import run_link
from bot.execution.reply import Reason, Reply
from bot.execution.services import Services
from bot.execution.steps import no_step_store
from bot.text.markers import FINAL_STAGES, Marker, Stage

_log = log.get(__name__)

GRACE = 5.0
"""Seconds for the final reply of a cancelled command: GitHub's runner kills the process 10 s after interrupting it."""


class InlineExecutor:
    """Executes commands. No state is kept between two of them except on GitHub and Codegen.

    :param retries: whether this is a deliberate repetition, by re-running a workflow's job: then a failed reply is
        retried, and what this worker had begun is continued
    """

    def __init__(self, services: Services, *, retries: bool = False) -> None:
        self._services = services
        self._retries = retries

    async def execute(self, invocation: CommandInvocation) -> CommandResult:
        """Executes the command, unless it has been answered before.

        :raises asyncio.CancelledError: never before the reply says that the command was interrupted
        """
        with log.bound(**invocation.log_values()):
            return await self._execute(invocation)

    async def _execute(self, invocation: CommandInvocation) -> CommandResult:
        # Only GitHub and Codegen know whether another worker has begun this.
        ctx = CommandContext(invocation, self._services, no_step_store, may_have_run=True)
        comment, unposted = ctx.status_comment, ""
        try:
            earlier = await comment.earlier()
            if earlier is not None and not self._continues(invocation, earlier[1]):
                is_done = earlier[1].stage in FINAL_STAGES
                text = "This command was answered before." if is_done else "This command is being answered elsewhere."
                return _answered(invocation, text, runs=earlier[1].runs, comment_url=earlier[0].url)
            reply = await execute(ctx)
        except AnsweredElsewhereError as error:
            text = "Another worker took this command at the same moment, and answers it."
            return _answered(invocation, text, comment_url=str(error.args[0]))
        except UpstreamError as error:
            # The final reply could not be posted, but the job's summary still shows it.
            _log.warning("status_comment.post_failed", reason=str(error))
            reply = upstream(error, retry=invocation.retry_hint)
            match comment.last:
                case Reply(stage=Stage.FINISHED, runs=[_, *_]) as last:
                    # Giving the command again would start another agent.
                    reply = last
                    unposted = f"The agent finished, but its result could not be posted. {describe(error)}"
                case Reply(stage=Stage.FAILED) as last:
                    reply = last
        except asyncio.CancelledError:
            reply = await _report_interruption(ctx)
        seen = ctx.runs.seen
        return CommandResult(
            invocation=invocation,
            reply=reply,
            runs=tuple(seen[run] for run in reply.runs if run in seen) or tuple(seen.values()),
            comment_url=comment.url,
            unposted=unposted,
            secrets=ctx.config.secret_patterns,
        )

    def _continues(self, invocation: CommandInvocation, marker: Marker) -> bool:
        """Whether this worker is to continue an earlier reply."""
        if not self._retries:
            return False
        if invocation.by_token:
            # The identity is unique to this step, and later steps need its outputs again.
            return True
        return marker.stage is Stage.FAILED if marker.stage in FINAL_STAGES else marker.worker == self._services.worker


def _answered(
    invocation: CommandInvocation, text: str, *, runs: tuple[int, ...] = (), comment_url: str
) -> CommandResult:
    return CommandResult(
        invocation=invocation,
        reply=Reply(Stage.FINISHED, text, runs=runs, reason=Reason.ALREADY_ANSWERED),
        runs=tuple(AgentRun(id=run, organization_id=0) for run in runs),
        comment_url=comment_url,
    )


async def _report_interruption(ctx: CommandContext) -> Reply:
    reply = _interrupted(ctx)
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    # The cancellation has been handled: what follows has its own, short timeout.
    task.uncancel()
    try:
        async with asyncio.timeout(GRACE):
            await (ctx.show(reply) if ctx.status_comment.comment_id is not None else asyncio.sleep(0))
    except TimeoutError:
        _log.warning("status_comment.interruption_unreported")
    return reply


def _interrupted(ctx: CommandContext) -> Reply:
    """Codegen's runs continue: nothing cancels them there. Agents of one's own work in this process and end with it."""
    if ctx.invocation.read_only:
        text = "Interrupted before there was an answer. Nothing was changed."
        return Reply(Stage.FAILED, text, reason=Reason.INTERRUPTED)
    if ctx.has_own_agents:
        return _stopped(ctx)
    runs, prefix = [*ctx.runs.seen.values()], ctx.invocation.prefix
    running = [run for run in runs if not run.finished]
    next_step = ""
    if running:
        more = " One more had been requested, and may be running as well." if ctx.runs.is_in_doubt else ""
        last = running[-1]
        place, stops = ("", "stops") if last.is_of_own_agent else (" at Codegen", "says how to stop")
        text = (
            f"Cancelled: the bot no longer follows this, but {', '.join(map(run_link, running))} "
            f"{'continues' if len(running) == 1 else 'continue'}{place}.{more}"
        )
        next_step = f"`{prefix} status {last.id}` shows its progress; `{prefix} cancel {last.id}` {stops} it."
    elif ctx.runs.is_in_doubt:
        text = "Cancelled during the request for an agent run: one may be running at Codegen."
        next_step = f"`{prefix} runs` shows the latest ones."
    elif runs:
        text = "Cancelled after its agent runs had ended. Nothing continues at Codegen."
    else:
        text = "Cancelled before an agent run was started. Nothing continues at Codegen."
    if next_step:
        text += f"\n\nNext: {next_step}"
    return Reply(Stage.FAILED, text, runs=tuple(run.id for run in runs), reason=Reason.INTERRUPTED)


def _stopped(ctx: CommandContext) -> Reply:
    runs = [*ctx.runs.seen.values()]
    if any(not run.finished for run in runs) or ctx.runs.is_in_doubt:
        text = (
            "Cancelled: the job was stopped, and its agent with it. What the agent had not pushed is lost."
            "\n\nNext: run the job again, which begins anew."
        )
    elif runs:
        text = "Cancelled after its agents had ended."
    else:
        text = "Cancelled before an agent was started."
    return Reply(Stage.FAILED, text, runs=tuple(run.id for run in runs), reason=Reason.INTERRUPTED)
