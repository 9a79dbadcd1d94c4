"""Makes the client's calls: within the limits, with the right credential, and with retries where that is safe."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from copy import copy
from typing import Any, TypeVar

from pydantic import TypeAdapter

from bot.api_path import Segments
from bot.errors import ErrorKind, Service, UpstreamError
from bot.github.addresses import address
from bot.github.auth import Auth
from bot.github.limits import ContentBudget, DroppedError, WritePriority
from bot.github.models import Person
from bot.github.session import Session
from bot.github.transport import LONGEST_WAIT, NO_BODY, Credential, GitHubResponse, Transport, retried
from bot.observer import NOBODY, Observer

T = TypeVar("T")
R = TypeVar("R")

PAGE_SIZE = 100


class Calls:
    """Makes calls. Reads are retried; writes only if they were certainly not executed.

    :param clock: seconds since the epoch
    :param sleep: waits, in seconds
    :param new_budget: creates the write budget of an account
    :param observer: called for every request, and for every wait for a limit
    """

    def __init__(
        self,
        session: Session,
        auth: Auth,
        *,
        base_url: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        new_budget: Callable[[], ContentBudget] | None = None,
        observer: Observer = NOBODY,
    ) -> None:
        self._auth = auth
        self._transport = Transport(session, base_url=base_url, clock=clock, observer=observer)
        self._sleep = sleep
        self._observer = observer
        self._is_yielding = False
        self._budgets: defaultdict[str, ContentBudget] = defaultdict(new_budget or (lambda: ContentBudget(sleep=sleep)))

    def yielding(self) -> Calls:
        """The same, with writes that yield to all others."""
        calls = copy(self)
        calls._is_yielding = True  # noqa: SLF001 - its own class
        return calls

    async def me(self) -> Person:
        return await self._retried(lambda: self._auth.me(self._transport))

    async def read(
        self,
        operation: str,
        repository: str,
        segments: Segments,
        shape: TypeAdapter[T],
        *,
        query: Mapping[str, str] | None = None,
        is_folder: bool = False,
    ) -> T:
        """Gets one object.

        :param segments: of the path below the repository's address, unescaped
        :param is_folder: whether the path ends in a slash
        :raises UpstreamError: also if the response does not have that shape
        """
        url = address(operation, repository, segments, query, is_folder=is_folder)

        async def attempt() -> T:
            return (await self._attempt(operation, repository, "GET", url)).read(shape)

        return await self._retried(attempt)

    async def read_pages(
        self,
        operation: str,
        repository: str,
        segments: Segments,
        shape: TypeAdapter[T],
        *,
        query: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> AsyncIterator[T]:
        """Gets a list, page by page as it is consumed; each page is retried on its own.

        :param key: of the list in each response; None: the response is the list
        """
        next_page: str | None = address(operation, repository, segments, {"per_page": str(PAGE_SIZE), **(query or {})})
        while next_page is not None:
            url = next_page

            async def attempt(url: str = url) -> tuple[list[T], str | None]:
                answer = await self._attempt(operation, repository, "GET", url)
                return [_item(answer, document, shape) for document in _list(answer, key)], answer.next_page

            items, next_page = await self._retried(attempt)
            for item in items:
                yield item

    async def download(self, operation: str, repository: str, segments: Segments, *, limit: int) -> str:
        """Gets a text that GitHub keeps in a separate store; if it is too large, its end.

        :param limit: bytes
        """
        url = address(operation, repository, segments)

        async def attempt() -> str:
            # A new address for each attempt: it is valid for a minute.
            place = await self._allowed(
                operation,
                repository,
                lambda credential: self._transport.place(operation, url, credential=credential),
            )
            return await self._transport.download_end(operation, place, limit=limit)

        return await self._retried(attempt)

    async def write(
        self,
        operation: str,
        repository: str,
        method: str,
        segments: Segments,
        shape: TypeAdapter[T],
        *,
        data: Any = NO_BODY,
        urgency: WritePriority = WritePriority.ORDINARY,
        repeatable: bool = False,
    ) -> T:
        """Changes something. Progress is tried once: the caller has something newer by the next attempt.

        :param repeatable: whether doing it twice has no further effect; then it is retried like a read
        :raises UpstreamError: with `may_have_happened` if its fate is unknown
        :raises DroppedError: if it is progress, and the budget has no room for it
        """
        url = address(operation, repository, segments)

        async def attempt() -> T:
            answer = await self._attempt(
                operation, repository, method, url, data, self._urgency(urgency), repeatable=repeatable
            )
            return answer.read(shape)

        return await (attempt() if urgency is WritePriority.PROGRESS else self._retried(attempt))

    def _urgency(self, urgency: WritePriority) -> WritePriority:
        return WritePriority.YIELDING if self._is_yielding and urgency is not WritePriority.PROGRESS else urgency

    async def ask(self, operation: str, repository: str, segments: Segments) -> None:
        """Makes GitHub repeat something that creates no content: it takes nothing from the write budget.

        :param repository: empty for the App itself
        """
        url = address(operation, repository, segments)

        async def attempt() -> None:
            await self._allowed(
                operation,
                repository,
                lambda credential: self._transport.send(operation, "POST", url, credential=credential, changes=False),
            )

        await self._retried(attempt)

    async def _retried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        return await retried(attempt, sleep=self._sleep, observer=self._observer)

    async def _attempt(
        self,
        operation: str,
        repository: str,
        method: str,
        url: str,
        data: Any = NO_BODY,
        urgency: WritePriority = WritePriority.ORDINARY,
        *,
        repeatable: bool = False,
    ) -> GitHubResponse:
        writes = method != "GET"
        return await self._allowed(
            operation,
            repository,
            lambda credential: self._transport.send(
                operation, method, url, credential=credential, data=data, changes=writes and not repeatable
            ),
            urgency=urgency if writes else None,
        )

    async def _allowed(
        self,
        operation: str,
        repository: str,
        request: Callable[[Credential], Awaitable[R]],
        *,
        urgency: WritePriority | None = None,
    ) -> R:
        """Makes a request within the limits, with a credential, and with a new one if that is expired.

        :param urgency: of a write; None: it reads
        """
        budget = self._budgets[self._auth.account(repository)]

        async def send(credential: Credential) -> R:
            try:
                return await request(credential)
            except UpstreamError as error:
                if error.kind is ErrorKind.RATE_LIMITED and error.retry_after is not None:
                    budget.pause(error.retry_after)
                raise

        async with self._turn(budget, operation, urgency):
            credential = await self._auth.credential(self._transport, repository)
            try:
                return await send(credential)
            except UpstreamError as error:
                if error.kind is not ErrorKind.UNAUTHORIZED or not self._auth.forget(credential):
                    raise
            return await send(await self._auth.credential(self._transport, repository))

    @asynccontextmanager
    async def _turn(self, budget: ContentBudget, operation: str, urgency: WritePriority | None) -> AsyncIterator[None]:
        """Clients that keep sending requests during a pause get banned, so even reads wait."""
        wait = budget.paused_for
        if wait > LONGEST_WAIT and urgency is not WritePriority.PROGRESS:
            detail = "GitHub said to wait; nothing was sent"
            raise UpstreamError(Service.GITHUB, ErrorKind.RATE_LIMITED, operation, detail=detail, retry_after=wait)
        if urgency is None:
            if wait > 0:
                await self._sleep(wait)
                self._waited("requests", wait)
            yield
            return
        async with budget.place(urgency) as waited:
            if waited is None:
                self._observer.left_out()
                raise DroppedError(operation)
            self._waited("content", waited)
            yield

    def _waited(self, limit: str, seconds: float) -> None:
        if seconds > 0:
            self._observer.waited(Service.GITHUB, limit, seconds)


def _list(answer: GitHubResponse, key: str | None) -> list[Any]:
    found = answer.document
    if key is not None:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise answer.unreadable("the answer holds no list")
    return found


def _item(answer: GitHubResponse, document: Any, shape: TypeAdapter[T]) -> T:
    return GitHubResponse(answer.operation, document, None, changed=answer.changed).read(shape)
