"""``analyze-logs``: explains a sandbox's set-up log, or the failed checks of the pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import ClassVar, Self

from pydantic import TypeAdapter

from bot import log
from bot.codegen.models import AgentRun
from bot.commands.usage import Flags, Usage, first_line, read_id
from bot.errors import OffloadError, RefusedError, UpstreamError, UserError
from bot.execution import failures, prompts, run_texts
from bot.execution.agent_runs import follow, prompt_context
from bot.execution.context import CommandContext
from bot.execution.failures import describe
from bot.execution.phrases import count, duration, listed, paragraphs, run_link, time_of_day
from bot.execution.reply import Reply
from bot.execution.run_texts import Ended
from bot.github.events import FAILED_CONCLUSIONS
from bot.github.models import CheckRun, Permission
from bot.text.job_log import redacted_excerpt
from bot.text.markers import Stage
from bot.text.untrusted import cut, fenced, folded, inline_code

_log = log.get(__name__)

EXCERPTS_LIMIT = 44_000
"""Characters of all excerpts after escaping. They were selected to be shorter; escaping slashes may make them grow."""

EXCERPT_BUDGET = 12_000
EXCERPTS_BUDGET = 32_000
"""Characters of one check's excerpt, and of all together, before escaping."""

NAME_LIMIT = 120
MOST_NAMED = 20

MOST_CHECKS = 10
"""Failed checks to analyze; if one cause breaks dozens, ten of them are enough to find it."""

_HINT, _PROMPT = "To apply the fix", "do what you propose"

_NO_REPOSITORY = "Codegen does not say which repository a sandbox belongs to, so"


@dataclass(frozen=True, slots=True)
class AnalyzeLogs:
    """:param sandbox_id: Codegen's number of a sandbox; None: the failed checks of the pull request's head"""

    USAGE: ClassVar[Usage] = Usage(
        "analyze-logs",
        "Explains why a sandbox's set-up failed; without a number, why this pull request's checks failed.",
        arguments="[SANDBOX_ID]",
        sets_latest=True,
    )

    sandbox_id: int | None = None

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the argument is not a sandbox id"""
        if not (typed := first_line(rest)):
            return cls()
        return cls(read_id(typed, problem="`analyze-logs` takes a sandbox's number and nothing else."))


async def analyze_logs(command: AnalyzeLogs, ctx: CommandContext) -> Reply:
    if command.sandbox_id is not None:
        return await _analyze_sandbox(command.sandbox_id, ctx)
    if not ctx.invocation.require_thread().is_pull_request:
        raise UserError(
            "`analyze-logs` without a number explains the failed checks of a pull request, and this is an issue.\n\n"
            "Next: give the command on the pull request, or name a sandbox of Codegen's: "
            f"`{ctx.invocation.prefix} analyze-logs 123`"
        )
    return await _analyze_checks(ctx)


async def _analyze_sandbox(sandbox_id: int, ctx: CommandContext) -> Reply:
    if ctx.invocation.is_public:
        raise RefusedError(
            f"{_NO_REPOSITORY} none is analyzed in a public repository.\n\n"
            f"Next: `codegen-bot analyze-logs {sandbox_id}` on the command line, or the same command in a private "
            "repository."
        )
    # The rule for runs without a repository applies.
    if await ctx.permission(needed=Permission.WRITE) < Permission.WRITE:
        raise UserError(
            f"{_NO_REPOSITORY} analyzing one needs `write` access here, whatever the config file says about "
            "`analyze-logs`.\n\nNext: without a number, `analyze-logs` explains the failed checks of this pull request."
        )
    await ctx.charge(1)
    accepted = f"Accepted. Asking {ctx.asked} to analyze the set-up logs of sandbox {sandbox_id}…"
    await ctx.show(Reply(Stage.ACCEPTED, accepted))
    started = await ctx.runs.analyze_sandbox_logs(sandbox_id)
    done = f"Analyzed the set-up logs of sandbox {sandbox_id}"
    return await follow(started, ctx, outcome=partial(run_texts.answered, done=done, hint=_HINT, prompt=_PROMPT))


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCheck:
    """A failed check, and what is known about the cause.

    :param conclusion: GitHub's word
    :param excerpt: from its log or, if it has none, from its title and summary; redacted, otherwise untrusted
    :param problem: why there is no log, in our own words; usually empty
    """

    name: str
    conclusion: str
    url: str | None
    excerpt: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The state of a commit's checks.

    :param failed: those that are analyzed
    :param more: the names of others that failed
    :param running: the names of those that have not ended
    :param passed: the number of the remaining checks
    """

    sha: str
    failed: tuple[FailedCheck, ...] = ()
    more: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    passed: int = 0

    @property
    def evidence(self) -> list[tuple[str, str]]:
        """For prompts: the names of those that are analyzed, and an excerpt of the log or why there is none."""
        return [(check.name, check.excerpt or check.problem) for check in self.failed]


