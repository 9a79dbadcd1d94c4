"""Labels with a meaning: some trigger work once, others show a state and are kept in sync with it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from bot import log
from bot.codegen.models import AgentRun
from bot.errors import ErrorKind, UpstreamError
from bot.execution.context import CommandContext
from bot.execution.repository_config.model import LabelRole, Labels
from bot.execution.run_marks import ThreadKey, recorded_thread, threads_of
from bot.github.models import Label

_log = log.get(__name__)

_STYLES = {
    LabelRole.RUN: ("5319e7", "Starts a Codegen agent here, once"),
    LabelRole.MULTI_RUN: ("5319e7", "Starts several Codegen agents here, once"),
    LabelRole.ANALYZE_LOGS: ("5319e7", "Explains the failed checks, once"),
    LabelRole.REMOVE: ("b60205", "Removes Codegen from this pull request, once"),
    LabelRole.BAN_CHECKS: ("d93f0b", "Codegen does not react to the checks here"),
    LabelRole.STARRED: ("fbca04", "The team has starred a Codegen run of this"),
}
"""Colour and description."""


MOST_LABELS = 100
"""On one issue or pull request; GitHub adds no more."""


class LabelChange(Enum):
    """How the change of a label ended."""

    DONE = auto()
    REFUSED = auto()
    NO_ROOM = auto()


def label_of(role: LabelRole, labels: Labels) -> Label:
    """The label as the bot creates it if it is missing: the repository's name for it, colour, description."""
    return Label(labels.name_of(role), *_STYLES[role])


def is_state(role: LabelRole) -> bool:
    """Whether it stays on; any other label is removed when its work is done."""
    return role in {LabelRole.BAN_CHECKS, LabelRole.STARRED}


async def set_label(role: LabelRole, repository: str, number: int, ctx: CommandContext, *, on: bool) -> LabelChange:
    """Adds or removes a thread's label, where it is not so yet. A missing label is created, with its colour. A refusal
    never fails the command.
    """
    label, present = label_of(role, ctx.config.labels), 0
    try:
        names = [each.name.lower() for each in await ctx.github.labels(repository, number)]
        is_on, present = label.name.lower() in names, len(names)
        if on and not is_on:
            await ctx.github.create_label(repository, label)
            await ctx.github.add_labels(repository, number, [label.name])
        elif is_on and not on:
            await ctx.github.remove_label(repository, number, label.name)
    except UpstreamError as error:
        _log.warning("label.failed", label=label.name, on=on, reason=str(error))
        is_full = on and error.kind is ErrorKind.INVALID and present >= MOST_LABELS
        return LabelChange.NO_ROOM if is_full else LabelChange.REFUSED
    return LabelChange.DONE


async def set_labels(role: LabelRole, threads: Sequence[ThreadKey], ctx: CommandContext, *, on: bool) -> str:
    """Sets the label on the threads where the user may write.

    :returns: a sentence about those on which it could not be set; empty if there are none
    """
    failed: dict[LabelChange, list[str]] = {LabelChange.REFUSED: [], LabelChange.NO_ROOM: []}
    for repository, number in threads:
        change = LabelChange.REFUSED
        if await ctx.may_write(repository):
            change = await set_label(role, repository, number, ctx, on=on)
        if change is not LabelChange.DONE:
            failed[change].append(f"{repository}#{number}")
    sentences = []
    if refused := failed[LabelChange.REFUSED]:
        sentences.append(
            f"The label could not be changed on {', '.join(refused)}: the bot or the author of the command may not "
            "write there, or it is gone."
        )
    if full := failed[LabelChange.NO_ROOM]:
        sentences.append(
            f"The label could not be added on {', '.join(full)}: GitHub allows {MOST_LABELS} labels, and all are in "
            "use. Remove one, then give the command again."
        )
    return " ".join(sentences)


async def labelled_threads(run: AgentRun, ctx: CommandContext) -> list[ThreadKey]:
    """The threads whose labels describe the run: its pull requests, else the thread on which the bot started it.

    :raises UpstreamError: if the bot's records are on GitHub and cannot be read
    """
    if threads := threads_of(run):
        return threads
    thread = await recorded_thread(run, ctx.thread_runs.on_thread)
    return [thread] if thread else []
