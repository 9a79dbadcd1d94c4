"""``logs --follow``: prints a run's log as it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.app.direct import Direct
from bot.cli.execute import CliInvocation, accounts, invocation_of, opened
from bot.cli.process import run_to_the_end
from bot.cli.screen import Screen, json_line, say
from bot.codegen.client import Codegen
from bot.codegen.log_follower import follow_log
from bot.codegen.models import AgentRun
from bot.commands.logs import Logs
from bot.commands.status import Status
from bot.commands.usage import ParseError
from bot.errors import SettingsError, UpstreamError
from bot.handlers.redacting import redacted
from bot.handlers.run_patterns import RunPatterns
from bot.outcome import CommandOutcome, outcome_of
from bot.replies.failures import sentence
from bot.replies.reason import Reason, of_kind
from bot.replies.redaction import redact_all
from bot.replies.trace import entry_text
from bot.settings import Accounts


def follow(wish: CliInvocation, screen: Screen, *, last: int | None) -> CommandOutcome | None:
    """Prints each entry once, until the run has ended.

    :param last: how many of the existing entries; None: all
    :returns: None on success
    :raises ParseError: if there is nothing to follow
    """
    if screen.is_dry:
        raise ParseError("`--follow` does not work with a dry run: no log is requested.")
    if wish.thread is None and isinstance(wish.command, Logs) and wish.command.run is None:
        raise ParseError("`--follow` needs a run's number, or `--thread` for a thread's latest run.")
    try:
        return run_to_the_end(_follow(wish, accounts(wish), screen, last))
    except SettingsError as error:
        return CommandOutcome(reason=Reason.BAD_INPUT, sentence=str(error))


async def _follow(wish: CliInvocation, settings: Accounts, screen: Screen, last: int | None) -> CommandOutcome | None:
    async with opened(settings, lambda _invocation, _reply: None, screen) as direct:
        try:
            found = await _run(wish, direct)
            if isinstance(found, CommandOutcome):
                return found
            patterns = await RunPatterns(direct.clients.configs, org_id=settings.codegen_org_id).of(
                found.organization_id, found
            )
            await _print(found, direct, screen, last, patterns)
        except UpstreamError as error:
            return CommandOutcome(reason=of_kind(error.kind), sentence=sentence(error))
    return None


async def _run(wish: CliInvocation, direct: Direct) -> AgentRun | CommandOutcome:
    """The selected run: the one that `status` would show."""
    assert isinstance(wish.command, Logs)  # noqa: S101 - the only command with --follow
    invocation = await invocation_of(replace(wish, command=Status(wish.command.run), posts=False), direct)
    outcome = outcome_of(await direct.inline_executor.execute(invocation))
    return outcome.main_run or outcome


async def _print(run: AgentRun, direct: Direct, screen: Screen, last: int | None, patterns: Sequence[str]) -> None:
    """:param patterns: secret patterns for redacting the run's texts"""
    codegen, timing = direct.clients.codegen, direct.timing
    start = 0 if last is None else await _place_of_last(codegen, run.id, last)
    async for place, entry in follow_log(
        codegen, run.id, start=start, shortest=timing.shortest, longest=timing.longest, sleep=timing.sleep
    ):
        if screen.as_json:
            log: Any = redact_all(entry.model_dump(mode="json"), patterns)
            json_line({"index": place, "log": log})
        else:
            say(entry_text(place + 1, redacted(entry, patterns), run.created_at))
    if not screen.as_json:
        ended = await codegen.run(run.id)
        say(f"Run {run.id} has ended: {ended.state}.", err=True)


async def _place_of_last(codegen: Codegen, run_id: int, last: int) -> int:
    page = await codegen.logs_page(run_id, limit=last, reverse=True)
    return max(0, (page.total_logs if page.total_logs is not None else len(page.logs)) - last)
