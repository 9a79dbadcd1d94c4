"""Which agent runs belong to a thread: those of its markers, and those that name its pull request."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from bot import log
from bot.codegen.models import AgentRun
from bot.commands.registry import sets_latest
from bot.errors import RETRIED, ErrorKind, UpstreamError
from bot.execution.invocation import CommandInvocation
from bot.execution.run_marks import ThreadKey, mark_of, threads_of
from bot.execution.services import Services
from bot.execution.steps import DEFERRED, StepRecorder
from bot.github.models import Permission, PostedComment, Thread
from bot.text.markers import Marker, find

if TYPE_CHECKING:
    # The clients' libraries take a fifth of a second to import, and help or a wrong flag needs none of them.
    from bot.github.client import GitHub

_log = log.get(__name__)

SHARED_LOGIN = "github-actions[bot]"
"""The login of all of a repository's workflows."""

CLOCK_SLACK = timedelta(minutes=5)
"""How far GitHub's clock and the local one may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedRuns:
    """The runs that a command started or gave a follow-up, from its reply's marker.

    :param identity: the command's
    :param runs: their ids
    :param is_own: whether nobody but the bot can have written it
    """

    identity: str
    command: str
    runs: tuple[int, ...]
    is_own: bool


async def used_runs_on(github: GitHub, repository: str, number: int) -> list[UsedRuns]:
    """The runs named by the thread's replies, oldest first.

    :raises UpstreamError: if GitHub does not show the thread
    """
    return [
        UsedRuns(
            identity=marker.identity,
            command=marker.command,
            runs=marker.runs,
            is_own=await is_written_by_bot_alone(github, comment.author.login),
        )
        async for comment, marker in replies_on(github, repository, number)
        # Earlier versions also named runs in replies to other commands.
        if marker.runs and sets_latest(marker.command)
    ]


async def is_written_by_bot_alone(github: GitHub, login: str) -> bool:
    """Whether this is the bot's account, and not the one that all workflows share."""
    return login != SHARED_LOGIN and login == (await github.me()).login


async def replies_on(
    github: GitHub, repository: str, number: int, *, since: datetime | None = None
) -> AsyncIterator[tuple[PostedComment, Marker]]:
    """The thread's trusted replies, oldest first.

    :param since: only those changed at or after this moment
    :raises UpstreamError: if GitHub does not show the thread
    """
    trusted: dict[str, bool] = {}
    async for comment in github.comments(repository, number, since=since):
        marker, author = find(comment.body), comment.author
        if marker is None:
            continue
        if author.login not in trusted:
            trusted[author.login] = author.is_bot or await _is_trusted(github, repository, author.login)
        if trusted[author.login]:
            yield comment, marker


async def _is_trusted(github: GitHub, repository: str, login: str) -> bool:
    """Checked only if a person's comment carries a marker, which is rare."""
    if login == (await github.me()).login:
        return True
    return await github.permission(repository, login) >= Permission.WRITE


CODEGEN_APP = "codegen-sh[bot]"
"""The login under which Codegen's own GitHub App opens pull requests."""

MOST_LOOKED_UP = 30
"""Runs fetched to find the thread's latest: all commands together have 60 reads in 30 s."""

MOST_THREADS = 20
"""Threads whose replies one command reads; each is at least one request, of which a workflow has 1,000 an hour."""

_NUMBERS = TypeAdapter(list[int], config=DEFERRED)
_MAYBE_NUMBER = TypeAdapter(int | None, config=DEFERRED)


