"""Which permission a command needs, who has it, and who gets an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from cachetools import TTLCache

from bot import log
from bot.commands.usage import InvalidCommand
from bot.errors import StoreError
from bot.execution.invocation import CommandInvocation
from bot.execution.repository_config.model import RepositoryConfig
from bot.github.models import Permission
from bot.storage.models import AnswerKind, AnswerMode
from bot.upstream import LAG_DELAYS, patient

_log = log.get(__name__)


class AnswerLimits(Protocol):
    """Limits how often users without write access are answered."""

    async def claim(
        self, identity: str, *, subject: str, login: str, repository: str, number: int, kind: AnswerKind, at: datetime
    ) -> AnswerMode:
        """How a command may be answered; the same for the same identity.

        :param subject: what is answered once: a comment, or the command itself
        :param number: the thread's
        :raises StoreError: if the database is unavailable
        """


async def claim_answer(
    invocation: CommandInvocation, limits: AnswerLimits, kind: AnswerKind, *, at: datetime
) -> AnswerMode:
    """Claims refusals for the whole comment, so that it gets one reply however many commands it holds."""
    repository, comment, subject = invocation.require_repository(), invocation.comment, invocation.identity
    if kind is AnswerKind.REFUSAL and comment is not None:
        subject = f"{repository.lower()} {comment.kind.value} {comment.id}"
    try:
        return await limits.claim(
            invocation.identity,
            subject=subject,
            login=invocation.person.login,
            repository=repository,
            number=invocation.thread.number if invocation.thread else 0,
            kind=kind,
            at=at,
        )
    except StoreError as error:
        # A reply too many is better than none.
        _log.warning("answers.count_failed", reason=str(error))
        return AnswerMode.REPLY


REFUSAL_TTL = 30.0
"""Seconds for which a refusal is cached. Access is never granted from the cache."""

MAX_USERS = 1_000


class RecentPermissions:
    """The permissions of users in repositories.

    :param ask: requests one from GitHub, by repository and login
    :param clock: monotonic, in seconds
    :param sleep: waits, in seconds
    """

    def __init__(
        self,
        ask: Callable[[str, str], Awaitable[Permission]],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ask = ask
        self._sleep = sleep
        self._recent: TTLCache[str, Permission] = TTLCache(MAX_USERS, REFUSAL_TTL, timer=clock)
        self._requests: dict[str, asyncio.Task[Permission]] = {}

    async def get(self, repository: str, login: str, *, needed: Permission, is_fresh: bool = False) -> Permission:
        """A user's permission. Concurrent calls for the same user share one request.

        :param needed: a cached answer is used only if it is below this
        :param is_fresh: whether the user has just written there, and so has some access: GitHub is asked again if it
            knows of none
        :raises UpstreamError: if GitHub does not say
        """
        key = f"{repository} {login}".lower()
        cached = self._recent.get(key)
        if cached is not None and cached < needed:
            return cached
        request = self._requests.get(key)
        if request is None:
            work = self._note(key, repository, login, is_fresh=is_fresh)
            request = self._requests[key] = asyncio.create_task(work, context=patient())
            request.add_done_callback(lambda task: self._forget(key, task))
        # A cancelled caller must not cancel the request for the others.
        return await asyncio.shield(request)

    async def _note(self, key: str, repository: str, login: str, *, is_fresh: bool) -> Permission:
        level = await self._ask(repository, login)
        for seconds in LAG_DELAYS if is_fresh else ():
            if level is not Permission.NONE:
                break
            await self._sleep(seconds)
            level = await self._ask(repository, login)
        self._recent[key] = level
        return level

    def _forget(self, key: str, task: asyncio.Task[Permission]) -> None:
        del self._requests[key]
        if not task.cancelled():
            task.exception()  # every waiter may have been cancelled


def required_permission(invocation: CommandInvocation, config: RepositoryConfig) -> Permission:
    """The permission needed: from the repository's config, else from the command's usage."""
    if isinstance(invocation.command, InvalidCommand):
        return Permission.READ
    usage = invocation.command.USAGE
    # A prompt that is no longer in the config needs what its command needs.
    named = invocation.named_prompt
    name = named.name if named is not None and named.name in config.prompts else usage.name
    return Permission[config.permission_for(name, usage.permission).upper()]
