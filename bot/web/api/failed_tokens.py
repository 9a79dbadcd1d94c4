"""Tokens that were refused: remembered for a minute, and so many of them that Codegen hardly notices made-up ones.

Whether a token is good only Codegen can say, at the cost of a request. So the tries that fail are counted, for each
address and in all, and past the limit no token that is new here is tried. Tokens that Codegen has taken before are not
counted and never wait for this.

An address is the peer's of the connection: ``X-Forwarded-For`` is whatever the sender likes. Behind a proxy all callers
share the proxy's address and its limit.
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
"""Seconds for which a refusal is repeated without asking, and in which failures are counted."""

MOST_REMEMBERED = 10_000

OF_ADDRESS = 20
"""Failures of one address a minute; more tokens are not tried."""

IN_ALL = 60
"""Failures of all addresses a minute. An address without a failure of its own may still try, up to twice as many: who
floods the server from a few addresses keeps nobody else out."""

AT_ONCE = 8
"""Tries at the same moment; as many may pass the limit before the first of them has failed."""


class FailedTokens:
    """Of one server. Keys are the tokens' digests.

    :param clock: seconds that never go back
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refusals: OrderedDict[str, tuple[float, Problem]] = OrderedDict()
        self._failures: deque[tuple[float, str]] = deque()
        self._of_address: dict[str, int] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    def check(self, key: str, address: str) -> None:
        """Lets a token that is new here be tried.

        :raises Problem: as it was refused less than a minute ago; 429 where too many others failed
        """
        self._forget_old()
        if key in self._refusals:
            # A copy: one that is raised again and again would gather the tracebacks of all.
            raise self._refusals[key][1].carrying({})
        own = self._of_address.get(address, 0)
        if own >= OF_ADDRESS:
            raise self._too_many(OF_ADDRESS, next(at for at, whose in self._failures if whose == address))
        if len(self._failures) >= (IN_ALL if own else 2 * IN_ALL):
            raise self._too_many(IN_ALL, self._failures[0][0])

    @asynccontextmanager
    async def attempt(self, key: str, address: str) -> AsyncIterator[None]:
        """A try of a new token; whatever it raises is a failure of the address.

        :raises Problem: as `check`
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
        """The token was refused for good."""
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
        """:param oldest: when the failure was that leaves the count next"""
        seconds = str(max(1, round(oldest + REMEMBERED - self._clock())))
        limits = {"RateLimit-Limit": str(most), "RateLimit-Remaining": "0", "RateLimit-Reset": seconds}
        return Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"Too many tokens were refused here lately; new ones are tried again in {seconds} seconds.",
            headers={**limits, "Retry-After": seconds},
        )


def address_of(request: web.Request) -> str:
    """Whose failures are counted together: an IPv4 address, or the /64 of an IPv6 one, which is one customer's."""
    try:
        address = ipaddress.ip_address(request.remote or "")
    except ValueError:
        return "local"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Address(int(address) >> 64 << 64))
    return str(address)
