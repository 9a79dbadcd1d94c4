"""Users' permissions, from GitHub. Refusals are cached briefly, so that a flood costs few requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from bot.github.cache import BoundedCache
from bot.github.models import Permission

BELIEVED = 30.0
"""Seconds for which a refusal is cached. Access is never granted from the cache."""

MOST_PEOPLE = 1_000


class RecentPermissions:
    """The permissions of users in repositories.

    :param ask: requests one from GitHub, by repository and login
    :param clock: monotonic, in seconds
    """

    def __init__(
        self, ask: Callable[[str, str], Awaitable[Permission]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._recent: BoundedCache[tuple[float, Permission]] = BoundedCache(MOST_PEOPLE)
        self._asking: dict[str, asyncio.Task[Permission]] = {}

    async def of(self, repository: str, login: str, *, needed: Permission) -> Permission:
        """A user's permission. Concurrent calls for the same user share one request.

        :param needed: a cached answer is used only if it is below this
        :raises UpstreamError: if GitHub does not say
        """
        key = f"{repository} {login}".lower()
        if key in self._recent:
            at, level = self._recent[key]
            if level < needed and self._clock() - at < BELIEVED:
                return level
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._note(key, repository, login))
            asking.add_done_callback(lambda task: self._forget(key, task))
        # A cancelled caller must not cancel the request for the others.
        return await asyncio.shield(asking)

    async def _note(self, key: str, repository: str, login: str) -> Permission:
        level = await self._ask(repository, login)
        self._recent[key] = (self._clock(), level)
        return level

    def _forget(self, key: str, task: asyncio.Task[Permission]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # every waiter may have been cancelled
