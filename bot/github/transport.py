"""How a call reaches GitHub: timeouts, retries, and every failure as one of our own errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
from gidgethub import GitHubException, HTTPException

from bot import log
from bot.errors import Kind, Service, UpstreamError, retry_delay
from bot.github.limits import WriteBudget, limited_for

T = TypeVar("T")

_log = log.get(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
"""For one request. GitHub itself gives up after ten seconds."""

LONGEST_WAIT = 75.0
"""Seconds that a call waits by itself for a limit to pass; a longer wait is the caller's to decide."""

DETAIL_LIMIT = 300

_KINDS = {
    401: Kind.UNAUTHORIZED,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    410: Kind.NOT_FOUND,
}

_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


def new_session() -> aiohttp.ClientSession:
    """The one session for GitHub; whoever makes it closes it."""
    return aiohttp.ClientSession(timeout=TIMEOUT)


class Transport:
    """Makes calls and tries again where that is safe."""

    def __init__(
        self, *, budget: WriteBudget | None = None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._budget = budget or WriteBudget(sleep=sleep)
        self._sleep = sleep

    async def read(self, operation: str, work: Callable[[], Awaitable[T]]) -> T:
        """:raises UpstreamError: when trying again did not help."""
        return await self._call(operation, work, writes=False)

    async def write(self, operation: str, work: Callable[[], Awaitable[T]]) -> T:
        """The same for a request that changes something: it is sent again only where it surely did not arrive.

        :raises UpstreamError: with `may_have_happened` where its fate is unknown
        """
        return await self._call(operation, work, writes=True)

    async def _call(self, operation: str, work: Callable[[], Awaitable[T]], *, writes: bool) -> T:
        attempt = 0
        while True:
            attempt += 1
            if writes:
                await self._budget.slot()
            try:
                return await work()
            except (GitHubException, aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
                failure = translate(error, operation, writes=writes)
            wait = retry_delay(failure, attempt)
            if wait is None or wait > LONGEST_WAIT or failure.may_have_happened:
                raise failure from None
            _log.info("github.retry", operation=operation, seconds=wait, reason=str(failure))
            await self._sleep(wait)


def translate(error: Exception, operation: str, *, writes: bool) -> UpstreamError:
    """Our own error for one of gidgethub's, aiohttp's or of an answer that cannot be read."""

    def failure(kind: Kind, status: int | None = None, **more: Any) -> UpstreamError:
        # GitHub's sentence, without our request: the token stands in a header and is in neither.
        detail = str(error)[:DETAIL_LIMIT] if isinstance(error, HTTPException) else type(error).__name__
        return UpstreamError(Service.GITHUB, kind, operation, status, detail, **more)

    if isinstance(error, HTTPException):
        status = int(getattr(error, "status_code", 0) or 0)
        wait = limited_for(status, error.headers, str(error), now=time.time())
        if wait is not None:
            return failure(Kind.RATE_LIMITED, status, retry_after=wait)
        if status >= 500:
            return failure(Kind.SERVER_FAULT, status, may_have_happened=writes)
        return failure(_KINDS.get(status, Kind.INVALID), status)
    if isinstance(error, _NEVER_SENT):
        return failure(Kind.NETWORK)
    if isinstance(error, aiohttp.ClientError | TimeoutError):
        return failure(Kind.NETWORK, may_have_happened=writes)
    return failure(Kind.BAD_ANSWER, may_have_happened=writes)
