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
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web

from bot.web.problems import Problem

REMEMBERED = 60.0
"""Seconds for which a rejection is repeated without asking Codegen, and over which failures are counted."""

MOST_REMEMBERED = 10_000

OF_ADDRESS = 20
"""Failures per address and minute; beyond that its new tokens are not tried."""

IN_ALL = 60
"""Failures of all addresses per minute. An address without failures of its own may still try, up to twice as many: a
flood from a few addresses does not lock out others.
"""

AT_ONCE = 8
"""Concurrent attempts; as many may pass the limit before the first of them has failed."""


class FailedTokens:
    """The failed tokens of a server. Keys are the tokens' digests.

    :param clock: monotonic seconds
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refusals: OrderedDict[str, tuple[float, Problem]] = OrderedDict()
        self._failures: deque[tuple[float, str]] = deque()
        self._of_address: dict[str, int] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    def check(self, key: str, address: str) -> None:
        """Checks that an unknown token may be tried.

        :raises Problem: the same rejection as less than a minute ago; 429 after too many other failures
        """
        self._forget_old()
        if key in self._refusals:
            # A copy: raised repeatedly, one exception would accumulate all tracebacks.
            raise self._refusals[key][1].carrying({})
        own = self._of_address.get(address, 0)
        if own >= OF_ADDRESS:
            raise self._too_many(OF_ADDRESS, next(at for at, whose in self._failures if whose == address))
        if len(self._failures) >= (IN_ALL if own else 2 * IN_ALL):
            raise self._too_many(IN_ALL, self._failures[0][0])

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
                self._of_address[address] = self._of_address.get(address, 0) + 1
                raise

    def remember(self, key: str, refusal: Problem) -> None:
        """Remembers that the token was rejected."""
        self._refusals[key] = (self._clock() + REMEMBERED, refusal)
        self._refusals.move_to_end(key)
        while len(self._refusals) > MOST_REMEMBERED:
            self._refusals.popitem(last=False)

    def _forget_old(self) -> None:
        now = self._clock()
        while self._failures and self._failures[0][0] <= now - REMEMBERED:
            _, address = self._failures.popleft()
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]
        while self._refusals and next(iter(self._refusals.values()))[0] <= now:
            self._refusals.popitem(last=False)

    def _too_many(self, most: int, oldest: float) -> Problem:
        """:param oldest: time of the failure that will expire next"""
        seconds = str(max(1, round(oldest + REMEMBERED - self._clock())))
        limits = {"RateLimit-Limit": str(most), "RateLimit-Remaining": "0", "RateLimit-Reset": seconds}
        return Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"Too many tokens were refused recently; new ones are accepted again in {seconds} seconds.",
            headers={**limits, "Retry-After": seconds},
        )


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
