"""``fix-checks``: resumes a run when the checks of its commit have failed. The bot itself gives this command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import ClassVar, Self

from pydantic import TypeAdapter

from bot import log
from bot.codegen.models import AgentRun, CheckRound, CheckSuiteSettings
from bot.commands.analyze_logs import (
    MOST_CHECKS,
    Findings,
    check_list,
    have_failed,
    read_logs,
    with_findings,
)
from bot.commands.checks import codegen_repository
from bot.commands.registry import FIX_CHECKS
from bot.commands.usage import Flags, Usage
from bot.errors import RETRIED, UpstreamError
from bot.execution import prompts, run_texts
from bot.execution.agent_runs import follow
from bot.execution.context import CommandContext
from bot.execution.phrases import paragraphs, run_link, time_of_day
from bot.execution.reply import Reason, Reply
from bot.execution.run_marks import author_of
from bot.execution.run_texts import Ended
from bot.github.events import FAILED_CONCLUSIONS
from bot.github.models import CheckRun
from bot.text.failure_signature import failure_signature
from bot.text.markers import Stage

_log = log.get(__name__)

FIRST_LOOK, LONGEST_PAUSE = 5.0, 60.0
"""Seconds between two looks at checks that have not ended: they grow from the one to the other."""

LONGEST_WAIT = 6 * 3600.0
"""Seconds, as long as a job of GitHub Actions may take. What has failed by then is dealt with."""

HINT_LIMIT = 4_000


@dataclass(frozen=True, slots=True)
class FixChecks:
    """:param sha: the commit
    :param run: the run that pushed it, as its message says; not trusted
    """

    USAGE: ClassVar[Usage] = Usage(FIX_CHECKS, "Has a run fix the failed checks of its commit.", sets_latest=True)

    sha: str
    run: int | None = None

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:
        raise NotImplementedError("nobody can give this command")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The failed checks of a commit when all have ended.

    :param why_not: why nothing is to be done; empty if something is
    :param is_of_run: whether the run pushed the commit
    :param limit: how many rounds there may be
    :param hints: what the repository's settings say to do about them
    """

    why_not: str = ""
    run_id: int = 0
    is_of_run: bool = False
    limit: int = 0
    failed: tuple[CheckRun, ...] = ()
    hints: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """:param number: from 1"""

    number: int
    limit: int


_SETTLED = TypeAdapter(Settled)
_FINDINGS = TypeAdapter(Findings)
_ROUND = TypeAdapter(CheckRound)


async def fix_checks(command: FixChecks, ctx: CommandContext) -> Reply:
    thread, identity = ctx.invocation.require_thread(), ctx.invocation.identity
    settled = await ctx.record("settled-checks", _SETTLED, lambda: _settle(command, ctx), is_waiting=True)
    if settled.why_not:
        return _nothing(settled.why_not)
    findings = await ctx.record("failed-checks", _FINDINGS, lambda: _find(command.sha, settled.failed, ctx))
    seen = [*findings.evidence, *((name, "") for name in findings.more)]
    failure = await ctx.offload(partial(failure_signature, seen))
    claimed = await ctx.record(
        "claim-round",
        _ROUND,
        lambda: ctx.codegen.claim_check_round(
            settled.run_id, sha=command.sha, identity=identity, failure=failure, is_anew=not settled.is_of_run
        ),
    )
    if not claimed.is_mine:
        return _nothing("The failed checks of this commit are dealt with already.")

    run = await ctx.runs.get(settled.run_id, waits=True)
    earlier, prefix = claimed.earlier, ctx.invocation.prefix
    if earlier and earlier[-1] == failure:
        return await ctx.render(same_again, run, findings, rounds=len(earlier), prefix=prefix)
    if len(earlier) >= settled.limit:
        return await ctx.render(no_more_rounds, run, findings, rounds=len(earlier), prefix=prefix)
    author = author_of(run)
    await ctx.charge(1, login=author.login if author else None)
    prompt = prompts.fix_checks_prompt(thread, command.sha, findings.evidence, identity=identity, hints=settled.hints)
    started = await ctx.runs.resume(run, prompt)
    this = Round(number=len(earlier) + 1, limit=settled.limit)
    return await follow(
        started,
        ctx,
        started_reply=partial(fixing, findings=findings, this=this),
        working=partial(fixing, findings=findings, this=this),
        outcome=partial(worked_on, findings=findings, this=this),
        resumed=run,
    )


def _nothing(why: str) -> Reply:
    return Reply(Stage.FINISHED, why, reason=Reason.NO_COMMAND)


# Waiting


async def _settle(command: FixChecks, ctx: CommandContext) -> Settled:
    """Waits until the run and the checks have ended.

    :raises UpstreamError: if GitHub or the agents' API refuses, or fails for too long
    """
    waited, pause = 0.0, FIRST_LOOK
    look = _Look(command, ctx)
    while True:
        is_last = waited >= LONGEST_WAIT
        try:
            settled = await look(is_last=is_last)
        except UpstreamError as error:
            if error.kind not in RETRIED or is_last:
                raise
            _log.warning("checks.unreadable", reason=str(error))
            settled = None
        if settled is not None:
            return settled
        await ctx.sleep(pause)
        waited, pause = waited + pause, min(pause * 1.5, LONGEST_PAUSE)