async def _analyze_checks(ctx: CommandContext) -> Reply:
    slot_in = ctx.runs.creation_wait()
    wait = f" Codegen starts at most 10 agent runs a minute, so its agent starts in about {duration(slot_in)}."
    accepted = f"Accepted. Reading the logs of the failed checks…{wait if slot_in >= 1 else ''}"
    await ctx.show(Reply(Stage.ACCEPTED, accepted))
    context = await prompt_context(ctx)
    assert context.pull_request is not None  # noqa: S101 - the thread is one
    sha = context.pull_request.head_sha
    findings = await ctx.record("failed-checks", TypeAdapter(Findings), lambda: _find(sha, ctx))
    if not findings.failed:
        return await ctx.render(none_failed, findings, prefix=ctx.invocation.prefix)
    if not any(check.excerpt for check in findings.failed):
        return await ctx.render(nothing_to_read, findings)

    await ctx.charge(1)
    try:
        started = await ctx.runs.create(
            prompts.checks_prompt(context, findings.evidence),
            model=ctx.config.defaults.model,
            agent_type=ctx.config.defaults.agent_type,
        )
    except UpstreamError as error:
        return await ctx.render(not_started, findings, error)
    return await follow(
        started,
        ctx,
        started_reply=partial(investigating, findings=findings),
        working=partial(investigating, findings=findings),
        outcome=partial(checks_explained, findings=findings),
    )


async def _find(sha: str, ctx: CommandContext) -> Findings:
    checks = await ctx.github.check_runs(ctx.invocation.require_repository(), sha)
    failed = [check for check in checks if check.conclusion in FAILED_CONCLUSIONS]
    running = [check for check in checks if check.status != "completed"]
    return Findings(
        sha=sha,
        failed=await read_logs(failed[:MOST_CHECKS], ctx),
        more=tuple(check.name for check in failed[MOST_CHECKS:]),
        running=tuple(check.name for check in running),
        passed=len(checks) - len(failed) - len(running),
    )


