"""``confirm`` and ``keep``: confirms a large multi-run, and chooses one of its attempts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot import log
from bot.codegen.models import AgentRun, RunPullRequest
from bot.commands.multi_run import MOST_ATTEMPTS
from bot.commands.pull_request import link_name
from bot.commands.usage import Flags, NoArgsCommand, ParseError, Usage, first_line, whole_number
from bot.errors import UpstreamError, UserError
from bot.execution.context import CommandContext
from bot.execution.failures import describe
from bot.execution.phrases import pull_request_links, run_link, whole_sentence, with_pull_requests
from bot.execution.reply import Reply
from bot.execution.resolve_run import check_changeable
from bot.execution.run_marks import location_of
from bot.text.markers import Stage
from bot.text.untrusted import inert_words, inline_code

_log = log.get(__name__)

SYNTHESIS = "synthesis"


class Confirm(NoArgsCommand):
    USAGE = Usage(
        "confirm", "Confirms your own large multi-run that waits on this thread; a thumbs-up on its comment does too."
    )


@dataclass(frozen=True, slots=True)
class Keep:
    """:param attempt: its number, from 1; None: the synthesis
    :param runs: all runs of the multi-run; empty: those of the thread's latest
    """

    USAGE: ClassVar[Usage] = Usage(
        "keep",
        "Keeps one attempt of the latest multi-run (or its synthesis) and closes the others' pull requests.",
        arguments="N|synthesis",
        example_arguments="2",
    )

    attempt: int | None
    runs: tuple[int, ...] = ()

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the argument is neither an attempt's number nor ``synthesis``"""
        word = first_line(rest).lower()
        if word == SYNTHESIS:
            return cls(None)
        try:
            return cls(whole_number(word, 1, MOST_ATTEMPTS, name="keep"))
        except ParseError:
            raise ParseError("`keep` takes the number of an attempt, or the word `synthesis`.") from None


async def confirm(_command: Confirm, ctx: CommandContext) -> Reply:
    identities = await ctx.confirmation.give()
    if not identities:
        login = inline_code(ctx.invocation.person.login)
        raise UserError(
            f"{login} has nothing to confirm here: only the author of a command can confirm it, within an hour."
        )
    # An entry point without a database reads them from the marker.
    text = "Confirmed; the command's own comment shows its progress."
    return Reply(Stage.FINISHED, text, confirms=tuple(identities))


async def keep(command: Keep, ctx: CommandContext) -> Reply:
    run_ids = command.runs or await ctx.thread_runs.latest_multi_run()
    if not run_ids:
        raise UserError(
            "No multi-run belongs to this thread yet. Start one with "
            f"`{ctx.invocation.prefix} multi-run -n 3 <what to do>`; its reply shows the attempts to choose from."
        )
    runs = [await ctx.codegen.run(run_id) for run_id in run_ids]
    for run in runs:
        await check_changeable(run, ctx)
    attempts = {number: run for run in runs if isinstance(number := _metadata(run, "multi_run_index"), int)}
    if command.attempt is None:
        name, chosen = SYNTHESIS, next((run for run in runs if _metadata(run, "multi_run_synthesis")), None)
    else:
        name, chosen = f"attempt {command.attempt}", attempts.get(command.attempt)
    if chosen is None:
        known = ", ".join(map(str, sorted(attempts)))
        raise UserError(f"This thread's latest multi-run has no {name}; its attempts are {known}.")
    what = f"the {name}" if name == SYNTHESIS else name
    await _check_open(what, chosen, ctx)
    await ctx.show(Reply.of(Stage.ACCEPTED, f"Accepted. Keeping {what} and closing the others…", run=chosen))
    keeps = {link_name(link) for link in chosen.github_pull_requests}
    others = [
        (run, link)
        for run in runs
        if run.id != chosen.id
        for link in run.github_pull_requests
        if link_name(link) not in keeps
    ]
    closed = [await _close(link, ctx) for _, link in others]
    is_closed = {link for link, problem in closed if not problem}
    deleted = [
        await _delete_branch(run, link, ctx)
        for run, link in others
        if link_name(link) in is_closed and is_made_by_bot(run, link)
    ]
    return await ctx.render(kept, what, chosen, closed, [each for each in deleted if each is not None])


