"""The rounds that search for missed deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

from cachetools import TTLCache

from bot import log
from bot.errors import BotError, ErrorKind, NotTakenError, UpstreamError
from bot.execution.redelivery.comments import CommentSearch
from bot.execution.redelivery.delivery_log import LOG_RETENTION, DeliveryLogSearch
from bot.github.client import GitHub
from bot.github.events import CommentPosted
from bot.github.hooks import DeliveryLog
from bot.storage.deliveries import MissedDeliveries
from bot.storage.queries import run_in_thread

_log = log.get(__name__)

MAX_REPOSITORIES = 50
"""In one round without an App, the longest unchecked first: each is a request or two, of which an account has 5,000 an
hour."""

HOOKS_TTL = timedelta(hours=1)
"""How long a repository's list of hooks, or the refusal of a log, is cached."""

MAX_CACHED_HOOKS = 10_000

_CLOSED = frozenset({ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND})


class RepositoryRecorder:
    """Records from which repositories deliveries come."""

    def __init__(self, store: MissedDeliveries, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._known: set[str] = set()
        self._new: asyncio.Queue[str] = asyncio.Queue()

    def add(self, repository: str) -> None:
        """Records, soon, that a delivery came from this repository."""
        if repository not in self._known:
            self._known.add(repository)
            self._new.put_nowait(repository)

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            repository = await self._new.get()
            try:
                await run_in_thread(partial(self._store.add_repository, repository, at=self._now()))
            except Exception as error:  # noqa: BLE001 - the next delivery from there repeats it
                self._known.discard(repository)
                _log.warning("repository.not_recorded", reason=type(error).__name__)


class MissedWatch:
    """Searches for missed deliveries.

    :param is_app: whether the bot is an App, which has one log for all repositories
    :param is_leader: whether this process is the one that searches
    :param handle: handles a comment as if it had been delivered
    :param on_redelivery: called with ``asked`` for each requested redelivery, or with ``refused`` if GitHub rejected it
    :param pause: awaited between two requests that make GitHub deliver
    :param first: seconds until the first round
    :param every: seconds between two; None: there are no rounds
    """

    def __init__(
        self,
        github: GitHub,
        store: MissedDeliveries,
        *,
        is_app: bool,
        is_leader: Callable[[], bool],
        handle: Callable[[CommentPosted], Awaitable[object]],
        on_redelivery: Callable[[str], None],
        pause: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
        first: float,
        every: float | None,
    ) -> None:
        self._github = github
        self._store = store
        self._is_app = is_app
        self._is_leader = is_leader
        self._now = now
        self._first = first
        self._every = every
        self._logs = DeliveryLogSearch(github.hooks, store, on_redelivery=on_redelivery, pause=pause, now=now)
        self._comments = CommentSearch(github, store, handle=handle, now=now)
        self._hooks: TTLCache[str, list[DeliveryLog], datetime] = TTLCache(MAX_CACHED_HOOKS, HOOKS_TTL, timer=now)
        self._searched: dict[str, datetime] = {}

    async def run(self) -> None:
        """Runs until it is cancelled."""
        if self._every is None:
            return
        await asyncio.sleep(self._first)
        while True:
            try:
                if self._is_leader():
                    await self.round()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round begins where this one did
                # A database error quotes its statement.
                reason = str(error) if isinstance(error, BotError) else type(error).__name__
                _log.warning("missed_deliveries.check_failed", reason=reason)
            await asyncio.sleep(self._every)

    async def round(self) -> None:
        """One search of all logs or repositories."""
        if not (self._is_app and await self._is_read(DeliveryLog())):
            await self._search_repositories()
        await run_in_thread(partial(self._store.forget, before=self._now() - 2 * LOG_RETENTION))

    async def _search_repositories(self) -> None:
        known = await run_in_thread(self._store.repositories)
        never = datetime.min.replace(tzinfo=self._now().tzinfo)
        for repository in sorted(known, key=lambda name: self._searched.get(name, never))[:MAX_REPOSITORIES]:
            self._searched[repository] = self._now()
            try:
                are_read = [await self._is_read(each) for each in await self._logs_of(repository)]
                if not are_read or not all(are_read):
                    await self._comments.search(repository, known_since=known[repository])
            except (UpstreamError, NotTakenError) as error:
                _log.warning("missed_deliveries.check_failed", repository=repository, reason=str(error))

    async def _is_read(self, source: DeliveryLog) -> bool:
        try:
            await self._logs.search(source)
        except UpstreamError as error:
            if error.kind not in _CLOSED:
                raise
            _log.info("delivery_log.closed", source=str(source), reason=str(error))
            if source.repository:
                self._hooks[source.repository] = []
            return False
        return True

    async def _logs_of(self, repository: str) -> list[DeliveryLog]:
        """The logs of the repository's hooks that deliver to a bot; none if hooks are not visible."""
        logs = self._hooks.get(repository)
        if logs is None:
            try:
                hooks = [] if self._is_app else await self._github.hooks.of_repository(repository)
            except UpstreamError as error:
                if error.kind not in _CLOSED:
                    raise
                hooks = []
            ours = (each.id for each in hooks if each.id is not None and each.is_active and each.is_for_bot)
            logs = self._hooks[repository] = [DeliveryLog(repository, hook_id) for hook_id in ours]
        return logs
