"""What people may do, asked of GitHub. Refusals are believed for a short while, so that a flood costs few requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from bot.github.cache import BoundedCache
from bot.github.models import Permission

BELIEVED = 30.0
"""Seconds for which somebody is refused by what GitHub answered last. Nobody is let in by an old answer."""

MOST_PEOPLE = 1_000


class RecentPermissions:
    """The permissions of people in repositories.

    :param ask: asks GitHub, by the repository and the login
    :param clock: seconds that never go back
    """

    def __init__(
        self, ask: Callable[[str, str], Awaitable[Permission]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._recent: BoundedCache[tuple[float, Permission]] = BoundedCache(MOST_PEOPLE)
        self._asking: dict[str, asyncio.Task[Permission]] = {}

    async def of(self, repository: str, login: str, *, needed: Permission) -> Permission:
        """What somebody may do. Those who ask in the same moment share one request.

        :param needed: an earlier answer counts where it is less than this
        :raises UpstreamError: where GitHub does not say
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
        # Whoever is cut off leaves the others their answer.
        return await asyncio.shield(asking)

    async def _note(self, key: str, repository: str, login: str) -> Permission:
        level = await self._ask(repository, login)
        self._recent[key] = (self._clock(), level)
        return level

    def _forget(self, key: str, task: asyncio.Task[Permission]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # it may be that nobody is left who waits for it