class _Look:
    """Looks at the commit once more."""

    def __init__(self, command: FixChecks, ctx: CommandContext) -> None:
        self._command = command
        self._ctx = ctx
        self._known: CheckSuiteSettings | None = None

    async def __call__(self, *, is_last: bool) -> Settled | None:
        """:param is_last: whether to wait no longer
        :returns: None if it is too early
        """
        ctx, sha = self._ctx, self._command.sha
        repository, number = ctx.invocation.require_repository(), ctx.invocation.require_thread().number
        head = await ctx.codegen.checked_head(repository, number, sha, hint=self._command.run)
        if head is None:
            return Settled(why_not="No run of an agent of the bot's own works on this pull request.")
        if head.is_working:
            return Settled(why_not="An agent is still working on this pull request.") if is_last else None
        if not head.is_of_run and not ctx.config.checks.fix_commits_of_people:
            return Settled(why_not="The commit is not a run's.")
        if head.is_banned:
            return Settled(why_not="Agents are banned from this pull request.")
        pull_request = await ctx.github.pull_request(repository, number)
        if not pull_request.is_open or pull_request.head_sha != sha:
            return Settled(why_not="The commit is not the head of an open pull request any more.")
        settings = await self._settings()
        if not any((settings.check_retry_count, *settings.check_retry_counts.values())):
            return Settled(why_not="The repository's settings allow no tries.")
        checks = [
            check
            for check in await ctx.github.check_runs(repository, sha)
            if check.name not in settings.ignored_checks and _limit(check, settings)
        ]
        failed = tuple(check for check in checks if check.conclusion in FAILED_CONCLUSIONS)
        is_urgent = any(check.app in settings.high_priority_apps for check in failed)
        if any(check.status != "completed" for check in checks) and not is_urgent and not is_last:
            return None
        if not failed:
            return Settled(why_not="Only ignored checks have failed.")
        labels = await ctx.github.labels(repository, number)
        ban = ctx.config.labels.ban_checks.casefold()
        if any(label.name.casefold() == ban for label in labels):
            return Settled(why_not="The label bans agents from this pull request.")
        return Settled(
            run_id=head.agent_run_id,
            is_of_run=head.is_of_run,
            limit=max(_limit(check, settings) for check in failed),
            failed=failed,
            hints=_hints(failed, settings),
        )

    async def _settings(self) -> CheckSuiteSettings:
        if self._known is None:
            repository = await codegen_repository(self._ctx)
            self._known = await self._ctx.codegen.check_suite_settings(repository.id)
        return self._known


def _limit(check: CheckRun, settings: CheckSuiteSettings) -> int:
    return settings.check_retry_counts.get(check.name, settings.check_retry_count)


def _hints(failed: Sequence[CheckRun], settings: CheckSuiteSettings) -> tuple[str, ...]:
    texts = [settings.custom_prompts.get(check.name, "")[:HINT_LIMIT].strip() for check in failed]
    return tuple(dict.fromkeys(filter(None, texts)))


async def _find(sha: str, failed: Sequence[CheckRun], ctx: CommandContext) -> Findings:
    more = tuple(check.name for check in failed[MOST_CHECKS:])
    return Findings(sha=sha, failed=await read_logs(failed[:MOST_CHECKS], ctx), more=more)


# Replies


def fixing(run: AgentRun, *, findings: Findings, this: Round, since: datetime | None = None, step: str = "") -> Reply:
    """:param since: when the run was resumed; None: it has just been
    :param step: what its agent did last, as harmless Markdown
    """
    begun = "" if since is None else f" since {time_of_day(since)}"
    text = f"{have_failed(findings)}. {_named(this)}: an agent is fixing this{begun} in {run_link(run)}."
    last = f" Last step: {step}." if step else ""
    return Reply.of(Stage.STARTED if since is None else Stage.WORKING, text + last, check_list(findings), run=run)


def worked_on(ended: Ended, *, findings: Findings, this: Round, prefix: str) -> Reply:
    """The run's outcome, the checks and the excerpts."""
    reply = run_texts.outcome(ended, prefix=prefix)
    return with_findings(replace(reply, text=paragraphs(f"{_named(this)} for failed checks.", reply.text)), findings)


def same_again(run: AgentRun, findings: Findings, *, rounds: int, prefix: str) -> Reply:
    """Stopped: the last round has not changed the failure."""
    why = f"This is the same failure as before round {rounds}, so another round would not help."
    return _stopped(run, findings, why, prefix)


def no_more_rounds(run: AgentRun, findings: Findings, *, rounds: int, prefix: str) -> Reply:
    """Stopped: the repository's limit is reached."""
    why = f"{rounds} of {rounds} rounds are used up; `{prefix} checks --retries` sets how many there are."
    return _stopped(run, findings, why, prefix)


def _stopped(run: AgentRun, findings: Findings, why: str, prefix: str) -> Reply:
    text = paragraphs(
        f"No agent is fixing the failed checks. {why}",
        f"Next: `{prefix} resume {run.id} <a hint>` continues {run_link(run)}, and the rounds count anew.",
    )
    return with_findings(Reply.of(Stage.FAILED, text, run=run), findings)


def _named(this: Round) -> str:
    return f"Round {this.number} of {this.limit}"