class RunsOfThread:
    """The runs that existed before this invocation."""

    def __init__(self, invocation: CommandInvocation, services: Services, record: StepRecorder) -> None:
        self._invocation = invocation
        self._services = services
        self._record = record
        self._read: dict[ThreadKey, list[UsedRuns]] = {}

    async def latest(self) -> int | None:
        """The thread's latest run: from our store, else from the replies, else the first of the list that is for the
        thread, else the one that the pull request's description names."""
        return await self._record("latest-run", _MAYBE_NUMBER, self._find_latest)

    async def _find_latest(self) -> int | None:
        services, thread = self._services, self._invocation.thread
        if thread is None:
            return None
        stored = await services.runs.latest(services.org_id, repository=thread.repository, number=thread.number)
        if stored is not None:
            return stored
        used = await self._last_used(thread)
        return used[-1] if used else await self._in_list(thread) or await self._in_footer(thread)

    async def on_thread(self, repository: str, number: int) -> list[int]:
        """The runs that the bot started on a thread, the most recently used first; without a database also those that
        others' replies name."""
        return await self._services.runs.of_thread(self._services.org_id, repository=repository, number=number)

    async def in_repository(self, runs: Sequence[AgentRun]) -> list[int]:
        """The ids of those runs that are known to belong to the invocation's repository: a pull request of theirs is in
        it, or the bot has used them on one of its threads."""
        return await self._record("runs-in-repository", _NUMBERS, lambda: self._find_in_repository(runs))

    async def _find_in_repository(self, runs: Sequence[AgentRun]) -> list[int]:
        repository, services = self._invocation.require_repository().lower(), self._services
        found = {run.id for run in runs if any(place[0] == repository for place in threads_of(run))}
        rest = [run for run in runs if run.id not in found]
        if rest:
            found |= await services.runs.used_in(services.org_id, [run.id for run in rest], repository=repository)
        for run in rest:
            if run.id not in found and await self._is_answered_for(run, repository):
                found.add(run.id)
        return sorted(found)

    async def _is_answered_for(self, run: AgentRun, repository: str) -> bool:
        """Whether the run's mark names a thread of the repository, and a reply on that thread names the run."""
        mark = mark_of(run)
        if mark is None or mark.thread is None or mark.thread[0].lower() != repository:
            return False
        return any(run.id in used.runs for used in await self._used_on(*mark.thread))

    async def latest_multi_run(self) -> list[int]:
        """The runs of the thread's latest multi-run, its synthesis last; empty if there was none.

        :raises UserError: if there is no thread
        """
        self._invocation.require_thread()
        return await self._record("latest-multi-run", _NUMBERS, self._find_latest_multi_run)

    async def _find_latest_multi_run(self) -> list[int]:
        thread = self._invocation.require_thread()
        return await self._last_used(thread, command="multi-run") or await self._multi_run_in_list(thread)

    async def _multi_run_in_list(self, thread: Thread) -> list[int]:
        """The same among the newest runs, for a multi-run that the bot started without a reply on the thread."""
        runs = [run for run in (await self._services.codegen.runs_page(1)).runs if _is_marked(run, thread)]
        by_id: dict[object, list[int]] = {}
        for run in runs:
            by_id.setdefault((run.metadata or {}).get("multi_run_id"), []).append(run.id)
        by_id.pop(None, None)
        return sorted(next(iter(by_id.values()), []))

    async def _last_used(self, thread: Thread, *, command: str | None = None) -> list[int]:
        """The runs named by the last trusted reply on the thread.

        :param command: considers only replies to this command
        """
        left = MOST_LOOKED_UP
        for used in reversed(await self._used_on(thread.repository, thread.number)):
            if command not in {None, used.command}:
                continue
            if used.is_own:
                return [*used.runs]
            wanted = used.runs if command else used.runs[-1:]
            left -= len(wanted)
            if left < 0:
                break
            if found := [run for run in wanted if await self._is_of(run, thread)]:
                return found
        return []

    async def _is_of(self, run_id: int, thread: Thread) -> bool:
        """Whether a run itself says that it is for the thread."""
        try:
            run = await self._services.codegen.run(run_id)
        except UpstreamError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return False
        return _is_marked(run, thread) or _has_pull_request(run, thread)

    async def _used_on(self, repository: str, number: int) -> list[UsedRuns]:
        """The runs named by the thread's replies to other commands; read once. Empty beyond `MOST_THREADS` threads, or
        if GitHub does not show the thread."""
        place = (repository.lower(), number)
        if place not in self._read:
            self._read[place] = [] if len(self._read) >= MOST_THREADS else await self._read_replies(repository, number)
        return self._read[place]

    async def _read_replies(self, repository: str, number: int) -> list[UsedRuns]:
        try:
            found = await used_runs_on(self._services.github, repository, number)
        except UpstreamError as error:
            is_this = self._invocation.thread is not None and self._invocation.thread.number == number
            if error.kind in RETRIED or is_this:
                raise
            _log.warning("thread.unreadable", repository=repository, number=number, reason=str(error))
            return []
        return [used for used in found if used.identity != self._invocation.identity]

    async def _in_list(self, thread: Thread) -> int | None:
        """Searches one page of runs, newest first: a run that the bot started for this thread without a reply on it, or
        one whose pull request this is, whoever started it."""
        for run in (await self._services.codegen.runs_page(1)).runs:
            if _is_marked(run, thread) or _has_pull_request(run, thread):
                return run.id
        return None

    async def _in_footer(self, thread: Thread) -> int | None:
        """The run that a pull request's description names: in Codegen's footer if Codegen's own app opened it; in such
        a footer or the bot's own marker if the bot did."""
        if not thread.is_pull_request:
            return None
        links, marker = _TRACE.findall(thread.body), find(thread.body)
        if links and thread.author == CODEGEN_APP:
            return int(links[-1])
        runs = [*map(int, links), *(marker.runs if marker else ())]
        if not runs or not await is_written_by_bot_alone(self._services.github, thread.author):
            return None
        return runs[-1]


def _is_marked(run: AgentRun, thread: Thread) -> bool:
    """Whether the run's mark says that it is for this thread."""
    mark = mark_of(run)
    if mark is None or mark.thread is None:
        return False
    return (mark.thread[0].lower(), mark.thread[1]) == _place(thread)


def _has_pull_request(run: AgentRun, thread: Thread) -> bool:
    """Whether the thread is a pull request of the run's."""
    return thread.is_pull_request and _place(thread) in threads_of(run)


def _place(thread: Thread) -> ThreadKey:
    return thread.repository.lower(), thread.number


_TRACE = re.compile(r"https://(?:www\.|app\.)?codegen\.(?:com|sh)/agent/trace/([1-9][0-9]{0,14})\b", re.ASCII)
