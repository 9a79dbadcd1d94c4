"""Which threads and repositories an agent run belongs to, by its metadata and its pull requests."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.codegen.models import MARK, AgentRun, RunAuthor, RunPullRequest
from bot.github.models import HIGHEST_NUMBER, is_repository


def location_of(link: RunPullRequest) -> tuple[str, int] | None:
    """The repository in lower case, and the number; None if Codegen does not give it, or it cannot exist."""
    found = _ADDRESS.fullmatch(link.url or "")
    if found is None or not is_repository(found[1]) or not 1 <= int(found[2]) <= HIGHEST_NUMBER:
        return None
    return found[1].lower(), int(found[2])


_ADDRESS = re.compile(r"https?://[^/]+/([\w.-]+/[\w.-]+)/pull/([0-9]{1,10})/?", re.ASCII)


LONGEST_FIELD = 500
"""Characters of each of a mark's texts that are read."""

ThreadKey = tuple[str, int]
"""A thread: ``owner/name`` and a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The bot's mark in a run's metadata, validated but not trusted.

    :param repository: ``owner/name`` as written there; None if it names none that can exist
    :param number: of the thread; None also if there is no repository
    :param works_in: the other repository in which the agent works; None likewise
    :param login: who requested the run
    :param via: how, if not by a comment or a label: a value of `bot.execution.invocation.Via`
    :param prompt: the beginning of the request
    :param changes_nothing: whether only the agent's answer is wanted
    """

    identity: str | None
    command: str | None
    repository: str | None
    number: int | None
    works_in: str | None
    login: str | None
    via: str | None
    prompt: str | None
    changes_nothing: bool = False

    @property
    def thread(self) -> ThreadKey | None:
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
        via=_text(found.get("via")),
        prompt=_text(found.get("prompt")),
        changes_nothing=found.get("changes_nothing") is True,
    )


_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}(?:\[bot\])?", re.ASCII)


def author_of(run: AgentRun) -> RunAuthor | None:
    """The person who requested the run: as the upstream says, else as its mark does; None if neither names one."""
    if run.author is not None:
        return run.author
    mark = mark_of(run)
    if mark is None or mark.login is None or not _LOGIN.fullmatch(mark.login):
        return None
    return RunAuthor(login=mark.login)


TITLES = {
    "setup-commands": "Set-up commands",
    "analyze-logs": "Log analysis",
    "review": "Review",
}
"""The titles of the runs of commands without a prompt: their result is no title."""


def title_of(run: AgentRun) -> str | None:
    """What the run is about, in one line: what was asked, else the title of its pull request, else the beginning of
    its summary or its result; None if all are empty.

    Codegen's API does not return prompts; the runs that the bot started carry the beginning of theirs.
    """
    mark = mark_of(run)
    asked = (mark.prompt or TITLES.get(mark.command or "")) if mark else None
    asked = asked or TITLES.get((run.source_type or "").lower().replace("_", "-"))
    texts = (asked, *(link.title for link in run.github_pull_requests), run.summary, run.result)
    return next((line for text in texts if text and (line := _first_line(text))), None)


LONGEST_TITLE = 200
"""Characters."""

LONGEST_READ = 5_000
"""Characters of a text in which its first line is looked for."""


def _first_line(text: str) -> str:
    lines = (line.strip().lstrip("#").lstrip() for line in text[:LONGEST_READ].splitlines())
    line = next(filter(None, lines), "")
    return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1].rstrip()}…"


def threads_of(run: AgentRun) -> list[ThreadKey]:
    """The run's pull requests on GitHub, the repositories in lower case."""
    return [*dict.fromkeys(place for link in run.github_pull_requests if (place := location_of(link)))]


def repositories_of(run: AgentRun) -> set[str]:
    """The repositories of the run's pull requests, and those that its mark names, in lower case."""
    mark = mark_of(run)
    marked = {mark.repository, mark.works_in} if mark else set()
    return {*(name.lower() for name in marked if name), *(repository for repository, _ in threads_of(run))}


async def recorded_thread(run: AgentRun, runs_of: Callable[[str, int], Awaitable[Sequence[int]]]) -> ThreadKey | None:
    """The thread that the run's mark names, if the bot's own records confirm that the run was used there; else None.

    :param runs_of: the runs that the bot has used on a thread (`bot.execution.runs_of_thread.RunsOfThread.on_thread`)
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
    return value[:LONGEST_FIELD] if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 1 <= value <= HIGHEST_NUMBER else None
