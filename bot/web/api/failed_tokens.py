"""Rate limit on rejected tokens: they are remembered for a minute, so that Codegen hardly notices invented ones.

Only Codegen can tell whether a token is valid, at the cost of a request. So failed attempts are counted per address
and in total, and past the limit no new token is tried. Tokens that Codegen has accepted before are neither counted nor
delayed.

The address is the connection's peer: ``X-Forwarded-For`` could be forged. Behind a proxy all callers share the proxy's
address and its limit.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import copy
from http import HTTPStatus

from aiohttp import web
from cachetools import TTLCache

from bot.web.problems import Problem

REFUSAL_TTL = 60.0
"""Seconds for which a rejection is repeated without asking Codegen, and over which failures are counted."""

MOST_REFUSALS = 10_000

MOST_PER_ADDRESS = 20
"""Failures per address and minute; beyond that its new tokens are not tried."""

MOST_IN_TOTAL = 60
"""Failures of all addresses per minute. An address without failures of its own may still try, up to twice as many: a
flood from a few addresses does not lock out others.
"""

CONCURRENCY = 8
"""Concurrent attempts; as many may pass the limit before the first of them has failed."""


class FailedTokens:
    """The failed tokens of a server. Keys are the tokens' digests.

    :param clock: monotonic seconds
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refusals: TTLCache[str, Problem] = TTLCache(MOST_REFUSALS, REFUSAL_TTL, timer=clock)
        self._failures: deque[tuple[float, str]] = deque()
        self._turn = asyncio.Semaphore(CONCURRENCY)

    def check(self, key: str, address: str) -> None:
        """Checks that an unknown token may be tried.

        :raises Problem: the same rejection as less than a minute ago; 429 after too many other failures
        """
        self.check_refusals(key)
        while self._failures and self._failures[0][0] <= self._clock() - REFUSAL_TTL:
            self._failures.popleft()
        own = [at for at, whose in self._failures if whose == address]
        if len(own) >= MOST_PER_ADDRESS:
            raise self._too_many(MOST_PER_ADDRESS, own[0])
        if len(self._failures) >= (MOST_IN_TOTAL if own else 2 * MOST_IN_TOTAL):
            raise self._too_many(MOST_IN_TOTAL, self._failures[0][0])

    def check_refusals(self, key: str) -> None:
        """:raises Problem: the same rejection as less than a minute ago"""
        if (refusal := self._refusals.get(key)) is not None:
            # A copy: raised repeatedly, one exception would accumulate all tracebacks.
            raise copy(refusal)

    @asynccontextmanager
    async def attempt(self, key: str, address: str) -> AsyncIterator[None]:
        """An attempt with an unknown token; whatever is raised counts as a failure of the address.

        :raises Problem: as in `check`
        """
        async with self._turn:
            self.check(key, address)
            try:
                yield
            except BaseException:
                self._failures.append((self._clock(), address))
                raise

    def remember(self, key: str, refusal: Problem) -> None:
        """Remembers that the token was rejected."""
        self._refusals[key] = refusal

    def _too_many(self, most: int, oldest: float) -> Problem:
        """:param oldest: time of the failure that will expire next"""
        seconds = max(1, round(oldest + REFUSAL_TTL - self._clock()))
        detail = f"Too many tokens were refused recently; new ones are accepted again in {seconds} seconds."
        headers = {**rate_limits(most, left=0, resets_in=seconds), "Retry-After": str(seconds)}
        return Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers=headers)


def rate_limits(limit: int, *, left: int, resets_in: int) -> dict[str, str]:
    """The headers of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/03/.

    :param resets_in: seconds
    """
    return {"RateLimit-Limit": str(limit), "RateLimit-Remaining": str(left), "RateLimit-Reset": str(resets_in)}


def address_of(request: web.Request) -> str:
    """The key for counting failures: an IPv4 address, or the /64 of an IPv6 address, which belongs to one customer."""
    try:
        address = ipaddress.ip_address(request.remote or "")
    except ValueError:
        return "local"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Address(int(address) >> 64 << 64))
    return str(address)
