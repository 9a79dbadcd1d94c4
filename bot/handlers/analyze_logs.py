"""``analyze-logs``: has a sandbox's set-up explained, or the failed checks of the thread's pull request."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pydantic import TypeAdapter

from bot import log
from bot.commands.analyze_logs import AnalyzeLogs
from bot.errors import OffloadError, Refusal, UpstreamError, UserMistake
from bot.github.models import CheckRun, Permission
from bot.handlers.budget import spend
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.place import place_of
from bot.replies import analysis as replies
from bot.replies import prompts, runs
from bot.replies.analysis import FailedCheck, Findings
from bot.replies.failures import sentence
from bot.replies.job_log import telling
from bot.replies.reply import Reply

_log = log.get(__name__)

MOST_CHECKS = 10
"""Failed checks that are looked into; where one thing breaks dozens, ten of them tell which."""

LONGEST_EXCERPT = 12_000
EXCERPTS_BUDGET = 32_000
"""Characters of one check's excerpt, and of all together."""

_FAILED = frozenset({"failure", "timed_out", "startup_failure"})
_FINDINGS = TypeAdapter(Findings)


async def analyze_logs(command: AnalyzeLogs, order: Order, do: Do) -> Reply:
    if command.sandbox_id is not None:
        if order.is_public:
            raise Refusal(replies.sandbox_not_in_public(command.sandbox_id))
        return await _of_sandbox(command.sandbox_id, order, do)
    if not order.the_thread().is_pull_request:
        raise UserMistake(replies.only_on_pull_requests(prefix=order.prefix))
    return await _of_checks(order, do)


async def _of_sandbox(sandbox_id: int, order: Order, do: Do) -> Reply:
    # No answer of Codegen's tells which repository a sandbox is of: it is for those for whom such a run would be.
    if await do.permission(needed=Permission.WRITE) < Permission.WRITE:
        raise UserMistake(replies.sandbox_takes_write())
    await spend(1, order, do)
    await do.show(replies.accepted_sandbox(sandbox_id))
    started = await do.runs.analyze_sandbox_logs(sandbox_id)
    if not order.waits:
        return runs.left(started.run, prefix=order.prefix)
    await do.show(runs.started(started.run))
    ended = await do.following.wait(started, show=lambda seen, seconds: do.shaped(runs.working, seen, seconds=seconds))
    return await do.shaped(
        replies.sandbox_analysed,
        ended.run,
        sandbox_id,
        seconds=ended.seconds,
        prefix=order.prefix,
        problem=ended.problem,
    )


async def _of_checks(order: Order, do: Do) -> Reply:
    await do.show(replies.accepted_checks(slot_in=do.runs.creation_wait()))
    place = await place_of(order, do)
    assert place.pull_request is not None  # noqa: S101 - the thread is one
    sha = place.pull_request.head_sha
    findings = await do.runs.settled("failed-checks", _FINDINGS, lambda: _find(sha, order, do))
    if not findings.failed:
        return await do.shaped(replies.none_failed, findings, prefix=order.prefix)
    if not any(check.excerpt for check in findings.failed):
        return await do.shaped(replies.nothing_to_read, findings)

    await spend(1, order, do)
    evidence = [(check.name, check.excerpt or check.problem) for check in findings.failed]
    try:
        started = await do.runs.create(
            prompts.checks_prompt(place, evidence),
            model=do.config.defaults.model,
            agent_type=do.config.defaults.agent_type,
        )
    except UpstreamError as error:
        return await do.shaped(replies.not_asked, findings, error)
    if not order.waits:
        return runs.left(started.run, prefix=order.prefix)
    await do.show_shaped(replies.asked, started.run, findings)
    ended = await do.following.wait(
        started, show=lambda run, seconds: do.shaped(replies.looking, run, findings, seconds=seconds)
    )
    return await do.shaped(
        replies.checks_explained, ended.run, findings, seconds=ended.seconds, prefix=order.prefix, problem=ended.problem
    )


async def _find(sha: str, order: Order, do: Do) -> Findings:
    checks = await do.github.check_runs(order.the_repository(), sha)
    failed = [check for check in checks if check.conclusion in _FAILED]
    running = [check for check in checks if check.status != "completed"]
    return Findings(
        sha=sha,
        failed=await _read(failed[:MOST_CHECKS], order, do),
        more=tuple(check.name for check in failed[MOST_CHECKS:]),
        running=tuple(check.name for check in running),
        passed=len(checks) - len(failed) - len(running),
    )


async def _read(failed: Sequence[CheckRun], order: Order, do: Do) -> tuple[FailedCheck, ...]:
    """What the checks left behind. A log that cannot be read hides no other's.

    :raises UpstreamError: where GitHub refuses every log, and no check says anything of itself
    """
    budget = min(LONGEST_EXCERPT, EXCERPTS_BUDGET // max(len(failed), 1))
    found: list[FailedCheck] = []
    refusal: UpstreamError | None = None
    for check in failed:
        text, problem = None, ""
        if check.app == "github-actions":
            try:
                text = await do.github.job_log(order.the_repository(), check.id)
                problem = "" if text else "its log is gone"
            except UpstreamError as error:
                _log.warning("job-log.failed", job=check.id, reason=str(error))
                refusal, problem = error, f"its log could not be read: {sentence(error)}"
        words = text or "\n\n".join(part for part in (check.title, check.summary) if part)
        try:
            kept = await do.offloaded(partial(telling, words, budget, do.config.secret_patterns))
        except OffloadError as error:
            _log.warning("job-log.unprepared", job=check.id, reason=str(error))
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
