"""``runs`` and ``status``: shows the thread's agent runs, and one of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from bot.codegen.models import AgentRun, State, normalise
from bot.commands.usage import Flag, Flags, ParseError, RunCommand, Usage, first_line, number_flag, run_usage
from bot.execution import run_texts
from bot.execution.context import CommandContext
from bot.execution.phrases import ago, count, one_line, one_word, pull_request_links, run_link, table
from bot.execution.reply import Reply
from bot.execution.resolve_run import visible_run
from bot.execution.run_marks import mark_of, threads_of, title_of
from bot.text.markers import Stage

MOST_RUNS = 50
DEFAULT_LIMIT = 10

MOST_PAGES = 3
"""Pages of a hundred runs that one command may read: all commands together have 60 reads in 30 s."""

DESCRIPTION_LIMIT = 100
"""Characters of a run's description."""

_WORKING = frozenset({"active", "running", "evaluation", "in-progress"})
"""Codegen's words for it: every word that `normalise` does not know means working as well."""

_STATES = ", ".join(f"`{state}`" for state in State)


@dataclass(frozen=True, slots=True)
class ListRuns:
    """:param status: only those in this state
    :param limit: how many, up to `MOST_RUNS`
    """

    USAGE: ClassVar[Usage] = Usage(
        "runs",
        "Shows the latest runs, those of this thread marked.",
        flags=(
            Flag("--status", "-s", "S", f"Only those in this state: {_STATES}."),
            Flag("--limit", "-n", "N", f"How many, 1 to {MOST_RUNS}; the default is {DEFAULT_LIMIT}."),
        ),
        example_arguments="--status failed --limit 20",
        read_only=True,
    )

    status: State | None = None
    limit: int = DEFAULT_LIMIT

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:
        """:raises ParseError: if a flag's value is invalid, or there is anything but flags"""
        if first_line(rest):
            raise ParseError("`runs` takes `--status` and `--limit` and nothing else.")
        return cls(
            status=next(map(_read_state, flags.get("--status", ())), None),
            limit=number_flag(flags, "--limit", 1, MOST_RUNS) or DEFAULT_LIMIT,
        )


def _read_state(typed: str) -> State:
    """The state for a word: the bot's own, or one of Codegen's in any case."""
    word = re.sub(r"[\s_-]+", "-", typed.strip()).lower()
    if word in [*State]:
        return State(word)
    state = normalise(word)
    if state is not State.WORKING or word in _WORKING:
        return state
    near = difflib.get_close_matches(word[:40], [*State], n=1, cutoff=0.5)
    raise ParseError(f"`--status` takes one of {_STATES}.{f' Did you mean `{near[0]}`?' if near else ''}")


class Status(RunCommand):
    USAGE = run_usage(
        "status",
        "Shows the state of a run; without a number, of this thread's latest run.",
        permission="read",
        read_only=True,
    )


async def list_runs(command: ListRuns, ctx: CommandContext) -> Reply:
    found: dict[int, AgentRun] = {}
    searched = total = 0
    matching: list[AgentRun] = []
    for number in range(1, MOST_PAGES + 1):
        page = await ctx.codegen.runs_page(number)
        searched, total = searched + len(page.runs), page.total
        # Keyed by id: a run started meanwhile shifts the pages, so that one comes twice.
        found |= {run.id: run for run in await _listable(page.runs, ctx)}
        matching = [run for run in found.values() if command.status in {None, run.state}]
        if len(matching) >= command.limit or not page.runs or searched >= total:
            break
    runs = matching[: command.limit]
    shown = await ctx.render(
        latest_runs,
        runs,
        search=Search(
            owner="The organization" if ctx.invocation.by_token else "This repository",
            status=command.status,
            found=len(found),
            is_complete=searched >= total,
            has_more=len(matching) > len(runs),
        ),
        here=await _on_thread(runs, ctx),
        logins={run.id: mark.login for run in runs if (mark := mark_of(run)) and mark.login},
        now=ctx.now(),
        prefix=ctx.invocation.prefix,
    )
    return shown.with_data(runs)


