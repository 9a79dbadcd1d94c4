"""What a run says about where it belongs: its pull requests, and the mark that the bot noted in its metadata.

Whoever may start runs at Codegen can write any metadata, a mark of the bot's too. So a mark is read as a claim: names
and numbers that cannot be GitHub's are dropped here, and before the bot acts on GitHub on a mark's word, the claim is
held against the bot's own records (`recorded_thread`). The pull requests are Codegen's own record; their addresses are
checked in the same way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.codegen.client import MARK
from bot.codegen.models import AgentRun
from bot.github.addresses import HIGHEST_NUMBER, is_repository
from bot.handlers.pull_request_location import location_of

LONGEST_CLAIM = 500
"""Characters of a mark's text that are read."""

Place = tuple[str, int]
"""A thread: ``owner/name`` and a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The bot's mark in a run's metadata, as far as it can be one.

    :param repository: ``owner/name`` as it is written there; None where it names none that can exist
    :param number: of the thread; None also where there is no repository
    :param works_in: the other repository in which the agent was set to work; likewise
    :param login: who asked for the run
    :param prompt: the beginning of what they asked for
    """

    identity: str | None
    command: str | None
    repository: str | None
    number: int | None
    works_in: str | None
    login: str | None
    prompt: str | None

    @property
    def thread(self) -> Place | None:
        """The thread on which the run is said to have been started."""
        return (self.repository, self.number) if self.repository and self.number else None


def mark_of(run: AgentRun) -> Mark | None:
    """The run's mark, whoever wrote it; None where there is none."""
    found = (run.metadata or {}).get(MARK)
    if not isinstance(found, dict):
        return None
    repository = _repository(found.get("repository"))
    return Mark(
        identity=_text(found.get("identity")),
        command=_text(found.get("command")),
        repository=repository,
        number=_number(found.get("number")) if repository else None,
        works_in=_repository(found.get("works_in")),
        login=_text(found.get("login")),
        prompt=_text(found.get("prompt")),
    )


def threads_of(run: AgentRun) -> list[Place]:
    """The run's pull requests on GitHub, the repositories in small letters."""
    return [*dict.fromkeys(place for link in run.github_pull_requests if (place := location_of(link)))]


def repositories_of(run: AgentRun) -> set[str]:
    """Where the run's pull requests are, and where its mark says that it was started and works, in small letters."""
    mark = mark_of(run)
    marked = {mark.repository, mark.works_in} if mark else set()
    return {*(name.lower() for name in marked if name), *(repository for repository, _ in threads_of(run))}


async def recorded_thread(run: AgentRun, runs_of: Callable[[str, int], Awaitable[Sequence[int]]]) -> Place | None:
    """The thread that the run's mark names, where the bot's own records say that the run was used there; else None.

    :param runs_of: the runs that the bot has used on a thread (`bot.handlers.runs_of_thread.RunsOfThread.of`)
    :raises UpstreamError: where the records are on GitHub and cannot be read
    """
    mark = mark_of(run)
    if mark is None or mark.thread is None:
        return None
    return mark.thread if run.id in await runs_of(*mark.thread) else None


def _repository(value: object) -> str | None:
    name = _text(value)
    return name if name is not None and is_repository(name) else None


def _text(value: object) -> str | None:
    return value[:LONGEST_CLAIM] if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 1 <= value <= HIGHEST_NUMBER else None
