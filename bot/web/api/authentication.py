"""Authenticates callers by their Codegen token, which is checked upstream and then trusted for a short while.

Callers are identified by the token's digest; the token is never stored as text that could leak.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bot.errors import ErrorKind, UpstreamError
from bot.web.api.caller import HOW_SERVED, Access, Caller
from bot.web.api.error_mapping import problem_of
from bot.web.api.failed_tokens import FailedTokens, address_of
from bot.web.problems import Problem

REMEMBERED = 60.0
"""Seconds for which a token's organizations are cached; upstream rejects a revoked token all the same."""

MOST_CALLERS = 1_000

PATIENCE = 90.0
"""Seconds for checking a token, including the wait for other requests that check it."""

WINDOW = 60.0
"""Seconds over which a caller's requests are counted."""

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="codegen"'}


class Callers:
    """The recent callers.

    :param open_: returns what a token gives access to
    :param serves: the ids of the organizations whose tokens may call
    :param requests_a_minute: rate limit of one token
    :param most: callers to remember
    :param patience: seconds for authenticating a caller
    """

    def __init__(
        self,
        open_: Callable[[str], Access],
        *,
        serves: Collection[int],
        requests_a_minute: int,
        most: int = MOST_CALLERS,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open = open_
        self._serves = frozenset(serves)
        self._most = requests_a_minute
        self._most_callers = most
        self._patience = patience
        self._clock = clock
        self._known: OrderedDict[str, Caller] = OrderedDict()
        self._failed = FailedTokens(clock=clock)
        self._closing: set[asyncio.Task[None]] = set()

    async def of(self, request: web.Request, *, is_counted: bool = True) -> tuple[Caller, dict[str, str]]:
        """The caller of a request, and its rate limit headers.

        :param is_counted: False for streams, of which one token may hold more than its requests per minute
        :raises Problem: 401 without a token that Codegen accepts, 403 if it sees no organization that is served, 429
            for too many requests or rejected tokens, 503 on timeout
        """
        token, address = _token(request), address_of(request)
        key = hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
        if key not in self._known:
            self._failed.check(key, address)
        caller = self._known.pop(key, None)
        if caller is None:
            caller = Caller(key=key, access=self._open(token), requests=deque(), turn=asyncio.Lock())
        self._known[key] = caller
        self._forget_oldest(caller)
        headers = self._count(caller) if is_counted else {}
        try:
            async with asyncio.timeout(self._patience):
                await self._check(caller, address)
        except Problem as problem:
            raise problem.carrying(headers) from None
        except TimeoutError:
            detail = "Codegen did not verify this token in time."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={**headers, "Retry-After": "30"}) from None
        return caller, headers

    async def still_sees(self, caller: Caller, org_id: int) -> None:
        """Checks that a caller who was authorized earlier still is; queries upstream once a minute at most.

        :raises Problem: 401, 403 or 404 if not, another status if it cannot be determined
        """
        await self._check(caller, "")
        caller.org(org_id)

    async def aclose(self) -> None:
        await asyncio.gather(*(caller.access.aclose() for caller in self._known.values()), *self._closing)
        self._known.clear()

    def _forget_oldest(self, asking: Caller) -> None:
        """Drops the oldest callers without work in progress, unverified ones first: invented tokens evict no one."""
        while len(self._known) > self._most_callers:
            others = [each for each in self._known.values() if each is not asking and not each.at_work]
            if not others:
                return
            oldest = min(others, key=lambda each: each.is_taken)
            del self._known[oldest.key]
            task = asyncio.create_task(oldest.access.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _count(self, caller: Caller) -> dict[str, str]:
        now = self._clock()
        while caller.requests and caller.requests[0] <= now - WINDOW:
            caller.requests.popleft()
        left = self._most - len(caller.requests)
        resets_in = max(1, round(caller.requests[0] + WINDOW - now)) if caller.requests else round(WINDOW)
        headers = {
            "RateLimit-Limit": str(self._most),
            "RateLimit-Remaining": str(max(left - 1, 0)),
            "RateLimit-Reset": str(resets_in),
        }
        if left <= 0:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self._most} requests a minute is the limit per token.",
                headers={**headers, "Retry-After": str(resets_in)},
            )
        caller.requests.append(now)
        return headers

    async def _check(self, caller: Caller, address: str) -> None:
        """Checks the token once for all simultaneous requests."""
        async with caller.turn:
            if self._clock() - caller.checked_at < REMEMBERED:
                return
            if caller.is_taken:
                await self._ask(caller)
                return
            async with self._failed.attempt(caller.key, address):
                await self._ask(caller)

    async def _ask(self, caller: Caller) -> None:
        """Fetches the organizations that the token sees.

        :raises Problem: if it is rejected, or Codegen does not answer
        """
        try:
            # This request does not depend on the client's organization.
            seen = await caller.access.codegen(0).organizations()
        except UpstreamError as error:
            if error.kind in {ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN}:
                detail = "Codegen does not accept this token."
                raise self._refused(caller, HTTPStatus.UNAUTHORIZED, detail, headers=_CHALLENGE) from None
            raise problem_of(error) from None
        served = tuple(organization for organization in seen if organization.id in self._serves)
        if not served:
            detail = f"This server serves no organization that this token sees. {HOW_SERVED}"
            raise self._refused(caller, HTTPStatus.FORBIDDEN, detail)
        caller.organizations = served
        caller.unserved = frozenset(organization.id for organization in seen) - self._serves
        caller.checked_at = self._clock()

    def _refused(self, caller: Caller, status: HTTPStatus, detail: str, **more: Any) -> Problem:
        self._known.pop(caller.key, None)
        problem = Problem(status, detail, **more)
        self._failed.remember(caller.key, problem)
        return problem


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if token := request.query.get("api_key", "").strip():
        return token
    raise Problem(
        HTTPStatus.UNAUTHORIZED,
        "A Codegen token is required: `Authorization: Bearer ...`, or the query parameter api_key.",
        headers=_CHALLENGE,
    )
