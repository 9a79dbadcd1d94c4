"""Sets labels to the wanted state; idempotent."""

from __future__ import annotations

from collections.abc import Sequence

from bot import log
from bot.codegen.models import AgentRun
from bot.commands.labels import LabelRole, label_of
from bot.errors import UpstreamError
from bot.handlers.context import CommandContext
from bot.handlers.run_marks import Place, recorded_thread, threads_of

_log = log.get(__name__)


async def set_label(role: LabelRole, repository: str, number: int, ctx: CommandContext, *, on: bool) -> bool:
    """Adds or removes a thread's label. A missing label is created, with its colour.

    :returns: False if GitHub refused; a label never fails the command
    """
    label = label_of(role, ctx.config.labels)
    try:
        is_on = any(each.name.lower() == label.name.lower() for each in await ctx.github.labels(repository, number))
        if on and not is_on:
            await ctx.github.create_label(repository, label)
            await ctx.github.add_labels(repository, number, [label.name])
        elif is_on and not on:
            await ctx.github.remove_label(repository, number, label.name)
    except UpstreamError as error:
        _log.warning("label.failed", label=label.name, on=on, reason=str(error))
        return False
    return True


async def homes_of(run: AgentRun, ctx: CommandContext) -> list[Place]:
    """The threads whose labels describe the run: its pull requests, else the thread on which the bot started it.

    :raises UpstreamError: if the bot's records are on GitHub and cannot be read
    """
    if places := threads_of(run):
        return places
    home = await recorded_thread(run, ctx.thread_runs.of)
    return [home] if home else []


async def set_on_threads(role: LabelRole, threads: Sequence[Place], ctx: CommandContext, *, on: bool) -> list[str]:
    """Sets the label on the threads where the user may write.

    :returns: the threads on which it could not be set, as ``owner/name#number``
    """
    return [
        f"{repository}#{number}"
        for repository, number in threads
        if not (await ctx.may_write(repository) and await set_label(role, repository, number, ctx, on=on))
    ]
