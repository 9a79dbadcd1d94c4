"""What GitHub knows of the attempts of a multi-run: the states of their checks, and their diffs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot import log
from bot.codegen.models import AgentRun
from bot.commands.multi_run_texts import Attempt
from bot.errors import UpstreamError
from bot.execution.context import CommandContext
from bot.execution.run_marks import location_of
from bot.github.models import ChangedFile, CheckRun

_log = log.get(__name__)

CHECKS_INTERVAL = timedelta(seconds=20)
"""Between two looks at the checks of one attempt."""

MOST_FILES = 100
"""Files of one attempt whose patches the synthesis is given."""

DIFF_LIMIT = 200_000
"""Characters of one attempt's patches that are kept; a prompt has room for less."""

_GOOD = frozenset({"success", "neutral", "skipped"})


class AttemptChecks:
    """The states of the checks of attempts' pull requests, of agents of your own only: theirs name their branches."""

    def __init__(self, ctx: CommandContext) -> None:
        self._ctx = ctx
        self._known: dict[int, str] = {}
        self._read_at: dict[int, datetime] = {}

    async def of(self, attempts: Sequence[Attempt], *, is_last: bool = False) -> list[Attempt]:
        """The attempts with the states of their checks.

        :param is_last: whether to look again however recent the last look is
        """
        return [replace(each, checks=await self._state(each.run, is_last=is_last)) for each in attempts]

    async def _state(self, run: AgentRun | None, *, is_last: bool) -> str:
        if run is None or not run.is_of_own_agent or not run.github_pull_requests:
            return ""
        now, read_at = self._ctx.now(), self._read_at.get(run.id)
        if read_at is None or is_last or now - read_at >= CHECKS_INTERVAL:
            self._read_at[run.id] = now
            self._known[run.id] = await self._read(run)
        return self._known[run.id]

    async def _read(self, run: AgentRun) -> str:
        link = run.github_pull_requests[0]
        location = location_of(link)
        if location is None or not link.head_branch_name:
            return ""
        try:
            return in_words(await self._ctx.github.check_runs(location[0], link.head_branch_name))
        except UpstreamError as error:
            _log.info("multi_run.checks_unreadable", run=run.id, reason=str(error))
            return self._known.get(run.id, "")


def in_words(checks: Sequence[CheckRun]) -> str:
    """``passed``, ``2 of 5 failed``, ``3 running``; empty without checks."""
    running = sum(check.status != "completed" for check in checks)
    failed = sum(check.status == "completed" and check.conclusion not in _GOOD for check in checks)
    if failed:
        return f"{failed} of {len(checks)} failed"
    return f"{running} running" if running else "passed" if checks else ""


async def diffs_of(runs: Sequence[AgentRun], ctx: CommandContext) -> dict[int, str]:
    """The diffs of the runs' first pull requests, by the runs' ids; those that cannot be read are missing."""
    return {run.id: diff for run in runs if (diff := await _diff_of(run, ctx))}


async def _diff_of(run: AgentRun, ctx: CommandContext) -> str:
    location = location_of(run.github_pull_requests[0]) if run.github_pull_requests else None
    # Whoever asks may not see the private code of any other repository this way.
    if location is None or not run.is_of_own_agent or not await ctx.may_write(location[0]):
        return ""
    try:
        files = await ctx.github.pull_request_files(*location, most=MOST_FILES)
    except UpstreamError as error:
        _log.info("multi_run.diff_unreadable", run=run.id, reason=str(error))
        return ""
    return "\n".join(map(_patch, files))[:DIFF_LIMIT]


def _patch(file: ChangedFile) -> str:
    was = f" (was {file.previous_path})" if file.previous_path else ""
    head = f"{file.status} {file.path}{was}, +{file.additions} -{file.deletions}"
    return f"{head}\n{file.patch}\n" if file.patch else f"{head}, without a patch\n"