async def read_logs(failed: Sequence[CheckRun], ctx: CommandContext) -> tuple[FailedCheck, ...]:
    """Collects the log excerpts of at most `MOST_CHECKS` checks. An unreadable log does not hide the others.

    :raises UpstreamError: if GitHub refuses every log, and no check has a title or summary
    """
    budget = min(EXCERPT_BUDGET, EXCERPTS_BUDGET // max(len(failed), 1))
    found: list[FailedCheck] = []
    refusal: UpstreamError | None = None
    for check in failed:
        text, problem = None, ""
        if check.app == "github-actions":
            try:
                text = await ctx.github.job_log(ctx.invocation.require_repository(), check.id)
                problem = "" if text else "its log is gone"
            except UpstreamError as error:
                _log.warning("job_log.failed", job=check.id, reason=str(error))
                refusal, problem = error, f"its log could not be read: {describe(error).rstrip('.')}"
        text = text or paragraphs(check.title or "", check.summary or "")
        try:
            excerpt = await ctx.offload(partial(redacted_excerpt, text, budget, ctx.config.secret_patterns))
        except OffloadError as error:
            _log.warning("job_log.unprepared", job=check.id, reason=str(error))
            excerpt, problem = "", "its log took too long to read"
        conclusion = check.conclusion or ""
        found.append(
            FailedCheck(name=check.name, conclusion=conclusion, url=check.url, excerpt=excerpt, problem=problem)
        )
    if refusal is not None and not any(check.excerpt for check in found):
        raise refusal
    return tuple(found)


def none_failed(findings: Findings, *, prefix: str) -> Reply:
    """No failed check to explain, or not yet."""
    head = f"No check has failed on the head of this pull request ({_commit(findings)})"
    if not findings.running and not findings.passed:
        return Reply(Stage.FINISHED, f"{head}: it has no checks.")
    head += f". Ended: {findings.passed} of {findings.passed + len(findings.running)}."
    if not findings.running:
        return Reply(Stage.FINISHED, head)
    return Reply.of(
        Stage.FINISHED,
        f"{head} Still running: {_names(findings.running)}.",
        f"Next: if one of them fails, give `{prefix} analyze-logs` again.",
    )


def nothing_to_read(findings: Findings) -> Reply:
    """Checks failed, but there is nothing to analyze."""
    return Reply.of(
        Stage.FAILED,
        f"{have_failed(findings)}, but their logs are not available.",
        check_list(findings),
        "Next: run them again, and then give the command again in a new comment.",
    )


def investigating(run: AgentRun, *, findings: Findings, since: datetime | None = None, step: str = "") -> Reply:
    """:param since: when the run was started; None: it has just been
    :param step: what its agent did last, as harmless Markdown
    """
    begun = "" if since is None else f" since {time_of_day(since)}"
    text = f"{have_failed(findings)}; an agent is investigating{begun}: {run_link(run)}."
    last = f" Last step: {step}." if step else ""
    return Reply.of(Stage.STARTED if since is None else Stage.WORKING, text + last, check_list(findings), run=run)


def checks_explained(ended: Ended, *, findings: Findings, prefix: str) -> Reply:
    """The checks, the agent's answer or the run's outcome, and the excerpts."""
    run = ended.run
    if not run.succeeded:
        return with_findings(run_texts.outcome(ended, prefix=prefix), findings)
    return Reply.of(
        Stage.FINISHED,
        f"{have_failed(findings)}. An agent investigated for {duration(ended.seconds)}: {run_link(run)}.",
        check_list(findings),
        run_texts.answer_of(run),
        f"{_HINT}: `{prefix} resume {run.id} {_PROMPT}`",
        excerpts(findings),
        run=run,
    )


def not_started(findings: Findings, error: UpstreamError) -> Reply:
    """The agent could not be started; the checks are shown all the same."""
    return with_findings(failures.upstream(error), findings)


def with_findings(reply: Reply, findings: Findings) -> Reply:
    """A reply with the checks and the excerpts below it."""
    parts = (
        cut(reply.text, run_texts.ANSWER_LIMIT),
        f"{have_failed(findings)}:",
        check_list(findings),
        excerpts(findings),
    )
    return replace(reply, text=paragraphs(*parts))


def have_failed(findings: Findings) -> str:
    """The beginning of a sentence."""
    number = len(findings.failed) + len(findings.more)
    return f"{count(number, 'check')} {'has' if number == 1 else 'have'} failed on {_commit(findings)}"


def check_list(findings: Findings) -> str:
    """The checks, a line each."""
    lines = [
        f"- {_link(check)}: {inline_code(check.conclusion)}{f' ({check.problem})' if check.problem else ''}"
        for check in findings.failed
    ]
    if findings.more:
        lines.append(f"- not analyzed: {_names(findings.more)}")
    if findings.running:
        lines.append(f"- still running: {_names(findings.running)}")
    return "\n".join(lines)


def excerpts(findings: Findings) -> str:
    """The excerpts of the logs, folded."""
    shown = [check for check in findings.failed if check.excerpt]
    limit = EXCERPTS_LIMIT // max(len(shown), 1)
    blocks = [cut(f"{_name(check.name)}\n\n{fenced(check.excerpt, 'text')}", limit) for check in shown]
    return folded("Log excerpts", "\n\n".join(blocks)) if blocks else ""


_PLAIN_URL = re.compile(r"https?://[\w.:-]+(?:/[\w.~%/?=&#+-]*)?", re.ASCII)


def _link(check: FailedCheck) -> str:
    name = _name(check.name)
    return f"[{name}]({check.url})" if check.url and _PLAIN_URL.fullmatch(check.url) else name


def _name(name: str) -> str:
    return inline_code(name if len(name) <= NAME_LIMIT else f"{name[:NAME_LIMIT]}…") or "`(no name)`"


def _names(names: Sequence[str]) -> str:
    return listed([_name(name) for name in names], MOST_NAMED)


def _commit(findings: Findings) -> str:
    return inline_code(findings.sha[:7])