def _metadata(run: AgentRun, name: str) -> object:
    return (run.metadata or {}).get(name)


async def _check_open(what: str, chosen: AgentRun, ctx: CommandContext) -> None:
    """:param what: the chosen run, in words
    :raises UserError: if its pull requests are closed, usually by an earlier `keep`: closing the others leaves none
    """
    links = chosen.github_pull_requests
    if links and all([await _is_given_up(link, ctx) for link in links]):
        raise UserError(
            f"{what.capitalize()} cannot be kept, because its pull request is closed: {pull_request_links(links)}.\n\n"
            "Next: reopen it on its own page, where its branch can be restored, and then keep it."
        )


async def _is_given_up(link: RunPullRequest, ctx: CommandContext) -> bool:
    """Whether it is closed without having been merged, as far as the bot can see."""
    location = location_of(link)
    if location is None:
        return False
    try:
        found = await ctx.github.pull_request(*location)
    except UpstreamError:
        return False
    return not found.is_open and not found.is_merged


async def _close(link: RunPullRequest, ctx: CommandContext) -> tuple[str, str]:
    """:returns: its link, and why it could not be closed, if so"""
    try:
        edited = await ctx.codegen.edit_pull_request(link.id, "closed")
    except UpstreamError as error:
        return link_name(link), describe(error)
    return link_name(link), "" if edited.success else await ctx.render(_refusal, edited.error)


_OWN_BRANCH = re.compile(r"codegen-bot/(?:[a-z0-9-]+-)?(?P<run>[0-9]+)(?:-[2-5])?(?:-again)?(?:-[2-5])?")
"""How `bot.agents.workspace.starting_points.own_branch_name` and the pushes after it name a run's branch."""


def is_made_by_bot(run: AgentRun, link: RunPullRequest) -> bool:
    """Whether the pull request's branch is one that an agent of your own has got from the bot for this run alone."""
    found = _OWN_BRANCH.fullmatch(link.head_branch_name or "")
    return run.is_of_own_agent and found is not None and int(found["run"]) == run.id


async def _delete_branch(run: AgentRun, link: RunPullRequest, ctx: CommandContext) -> tuple[str, str] | None:
    """Deletes the branch of a closed pull request.

    :returns: its name, and why it could not be deleted, if so; None if GitHub says that it is another one
    """
    location, branch = location_of(link), link.head_branch_name or ""
    if location is None:
        return None
    try:
        found = await ctx.github.pull_request(*location)
        if found.is_open or found.is_fork or found.head_branch != branch:
            return None
        await ctx.github.delete_branch(location[0], branch)
    except UpstreamError as error:
        _log.info("multi_run.branch_not_deleted", run=run.id, branch=branch, reason=str(error))
        return branch, describe(error)
    return branch, ""


def _refusal(error: str | None) -> str:
    """:param error: Codegen's message"""
    return whole_sentence(inert_words(error or "", 200)) or "Codegen does not say why."


def kept(name: str, run: AgentRun, closed: list[tuple[str, str]], deleted: Sequence[tuple[str, str]] = ()) -> Reply:
    """:param name: what is kept, in words
    :param closed: the others' links, and why each could not be closed, if so
    :param deleted: their branches, and why each could not be deleted, if so
    """
    failed = [f"- {link}: {problem}" for link, problem in closed if problem]
    done = ", ".join(link for link, problem in closed if not problem)
    return Reply.of(
        Stage.FAILED if failed else Stage.FINISHED,
        f"Kept {name}, {run_link(run)}{with_pull_requests(run)}.",
        f"Closed: {done}." if done else "",
        _branches("Deleted", [branch for branch, problem in deleted if not problem]),
        _branches("Could not be deleted", [branch for branch, problem in deleted if problem]),
        "\n".join(("Could not be closed:", "", *failed)) if failed else "",
        "" if closed else "The others have no pull requests.",
        "Next: close the rest on their own pages." if failed else "",
        run=run,
    )


def _branches(what: str, names: Sequence[str]) -> str:
    return f"{what}: {', '.join(map(inline_code, names))}." if names else ""
