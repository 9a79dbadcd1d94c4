"""Labels driven to the wanted state: what should be true is said, then made so; doing it twice changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from bot import log
from bot.codegen.client import MARK
from bot.codegen.models import AgentRun
from bot.commands.labels import LabelRole, label_of
from bot.errors import UpstreamError
from bot.handlers.do import Do
from bot.handlers.pull_request_location import location_of

_log = log.get(__name__)


async def set_label(role: LabelRole, repository: str, number: int, do: Do, *, on: bool) -> bool:
    """Sees to it that a thread has the label, or has it not. A label that is missing is made, with its colour.

    :returns: False where GitHub did not let it; the work itself does not fail for a label
    """
    label = label_of(role, do.config.labels)
    try:
        is_on = any(each.name.lower() == label.name.lower() for each in await do.github.labels(repository, number))
        if on and not is_on:
            await do.github.create_label(repository, label)
            await do.github.add_labels(repository, number, [label.name])
        elif is_on and not on:
            await do.github.remove_label(repository, number, label.name)
    except UpstreamError as error:
        _log.warning("label.failed", label=label.name, on=on, reason=str(error))
        return False
    return True


def threads_of(run: AgentRun) -> list[tuple[str, int]]:
    """The run's pull requests on GitHub, as repository and number."""
    return [*dict.fromkeys(place for link in run.github_pull_requests if (place := location_of(link)))]


def homes_of(run: AgentRun) -> list[tuple[str, int]]:
    """Where a mark on the run is shown: its pull requests, else the thread on which the bot started it."""
    if places := threads_of(run):
        return places
    mark = (run.metadata or {}).get(MARK)
    match mark:
        case {"repository": str(repository), "number": int(number)}:
            return [(repository, number)]
        case _:
            return []


async def set_on_threads(role: LabelRole, threads: Sequence[tuple[str, int]], do: Do, *, on: bool) -> list[str]:
    """:returns: the threads on which it could not be set, as ``owner/name#number``"""
    return [
        f"{repository}#{number}"
        for repository, number in threads
        if not await set_label(role, repository, number, do, on=on)
    ]
