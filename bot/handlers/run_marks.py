"""Where a run belongs, according to itself: its pull requests, and the bot's mark in its metadata.

Whoever may start runs at Codegen can write any metadata, including a mark like the bot's. So a mark is an untrusted
claim: names and numbers that cannot be GitHub's are dropped here, and before the bot acts on GitHub because of a mark,
the claim is compared with the bot's own records (`recorded_thread`). The pull requests are Codegen's own record; their
addresses are checked in the same way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.codegen.client import MARK
from bot.codegen.models import AgentRun
from bot.github.addresses import HIGHEST_NUMBER, is_repository
from bot.handlers.pull_request_location import location_of

LONGEST_CLAIM = 500
"""Characters of each of a mark's texts that are read."""

Place = tuple[str, int]
"""A thread: ``owner/name`` and a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The bot's mark in a run's metadata, validated but not trusted.

    :param repository: ``owner/name`` as written there; None if it names none that can exist
    :param number: of the thread; None also if there is no repository
    :param works_in: the other repository in which the agent works; None likewise
    :param login: who requested the run
    :param prompt: the beginning of the request
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
        """The thread on which the run was started, according to the mark."""
        return (self.repository, self.number) if self.repository and self.number else None


def mark_of(run: AgentRun) -> Mark | None:
    """The run's mark, whoever wrote it; None if there is none."""
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
    """The run's pull requests on GitHub, the repositories in lower case."""
    return [*dict.fromkeys(place for link in run.github_pull_requests if (place := location_of(link)))]


def repositories_of(run: AgentRun) -> set[str]:
    """The repositories of the run's pull requests, and those that its mark names, in lower case."""
    mark = mark_of(run)
    marked = {mark.repository, mark.works_in} if mark else set()
    return {*(name.lower() for name in marked if name), *(repository for repository, _ in threads_of(run))}


async def recorded_thread(run: AgentRun, runs_of: Callable[[str, int], Awaitable[Sequence[int]]]) -> Place | None:
    """The thread that the run's mark names, if the bot's own records confirm that the run was used there; else None.

    :param runs_of: the runs that the bot has used on a thread (`bot.handlers.runs_of_thread.RunsOfThread.of`)
    :raises UpstreamError: if the records are on GitHub and cannot be read
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
