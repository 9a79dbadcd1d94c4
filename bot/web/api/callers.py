"""Who calls: whoever has a token of Codegen's, checked upstream once and remembered for a short while.

A token is never kept as text that could be told: callers are known by its digest.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, TypeVar

from aiohttp import web

from bot.codegen.client import Codegen
from bot.codegen.models import Organization
from bot.errors import Kind, UpstreamError
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies.reply import Reply
from bot.stateless.desk import Carried
from bot.web.api.upstream import problem_of
from bot.web.problems import Problem

T = TypeVar("T")

REMEMBERED = 60.0
"""Seconds for which a token's organizations are believed; a token that was revoked is refused upstream all the same."""

MOST_CALLERS = 1_000

PATIENCE = 90.0
"""Seconds for finding out whether Codegen takes a token, those who asked before included."""

WINDOW = 60.0
"""Seconds in which a caller's requests are counted."""

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="codegen"'}


class Access(Protocol):
    """What one token reaches; the wiring makes it."""

    def codegen(self, org_id: int) -> Codegen:
        """Codegen's client for an organization; all of a token's clients share its limits."""

    def do(self, org_id: int, order: Order, *, again: bool) -> Do:
        """A handler's hand for this order, with this token.

        :param again: whether it may have been begun before
        """

    async def carry_out(
        self,
        org_id: int,
        order: Order,
        *,
        told: Callable[[Order, Reply], None] = lambda _order, _reply: None,
        patience: float | None = None,
    ) -> Carried:
        """Does what was asked, as `bot.stateless.desk.Desk`.

        :param told: hears every state of the reply
        :param patience: seconds for which runs are followed; None: the usual time
        """

    async def may_write(self, org_id: int, repository: str) -> bool:
        """Whether the GitHub account of the token's owner may write in a repository; False where that is not known.

        :param repository: ``owner/name``
        """

    async def aclose(self) -> None: ...


@dataclass(eq=False, slots=True)
class Caller:
    """One token.

    :param key: the token's digest
    :param checked_at: when its organizations were asked for, by the clock
    :param at_work: how much goes on by it after its requests were answered
    """

    key: str
    access: Access
    requests: deque[float]
    turn: asyncio.Lock
    organizations: tuple[Organization, ...] = ()
    checked_at: float = float("-inf")
    at_work: int = 0

    @property
    def is_taken(self) -> bool:
        """Whether Codegen has ever taken it."""
        return self.checked_at > float("-inf")

    def org(self, given: int | None, *, usual: int | None = None) -> int:
        """The organization that is meant: the one that is named, else the server's own, else the only one.

        :raises Problem: where the token does not see it, or several are possible. Whether there is one of that number
            that it does not see, is not told.
        """
        seen = [organization.id for organization in self.organizations]
        if given is not None:
            if given not in seen:
                raise Problem(HTTPStatus.NOT_FOUND, f"This token sees no organization {given}.")
            return given
        if usual in seen and usual is not None:
            return usual
        if len(seen) == 1:
            return seen[0]
        if not seen:
            raise Problem(HTTPStatus.NOT_FOUND, "This token sees no organization.")
        numbers = ", ".join(map(str, seen))
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"This token sees several organizations ({numbers}): name one by org_id.",
            errors=[{"field": "org_id", "message": "is needed, because the token sees several organizations"}],
        )


class Callers:
    """Everybody who has called lately.

    :param open_: makes what a token reaches
    :param requests_a_minute: of one token; more are refused
    :param most: callers who are remembered
    :param patience: seconds for finding out whether somebody may call
    """

    def __init__(
        self,
        open_: Callable[[str], Access],
        *,
        requests_a_minute: int,
        most: int = MOST_CALLERS,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open = open_
        self._most = requests_a_minute
        self._most_callers = most
        self._patience = patience
        self._clock = clock
        self._known: OrderedDict[str, Caller] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    async def of(self, request: web.Request, *, is_counted: bool = True) -> tuple[Caller, dict[str, str]]:
        """Who asks, and the headers that say how much they may ask still.

        :param is_counted: not for streams, of which one token may hold more than it may ask in a minute
        :raises Problem: 401 without a token that Codegen takes, 429 for too many requests, 503 where it takes too long
        """
        token = _token(request)
        key = hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
        caller = self._known.pop(key, None)
        if caller is None:
            caller = Caller(key=key, access=self._open(token), requests=deque(), turn=asyncio.Lock())
        self._known[key] = caller
        self._forget_oldest(caller)
        headers = self._count(caller) if is_counted else {}
        try:
            async with asyncio.timeout(self._patience):
                await self._check(caller)
        except Problem as problem:
            raise problem.carrying(headers) from None
        except TimeoutError:
            detail = "Codegen did not say in time whether it takes this token."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={**headers, "Retry-After": "30"}) from None
        return caller, headers

    async def still_sees(self, caller: Caller, org_id: int) -> None:
        """Whether somebody who was let in earlier would be let in now; asked upstream once a minute at most.

        :raises Problem: 401 or 404 where not, another status where it cannot be told
        """
        await self._check(caller)
        caller.org(org_id)

    async def aclose(self) -> None:
        await asyncio.gather(*(caller.access.aclose() for caller in self._known.values()), *self._closing)
        self._known.clear()

    def _forget_oldest(self, asking: Caller) -> None:
        """Nobody for whom something goes on, and first whom Codegen has not taken: made-up tokens push nobody out."""
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
                f"{self._most} requests a minute are the most for one token.",
                headers={**headers, "Retry-After": str(resets_in)},
            )
        caller.requests.append(now)
        return headers

    async def _check(self, caller: Caller) -> None:
        """Asked once, however many requests come at the same moment."""
        async with caller.turn:
            if self._clock() - caller.checked_at < REMEMBERED:
                return
            try:
                # Which organization the client is for does not matter to this question.
                caller.organizations = tuple(await caller.access.codegen(0).organizations())
            except UpstreamError as error:
                if error.kind in {Kind.UNAUTHORIZED, Kind.FORBIDDEN}:
                    self._known.pop(caller.key, None)
                    raise Problem(
                        HTTPStatus.UNAUTHORIZED, "Codegen does not accept this token.", headers=_CHALLENGE
                    ) from None
                raise problem_of(error) from None
            caller.checked_at = self._clock()


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if token := request.query.get("api_key", "").strip():
        return token
    raise Problem(
        HTTPStatus.UNAUTHORIZED,
        "A token of Codegen's is needed: `Authorization: Bearer ...`, or the query parameter api_key.",
        headers=_CHALLENGE,
    )
