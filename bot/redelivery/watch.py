"""The rounds that search for missed deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

from bot import log
from bot.errors import BotError, ErrorKind, NotTakenError, UpstreamError
from bot.github.client import GitHub
from bot.github.events import CommentPosted
from bot.github.hooks import DeliveryLog
from bot.redelivery.comments import CommentReader
from bot.redelivery.delivery_log import KEPT_BY_GITHUB, LogReader
from bot.store.missed import MissedDeliveries
from bot.store.threads import run_in_thread

_log = log.get(__name__)

HOOK_PATH = "/webhooks/github"
"""How the address of a hook ends that delivers to a bot."""

MOST_REPOSITORIES = 50
"""In one round without an App, the longest unchecked first: each is a request or two, of which an account has 5,000 an
hour."""

BELIEVED = timedelta(hours=1)
"""How long a repository's list of hooks, or the refusal of a log, is cached."""

_CLOSED = frozenset({ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND})


class MissedWatch:
    """Searches for missed deliveries while it is open.

    :param is_app: whether the bot is an App, which has one log for all repositories
    :param is_leader: whether this process is the one that searches
    :param take: handles a comment as if it had been delivered
    :param tell: called with ``asked`` for each requested redelivery, or with ``refused`` if GitHub rejected it
    :param pause: awaited between two requests that make GitHub deliver
    :param first: seconds until the first round
    :param every: seconds between two; None: there are no rounds
    """

    def __init__(
        self,
        github: GitHub,
        remembered: MissedDeliveries,
        *,
        is_app: bool,
        is_leader: Callable[[], bool],
        take: Callable[[CommentPosted], Awaitable[object]],
        tell: Callable[[str], None],
        pause: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
        first: float,
        every: float | None,
    ) -> None:
        self._github = github
        self._remembered = remembered
        self._is_app = is_app
        self._is_leader = is_leader
        self._now = now
        self._first = first
        self._every = every
        self._logs = LogReader(github.hooks, remembered, tell=tell, pause=pause, now=now)
        self._comments = CommentReader(github, remembered, take=take, now=now)
        self._hooks: dict[str, tuple[datetime, list[DeliveryLog]]] = {}
        self._looked: dict[str, datetime] = {}
        self._seen: set[str] = set()
        self._unwritten: asyncio.Queue[str] = asyncio.Queue()

    def see(self, repository: str) -> None:
        """Records, soon, that a delivery came from this repository."""
        if repository not in self._seen:
            self._seen.add(repository)
            self._unwritten.put_nowait(repository)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Enter it when deliveries can arrive."""
        tasks = [asyncio.create_task(self._write_down(), name="seen-repositories")]
        if self._every is not None:
            tasks.append(asyncio.create_task(self._watch(self._every), name="missed-deliveries"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _write_down(self) -> None:
        while True:
            repository = await self._unwritten.get()
            try:
                await run_in_thread(partial(self._remembered.see, repository, at=self._now()))
            except Exception as error:  # noqa: BLE001 - the next delivery from there repeats it
                self._seen.discard(repository)
                _log.warning("repository.not_recorded", reason=type(error).__name__)

    async def _watch(self, every: float) -> None:
        await asyncio.sleep(self._first)
        while True:
            try:
                if self._is_leader():
                    await self.round()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round begins where this one did
                # A database error quotes its statement.
                words = str(error) if isinstance(error, BotError) else type(error).__name__
                _log.warning("missed_deliveries.check_failed", reason=words)
            await asyncio.sleep(every)

    async def round(self) -> None:
        """One search of all logs or repositories."""
        if not (self._is_app and await self._is_read(DeliveryLog())):
            await self._repositories()
        await run_in_thread(partial(self._remembered.forget, before=self._now() - 2 * KEPT_BY_GITHUB))

    async def _repositories(self) -> None:
        known = await run_in_thread(self._remembered.repositories)
        never = datetime.min.replace(tzinfo=self._now().tzinfo)
        for repository in sorted(known, key=lambda name: self._looked.get(name, never))[:MOST_REPOSITORIES]:
            self._looked[repository] = self._now()
            try:
                await self._repository(repository, known[repository])
            except (UpstreamError, NotTakenError) as error:
                _log.warning("missed_deliveries.check_failed", repository=repository, reason=str(error))

    async def _repository(self, repository: str, known_since: datetime) -> None:
        are_read = [await self._is_read(each) for each in await self._logs_of(repository)]
        if not are_read or not all(are_read):
            await self._comments.look(repository, known_since=known_since)

    async def _is_read(self, source: DeliveryLog) -> bool:
        try:
            await self._logs.look(source)
        except UpstreamError as error:
            if error.kind not in _CLOSED:
                raise
            _log.info("delivery_log.closed", source=str(source), reason=str(error))
            if source.repository:
                self._hooks[source.repository] = (self._now(), [])
            return False
        return True

    async def _logs_of(self, repository: str) -> list[DeliveryLog]:
        """The logs of the repository's hooks that deliver to a bot; none if hooks are not visible."""
        asked_at, logs = self._hooks.get(repository, (None, []))
        if asked_at is None or self._now() - asked_at > BELIEVED:
            try:
                hooks = [] if self._is_app else await self._github.hooks.of_repository(repository)
            except UpstreamError as error:
                if error.kind not in _CLOSED:
                    raise
                hooks = []
            logs = [
                DeliveryLog(repository, each.id)
                for each in hooks
                if each.id is not None and each.is_active and (each.url or "").rstrip("/").endswith(HOOK_PATH)
            ]
            self._hooks[repository] = (self._now(), logs)
        return logs
