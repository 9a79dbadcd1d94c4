"""``analyze-logs``: explains a sandbox's set-up, or the failed checks of the thread's pull request."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pydantic import TypeAdapter

from bot import log
from bot.commands.analyze_logs import AnalyzeLogs
from bot.errors import OffloadError, RefusedError, UpstreamError, UserError
from bot.github.models import CheckRun, Permission
from bot.handlers.budget import spend
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.prompt_context import prompt_context
from bot.replies import analysis as replies
from bot.replies import prompts, runs
from bot.replies.analysis import FailedCheck, Findings
from bot.replies.failures import sentence
from bot.replies.job_log import telling
from bot.replies.reply import Reply

_log = log.get(__name__)

MOST_CHECKS = 10
"""Failed checks to analyze; if one cause breaks dozens, ten of them are enough to find it."""

LONGEST_EXCERPT = 12_000
EXCERPTS_BUDGET = 32_000
"""Characters of one check's excerpt, and of all together."""

_FAILED = frozenset({"failure", "timed_out", "startup_failure"})
_FINDINGS = TypeAdapter(Findings)


async def analyze_logs(command: AnalyzeLogs, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    if command.sandbox_id is not None:
        if invocation.is_public:
            raise RefusedError(replies.sandbox_not_in_public(command.sandbox_id))
        return await _of_sandbox(command.sandbox_id, invocation, ctx)
    if not invocation.the_thread().is_pull_request:
        raise UserError(replies.only_on_pull_requests(prefix=invocation.prefix))
    return await _of_checks(invocation, ctx)


async def _of_sandbox(sandbox_id: int, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    # Codegen's API does not give a sandbox's repository, so the rule for runs without a repository applies.
    if await ctx.permission(needed=Permission.WRITE) < Permission.WRITE:
        raise UserError(replies.sandbox_takes_write())
    await spend(1, invocation, ctx)
    await ctx.show(replies.accepted_sandbox(sandbox_id))
    started = await ctx.runs.analyze_sandbox_logs(sandbox_id)
    if not invocation.waits:
        return runs.left(started.run, prefix=invocation.prefix)
    await ctx.show(runs.started(started.run))
    ended = await ctx.following.wait(
        started, show=lambda seen, seconds: ctx.shaped(runs.working, seen, seconds=seconds)
    )
    return await ctx.shaped(
        replies.sandbox_analysed,
        ended.run,
        sandbox_id,
        seconds=ended.seconds,
        prefix=invocation.prefix,
        problem=ended.problem,
    )


async def _of_checks(invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    await ctx.show(replies.accepted_checks(slot_in=ctx.runs.creation_wait()))
    place = await prompt_context(invocation, ctx)
    assert place.pull_request is not None  # noqa: S101 - the thread is one
    sha = place.pull_request.head_sha
    findings = await ctx.runs.settled("failed-checks", _FINDINGS, lambda: _find(sha, invocation, ctx))
    if not findings.failed:
        return await ctx.shaped(replies.none_failed, findings, prefix=invocation.prefix)
    if not any(check.excerpt for check in findings.failed):
        return await ctx.shaped(replies.nothing_to_read, findings)

    await spend(1, invocation, ctx)
    evidence = [(check.name, check.excerpt or check.problem) for check in findings.failed]
    try:
        started = await ctx.runs.create(
            prompts.checks_prompt(place, evidence),
            model=ctx.config.defaults.model,
            agent_type=ctx.config.defaults.agent_type,
        )
    except UpstreamError as error:
        return await ctx.shaped(replies.not_asked, findings, error)
    if not invocation.waits:
        return runs.left(started.run, prefix=invocation.prefix)
    await ctx.show_shaped(replies.asked, started.run, findings)
    ended = await ctx.following.wait(
        started, show=lambda run, seconds: ctx.shaped(replies.inspection, run, findings, seconds=seconds)
    )
    return await ctx.shaped(
        replies.checks_explained,
        ended.run,
        findings,
        seconds=ended.seconds,
        prefix=invocation.prefix,
        problem=ended.problem,
    )


async def _find(sha: str, invocation: CommandInvocation, ctx: CommandContext) -> Findings:
    checks = await ctx.github.check_runs(invocation.the_repository(), sha)
    failed = [check for check in checks if check.conclusion in _FAILED]
    running = [check for check in checks if check.status != "completed"]
    return Findings(
        sha=sha,
        failed=await _read(failed[:MOST_CHECKS], invocation, ctx),
        more=tuple(check.name for check in failed[MOST_CHECKS:]),
        running=tuple(check.name for check in running),
        passed=len(checks) - len(failed) - len(running),
    )


async def _read(
    failed: Sequence[CheckRun], invocation: CommandInvocation, ctx: CommandContext
) -> tuple[FailedCheck, ...]:
    """Collects each check's log excerpt. An unreadable log does not hide the others.

    :raises UpstreamError: if GitHub refuses every log, and no check has a title or summary
    """
    budget = min(LONGEST_EXCERPT, EXCERPTS_BUDGET // max(len(failed), 1))
    found: list[FailedCheck] = []
    refusal: UpstreamError | None = None
    for check in failed:
        text, problem = None, ""
        if check.app == "github-actions":
            try:
                text = await ctx.github.job_log(invocation.the_repository(), check.id)
                problem = "" if text else "its log is gone"
            except UpstreamError as error:
                _log.warning("job_log.failed", job=check.id, reason=str(error))
                refusal, problem = error, f"its log could not be read: {sentence(error)}"
        words = text or "\n\n".join(part for part in (check.title, check.summary) if part)
        try:
            kept = await ctx.offloaded(partial(telling, words, budget, ctx.config.secret_patterns))
        except OffloadError as error:
            _log.warning("job_log.unprepared", job=check.id, reason=str(error))
            kept, problem = "", "its log took too long to read"
        found.append(
            FailedCheck(
                name=check.name,
                conclusion=check.conclusion or "",
                url=check.url,
                excerpt=kept,
                problem=problem,
            )
        )
    if refusal is not None and not any(check.excerpt for check in found):
        raise refusal
    return tuple(found)
