"""How the client's methods reach GitHub: within the limits, with the right credential, and again where that is safe."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter

from bot.errors import Kind, Service, UpstreamError
from bot.github.auth import Auth
from bot.github.limits import ContentBudget
from bot.github.models import Person
from bot.github.session import Session
from bot.github.transport import LONGEST_WAIT, NO_BODY, Answer, Credential, Transport, retried

T = TypeVar("T")
R = TypeVar("R")

PAGE_SIZE = 100


class Calls:
    """Makes calls. Reads are tried again; writes only where they surely were not done.

    :param clock: seconds since the epoch
    :param sleep: waits, in seconds
    :param new_budget: makes the budget of an account's writes
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
    ) -> None:
        self._auth = auth
        self._transport = Transport(session, base_url=base_url, clock=clock)
        self._sleep = sleep
        self._budgets: defaultdict[str, ContentBudget] = defaultdict(new_budget or (lambda: ContentBudget(sleep=sleep)))

    async def me(self) -> Person:
        return await retried(lambda: self._auth.me(self._transport), sleep=self._sleep)

    async def read(
        self,
        operation: str,
        repository: str,
        path: str,
        shape: TypeAdapter[T],
        *,
        query: Mapping[str, str] | None = None,
    ) -> T:
        """Gets one thing.

        :param path: below the repository's address, its parts quoted
        :raises UpstreamError: also where the answer is not of that shape
        """
        url = _address(repository, path, query)

        async def attempt() -> T:
            return (await self._attempt(operation, repository, "GET", url)).read(shape)

        return await retried(attempt, sleep=self._sleep)

    async def read_pages(
        self,
        operation: str,
        repository: str,
        path: str,
        shape: TypeAdapter[T],
        *,
        query: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> AsyncIterator[T]:
        """Gets a list, page by page as it is consumed; each page is tried again by itself.

        :param key: where the list stands in each answer; None: the answer is the list
        """
        next_page: str | None = _address(repository, path, {"per_page": str(PAGE_SIZE), **(query or {})})
        while next_page is not None:
            url = next_page

            async def attempt(url: str = url) -> tuple[list[T], str | None]:
                answer = await self._attempt(operation, repository, "GET", url)
                return [_item(answer, document, shape) for document in _list(answer, key)], answer.next_page

            items, next_page = await retried(attempt, sleep=self._sleep)
            for item in items:
                yield item

    async def download(self, operation: str, repository: str, path: str, *, limit: int) -> str:
        """Gets a text that GitHub keeps in a store of its own; of one that is too large, its end.

        :param limit: bytes
        """
        url = _address(repository, path, None)

        async def attempt() -> str:
            # Each try with an address of its own: one holds for a minute.
            place = await self._allowed(
                operation,
                repository,
                lambda credential: self._transport.place(operation, url, credential=credential),
                writes=False,
            )
            return await self._transport.download_end(operation, place, limit=limit)

        return await retried(attempt, sleep=self._sleep)

    async def write(
        self, operation: str, repository: str, method: str, path: str, shape: TypeAdapter[T], *, data: Any = NO_BODY
    ) -> T:
        """Changes something.

        :raises UpstreamError: with `may_have_happened` where its fate is unknown
        """
        url = _address(repository, path, None)

        async def attempt() -> T:
            return (await self._attempt(operation, repository, method, url, data)).read(shape)

        return await retried(attempt, sleep=self._sleep)

    async def _attempt(self, operation: str, repository: str, method: str, url: str, data: Any = NO_BODY) -> Answer:
        writes = method != "GET"
        return await self._allowed(
            operation,
            repository,
            lambda credential: self._transport.send(
                operation, method, url, credential=credential, data=data, changes=writes
            ),
            writes=writes,
        )

    async def _allowed(
        self, operation: str, repository: str, request: Callable[[Credential], Awaitable[R]], *, writes: bool
    ) -> R:
        """Makes a request within the limits, with a credential, and with another where that one is old."""
        budget = self._budgets[self._auth.account(repository)]
        await self._wait_for(budget, operation, writes=writes)

        async def send(credential: Credential) -> R:
            try:
                return await request(credential)
            except UpstreamError as error:
                if error.kind is Kind.RATE_LIMITED and error.retry_after is not None:
                    budget.pause(error.retry_after)
                raise

        credential = await self._auth.credential(self._transport, repository)
        try:
            return await send(credential)
        except UpstreamError as error:
            if error.kind is not Kind.UNAUTHORIZED or not self._auth.forget(credential):
                raise
        return await send(await self._auth.credential(self._transport, repository))

    async def _wait_for(self, budget: ContentBudget, operation: str, *, writes: bool) -> None:
        """Who keeps asking while GitHub says to wait is shut out, so that even reads wait."""
        if (wait := budget.paused_for) > LONGEST_WAIT:
            detail = "GitHub said to wait; nothing was sent"
            raise UpstreamError(Service.GITHUB, Kind.RATE_LIMITED, operation, detail=detail, retry_after=wait)
        if writes:
            await budget.slot()
        elif wait > 0:
            await self._sleep(wait)


def _address(repository: str, path: str, query: Mapping[str, str] | None) -> str:
    return f"/repos/{quote(repository)}{path}" + (f"?{urlencode(query)}" if query else "")


def _list(answer: Answer, key: str | None) -> list[Any]:
    found = answer.document
    if key is not None:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise answer.unreadable("the answer holds no list")
    return found


def _item(answer: Answer, document: Any, shape: TypeAdapter[T]) -> T:
    return Answer(answer.operation, document, None, changed=answer.changed).read(shape)