async def _listable(runs: tuple[AgentRun, ...], ctx: CommandContext) -> list[AgentRun]:
    """Those that may be listed here; of others not even the id is shown."""
    if ctx.invocation.by_token:
        return [*runs]
    listable = await ctx.thread_runs.in_repository(runs)
    return [run for run in runs if run.id in listable]


async def _on_thread(runs: list[AgentRun], ctx: CommandContext) -> set[int]:
    thread = ctx.invocation.thread
    if thread is None:
        return set()
    worked_on = {run.id for run in runs if (thread.repository.lower(), thread.number) in threads_of(run)}
    return {*await ctx.thread_runs.on_thread(thread.repository, thread.number), *worked_on}


async def status(command: Status, ctx: CommandContext) -> Reply:
    run = await visible_run(command.run, ctx)
    seconds = (ctx.now() - run.created_at).total_seconds() if run.created_at else None
    shown = await ctx.render(run_texts.status, run, seconds=seconds, prefix=ctx.invocation.prefix)
    return shown.with_data(run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a list of runs was selected from.

    :param owner: of the runs, as the beginning of a sentence
    :param status: only runs in this state were searched for
    :param found: how many runs there are in any state, as far as was searched
    :param is_complete: whether all runs were searched
    :param has_more: whether more runs were found than are shown
    """

    owner: str
    status: State | None
    found: int
    is_complete: bool
    has_more: bool


def latest_runs(
    runs: Sequence[AgentRun],
    *,
    search: Search,
    here: Collection[int],
    logins: Mapping[int, str],
    now: datetime,
    prefix: str,
) -> Reply:
    """:param here: the runs that belong to this thread
    :param logins: the users who requested them through the bot
    """
    if not runs:
        return Reply(Stage.FINISHED, _none(search, prefix))
    rows = [_row(run, is_here=run.id in here, login=logins.get(run.id, ""), now=now) for run in runs]
    return Reply.of(
        Stage.FINISHED,
        _head(len(runs), search),
        table(("run", "state", "started", "pull requests", "about"), rows),
        "(here): belongs to this thread." if any(run.id in here for run in runs) else "",
    )


_UNSEARCHED = " Older runs were not searched."


def _none(search: Search, prefix: str) -> str:
    older = "" if search.is_complete else _UNSEARCHED
    if search.status is not None and search.found:
        return f"None of {_searched(search)} is `{search.status}`.{older}"
    if search.is_complete:
        return f"{search.owner} has no agent run yet. `{prefix} run <what to do>` starts one."
    return f"{search.owner} has no recent agent run.{older}"


def _head(shown: int, search: Search) -> str:
    older = "" if search.is_complete or search.has_more else _UNSEARCHED
    runs, are = count(shown, "run"), "is" if shown == 1 else "are"
    if search.status is not None:
        if search.has_more:
            return f"{search.owner}'s latest {runs} that {are} `{search.status}`; there are more."
        return f"{shown} of {_searched(search)} {are} `{search.status}`.{older}"
    if search.has_more:
        return f"{search.owner}'s latest {runs}; there are more."
    if search.is_complete:
        return f"{search.owner} has {runs} in all."
    return f"{search.owner}'s latest {runs}.{older}"


def _searched(search: Search) -> str:
    """The runs that were searched, within a sentence."""
    owner = f"{search.owner[:1].lower()}{search.owner[1:]}"
    return f"{owner}'s {'' if search.is_complete else 'latest '}{count(search.found, 'run')}"


def _about(run: AgentRun, login: str) -> str:
    """Who asked for what, as far as is known."""
    title, whose = one_line(title_of(run) or "", DESCRIPTION_LIMIT), one_word(login) if login else ""
    return f"{whose}: {title}" if whose and title else title or (whose and f"requested by {whose}")


def _row(run: AgentRun, *, is_here: bool, login: str, now: datetime) -> tuple[str, ...]:
    return (
        f"{run_link(run)} (here)" if is_here else run_link(run),
        run.state.value,
        ago(run.created_at, now=now),
        pull_request_links(run.github_pull_requests),
        _about(run, login),
    )
