"""``logs --follow``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.app.direct import Direct
from bot.cli.execute import READ_TIMEOUT, CliInvocation, invocation_of, opened, with_settings
from bot.cli.lean import clear_start
from bot.cli.screen import Progress, Screen, json_line, say
from bot.codegen.client import Codegen
from bot.codegen.log_follower import follow_log
from bot.codegen.models import PAGE_SIZE, AgentRun, LogPage
from bot.commands.list_runs import Status
from bot.commands.logs import Logs
from bot.commands.usage import ParseError
from bot.errors import UpstreamError
from bot.execution.failures import describe
from bot.execution.outcome import CommandOutcome, outcome_of
from bot.execution.reply import reason_of_error
from bot.execution.run_patterns import RunPatterns
from bot.execution.trace import entry_text
from bot.settings.model import Accounts
from bot.text.redaction.redacting import redacted
from bot.upstream import giving_up_after


def follow(typed: CliInvocation, screen: Screen, *, last: int | None) -> CommandOutcome | None:
    """``logs --follow``: prints each entry of the run's log once, until the run has ended.

    :param last: how many of the existing entries; None: all
    :returns: None on success
    :raises ParseError: if there is nothing to follow
    """
    if typed.thread is None and isinstance(typed.command, Logs) and typed.command.run is None:
        raise ParseError("`--follow` needs a run's number, or `--thread` for a thread's latest run.")

    async def followed(settings: Accounts) -> CommandOutcome | None:
        progress = Progress(lambda _invocation, _reply: None, lambda notice: say(notice, err=True))
        clear_start()
        async with opened(settings, screen, progress, posts=False) as direct:
            try:
                with giving_up_after(READ_TIMEOUT):
                    run = await _selected_run(typed, direct)
                    if isinstance(run, CommandOutcome):
                        return run
                    log = await _beginning(run, direct, last, org_id=settings.codegen_org_id)
            except UpstreamError as error:
                return CommandOutcome(reason=reason_of_error(error.kind), sentence=describe(error))
            return await _print_log(log, direct, screen)

    return with_settings(typed, followed)


async def _selected_run(typed: CliInvocation, direct: Direct) -> AgentRun | CommandOutcome:
    """The run that `status` would show."""
    assert isinstance(typed.command, Logs)  # noqa: S101 - the only command with --follow
    invocation = await invocation_of(replace(typed, command=Status(typed.command.run), posts=False), direct)
    outcome = outcome_of(await direct.inline_executor.execute(invocation))
    return outcome.main_run or outcome


@dataclass(frozen=True, slots=True)
class _Log:
    """A log of which the beginning has been read.

    :param start: position of the first entry to print, counted from 0
    :param first: the page there
    :param patterns: secret patterns for redacting the run's texts
    """

    run: AgentRun
    start: int
    first: LogPage
    patterns: Sequence[str]


async def _beginning(run: AgentRun, direct: Direct, last: int | None, *, org_id: int) -> _Log:
    codegen = direct.clients.codegen
    patterns = RunPatterns(direct.clients.configs, org_id=org_id, repositories=codegen.repositories)
    start = 0 if last is None else await _position_of_last(codegen, run.id, last)
    first = await codegen.logs_page(run.id, skip=start, limit=PAGE_SIZE)
    return _Log(run, start, first, await patterns.for_run(run.organization_id, run))


async def _print_log(log: _Log, direct: Direct, screen: Screen) -> CommandOutcome | None:
    """Prints the entries as they arrive, and at last how the run has ended.

    :returns: the outcome if the rest of the log cannot be read
    """
    codegen, timing, run = direct.clients.codegen, direct.timing, log.run
    printed = log.start
    try:
        async for position, entry in follow_log(
            codegen,
            run.id,
            start=log.start,
            first=log.first,
            interval=timing.run_poll_interval,
            sleep=timing.sleep,
        ):
            if screen.as_json:
                json_line({"index": position, "log": redacted(entry.model_dump(mode="json"), log.patterns)})
            else:
                say(entry_text(position + 1, redacted(entry, log.patterns), run.created_at))
            printed = position + 1
        ended = await codegen.run(run.id)
    except UpstreamError as error:
        sentence = (
            f"The log of run {run.id} cannot be followed beyond entry {printed}; the run itself is not affected. "
            f"{describe(error)}"
        )
        return CommandOutcome(reason=reason_of_error(error.kind), sentence=sentence)
    say(f"Run {run.id} has ended: {ended.state}.", err=True)
    return None


async def _position_of_last(codegen: Codegen, run_id: int, last: int) -> int:
    page = await codegen.logs_page(run_id, limit=last, reverse=True)
    return max(0, (page.total_logs if page.total_logs is not None else len(page.logs)) - last)
