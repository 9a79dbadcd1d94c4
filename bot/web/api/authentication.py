"""Authenticates callers by their Codegen token, which is checked upstream and then trusted for a short while.

Callers are identified by the token's digest; the token is never stored as text that could leak.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bot.errors import ErrorKind, UpstreamError
from bot.web.api.caller import HOW_SERVED, Caller, TokenAccess
from bot.web.api.failed_tokens import FailedTokens, address_of, rate_limits
from bot.web.api.failures import TOKEN_INVALID, problem_of, unavailable
from bot.web.problems import Problem

RATE_LIMITS = web.RequestKey("rate_limits", dict[str, str])
"""The rate limit headers of a counted request."""

TOKEN_TTL = 60.0
"""Seconds for which a token's organizations are cached; upstream rejects a revoked token all the same."""

RECHECK = 10.0
"""Seconds until a token is checked again if Codegen did not answer."""

MOST_CALLERS = 1_000

CHECK_TIMEOUT = 90.0
"""Seconds for checking a token, including the wait for other requests that check it."""

WINDOW = 60.0
"""Seconds over which a caller's requests are counted."""

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="codegen"'}


class Callers:
    """The recent callers.

    :param open_access: returns what a token gives access to
    :param served: the ids of the organizations whose tokens may call
    :param requests_a_minute: rate limit of one token
    :param most: callers to remember
    :param timeout: seconds for authenticating a caller
    """

    def __init__(
        self,
        open_access: Callable[[str], TokenAccess],
        *,
        served: Collection[int],
        requests_a_minute: int,
        most: int = MOST_CALLERS,
        timeout: float = CHECK_TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_access = open_access
        self._served = frozenset(served)
        self._requests_a_minute = requests_a_minute
        self._most_callers = most
        self._timeout = timeout
        self._clock = clock
        self._known: OrderedDict[str, Caller] = OrderedDict()
        self._failed = FailedTokens(clock=clock)
        self._closing: set[asyncio.Task[None]] = set()

    async def authenticate(self, request: web.Request, *, is_counted: bool = True) -> Caller:
        """The caller of a request.

        :param is_counted: whether it counts as one of the token's requests per minute
        :raises Problem: 401 without a token that Codegen accepts, 403 if it sees no organization that is served, 429
            for too many requests or rejected tokens, 503 on timeout
        """
        token, address = _token(request), address_of(request)
        key = hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
        if key not in self._known:
            self._failed.check(key, address)
        caller = self._known.pop(key, None) or Caller(key=key, access=self._open_access(token))
        self._known[key] = caller
        self._forget_oldest(caller)
        if is_counted:
            self._count(caller, request)
        try:
            async with asyncio.timeout(self._timeout):
                await self._check(caller, address)
        except TimeoutError:
            raise unavailable("Codegen did not verify this token in time.") from None
        except Problem as problem:
            if not caller.is_accepted or problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            # No response from Codegen is no refusal: what is cached for this token may be used meanwhile.
            caller.checked_at = self._clock() - TOKEN_TTL + RECHECK
        return caller

    async def check_access(self, caller: Caller, org_id: int) -> None:
        """Checks that a caller who was authorized earlier still is; queries upstream once a minute at most.

        :raises Problem: 401, 403 or 404 if not
        """
        try:
            await self._check(caller, "")
        except Problem as problem:
            if problem.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                raise
            # No response from Codegen is no refusal: the token is checked again in a minute.
            caller.checked_at = self._clock()
        caller.org(org_id)

    async def aclose(self) -> None:
        await asyncio.gather(*(caller.access.aclose() for caller in self._known.values()), *self._closing)
        self._known.clear()

    def _forget_oldest(self, current: Caller) -> None:
        """Drops the oldest callers without work in progress, unverified ones first: invented tokens evict no one."""
        while len(self._known) > self._most_callers:
            others = [each for each in self._known.values() if each is not current and not each.in_progress]
            if not others:
                return
            oldest = min(others, key=lambda each: each.is_accepted)
            del self._known[oldest.key]
            task = asyncio.create_task(oldest.access.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _count(self, caller: Caller, request: web.Request) -> None:
        now = self._clock()
        while caller.requests and caller.requests[0] <= now - WINDOW:
            caller.requests.popleft()
        left = self._requests_a_minute - len(caller.requests)
        resets_in = max(1, round(caller.requests[0] + WINDOW - now)) if caller.requests else round(WINDOW)
        request[RATE_LIMITS] = rate_limits(self._requests_a_minute, left=max(left - 1, 0), resets_in=resets_in)
        if left <= 0:
            detail = f"{self._requests_a_minute} requests a minute is the limit per token."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": str(resets_in)})
        caller.requests.append(now)

    async def _check(self, caller: Caller, address: str) -> None:
        """Checks the token once for all simultaneous requests."""
        async with caller.turn:
            if self._clock() - caller.checked_at < TOKEN_TTL:
                return
            if caller.is_accepted:
                # Of its streams, only the first one sends a request.
                self._failed.check_refusals(caller.key)
                await self._fetch(caller)
                return
            async with self._failed.attempt(caller.key, address):
                await self._fetch(caller)

    async def _fetch(self, caller: Caller) -> None:
        """Fetches the organizations that the token sees.

        :raises Problem: if it is rejected, or Codegen does not answer
        """
        try:
            # This request does not depend on the client's organization.
            seen = await caller.access.codegen(0).organizations()
        except UpstreamError as error:
            if error.kind in {ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN}:
                detail = TOKEN_INVALID if caller.is_accepted else "This token is not valid."
                raise self._refused(caller, HTTPStatus.UNAUTHORIZED, detail, headers=_CHALLENGE) from None
            raise problem_of(error) from None
        usable = tuple(each for each in seen if each.id in self._served)
        if not usable:
            detail = f"This server serves no organization that this token sees. {HOW_SERVED}"
            raise self._refused(caller, HTTPStatus.FORBIDDEN, detail)
        caller.organizations = usable
        caller.unserved = frozenset(each.id for each in seen) - self._served
        caller.checked_at = self._clock()

    def _refused(self, caller: Caller, status: HTTPStatus, detail: str, **more: Any) -> Problem:
        self._known.pop(caller.key, None)
        problem = Problem(status, detail, **more)
        self._failed.remember(caller.key, problem)
        return problem


async def add_rate_limits(request: web.Request, response: web.StreamResponse) -> None:
    """Adds the rate limit headers to every response to a counted request, errors too."""
    response.headers.update(request.get(RATE_LIMITS) or {})


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if token := request.query.get("api_key", "").strip():
        return token
    raise Problem(
        HTTPStatus.UNAUTHORIZED,
        "A token is required: the header Authorization: Bearer ..., or the query parameter api_key.",
        headers=_CHALLENGE,
    )
