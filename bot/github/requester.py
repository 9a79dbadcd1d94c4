"""Makes the client's requests: within the limits, with the right credential, and with retries where that is safe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from bot import log
from bot.errors import ErrorKind, Service, UpstreamError
from bot.github.auth import Auth
from bot.github.limits import ContentBudget, DroppedError, WritePriority
from bot.github.models import Person, Reader
from bot.github.transport import DETAIL_LIMIT, NO_BODY, Credential, Endpoint, GitHubResponse, Transport
from bot.observer import Observer
from bot.text.redaction.redact import redact
from bot.upstream import call_delay, retried

T = TypeVar("T")
R = TypeVar("R")

_log = log.get(__name__)

PAGE_SIZE = 100

MAX_WAIT = 75.0
"""Seconds that a call itself waits before a retry; a longer wait is the caller's decision."""


class Requester:
    """Makes requests. Reads are retried; writes only if they were certainly not executed.

    :param sleep: waits, in seconds
    :param new_budget: creates the write budget of an account
    :param observer: called for every wait for a limit, and for every dropped edit
    """

    def __init__(
        self,
        transport: Transport,
        auth: Auth,
        *,
        sleep: Callable[[float], Awaitable[None]],
        new_budget: Callable[[], ContentBudget] | None,
        observer: Observer,
    ) -> None:
        self._auth = auth
        self._transport = transport
        self._sleep = sleep
        self._observer = observer
        self._is_yielding = False
        self._budgets: defaultdict[str, ContentBudget] = defaultdict(new_budget or (lambda: ContentBudget(sleep=sleep)))

    def yielding(self) -> Requester:
        """The same, with writes that yield to all others."""
        requester = copy(self)
        requester._is_yielding = True  # noqa: SLF001 - its own class
        return requester

    @property
    def is_app(self) -> bool:
        """Whether the requests are a GitHub App's."""
        return self._auth.is_app

    async def token(self, repository: str, *, rejected: str = "") -> str:
        """A token for a repository.

        :param rejected: one that is not accepted any more; it is not returned again if there can be another
        """
        if rejected:
            self._auth.forget(Credential(rejected))
        return (await self._retried(lambda: self._auth.credential(self._transport, repository))).token

    async def me(self) -> Person:
        return await self._retried(lambda: self._auth.me(self._transport))

    async def read(self, endpoint: Endpoint, read: Reader[T]) -> T:
        """Gets one object.

        :raises UpstreamError: also if the response lacks a part
        """
        url = endpoint.url

        async def attempt() -> T:
            return (await self._send(endpoint, "GET", url)).read(read)

        return await self._retried(attempt)

    async def read_pages(self, endpoint: Endpoint, read: Reader[T], *, key: str | None = None) -> AsyncGenerator[T]:
        """Gets a list, page by page as it is consumed; each page is retried on its own.

        :param key: of the list in each response; None: the response is the list
        """

        def read_page(document: Any) -> list[T]:
            items = document.get(key) if key and isinstance(document, dict) else document
            if not isinstance(items, list):
                raise ValueError("the response contains no list")  # noqa: TRY004 - as a reader reports it
            return [read(item) for item in items]

        async def attempt(url: str) -> tuple[list[T], str | None]:
            response = await self._send(endpoint, "GET", url)
            return response.read(read_page), response.next_page

        url: str | None = replace(endpoint, query={"per_page": str(PAGE_SIZE), **endpoint.query}).url
        while url is not None:
            items, url = await self._retried(partial(attempt, url))
            for item in items:
                yield item

    async def read_all(self, endpoint: Endpoint, read: Reader[T], *, key: str | None = None) -> list[T]:
        """The whole list of `read_pages`."""
        return [item async for item in self.read_pages(endpoint, read, key=key)]

    async def download(self, endpoint: Endpoint, *, limit: int) -> str:
        """Gets a text that GitHub stores elsewhere; if it is too large, its end.

        :param limit: bytes
        """
        operation, url = endpoint.operation, endpoint.url

        async def target(credential: Credential) -> str:
            return await self._transport.redirect_target(operation, url, credential=credential)

        async def attempt() -> str:
            # A new address for each attempt: it is valid for a minute.
            store = await self._within_limits(endpoint, target)
            return await self._transport.download_end(operation, store, limit=limit)

        return await self._retried(attempt)

    async def write(
        self,
        method: str,
        endpoint: Endpoint,
        read: Reader[T],
        *,
        data: Any = NO_BODY,
        priority: WritePriority = WritePriority.ORDINARY,
        repeatable: bool = False,
    ) -> T:
        """Changes something. Progress is tried once: the caller has something newer by the next attempt.

        :param repeatable: whether doing it twice has no further effect; then it is retried like a read
        :raises UpstreamError: with `may_have_happened` if its fate is unknown
        :raises DroppedError: if it is progress, and the budget has no room for it
        """
        url = endpoint.url
        if self._is_yielding and priority is not WritePriority.PROGRESS:
            priority = WritePriority.YIELDING

        async def attempt() -> T:
            response = await self._send(endpoint, method, url, data=data, priority=priority, changes=not repeatable)
            return response.read(read)

        return await (attempt() if priority is WritePriority.PROGRESS else self._retried(attempt))

    async def mutate(self, endpoint: Endpoint, query: str, variables: Mapping[str, str]) -> None:
        """Changes what only GraphQL can, repeatably.

        :param endpoint: names the operation and the repository; its address is GraphQL's
        :raises UpstreamError: also for an error in the response, whose status is 200
        """
        url, data = self._transport.graphql_url, {"query": query, "variables": variables}

        async def attempt() -> None:
            response = await self._send(endpoint, "POST", url, data=data, priority=WritePriority.ORDINARY)
            if (error := _graphql_error(endpoint.operation, response.document)) is not None:
                raise error

        await self._retried(attempt)

    async def trigger(self, endpoint: Endpoint) -> None:
        """Makes GitHub repeat something that creates no content: it takes nothing from the write budget."""
        url = endpoint.url
        await self._retried(lambda: self._send(endpoint, "POST", url))

    async def _retried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        return await retried(attempt, delay=self._delay, sleep=self._sleep, on_retry=self._on_retry)

    def _delay(self, error: UpstreamError, failures: int) -> float | None:
        seconds = call_delay(error, failures, max_wait=MAX_WAIT)
        if seconds is not None:
            self._observer.retrying(error, failures, seconds)
        return seconds

    def _on_retry(self, error: UpstreamError, seconds: float) -> None:
        _log.info("github.retry", operation=error.operation, seconds=seconds, reason=str(error))
        if error.kind is ErrorKind.RATE_LIMITED:
            self._waited("requests", seconds)

    async def _send(
        self,
        endpoint: Endpoint,
        method: str,
        url: str,
        *,
        data: Any = NO_BODY,
        priority: WritePriority | None = None,
        changes: bool = False,
    ) -> GitHubResponse:
        async def send(credential: Credential) -> GitHubResponse:
            return await self._transport.send(
                endpoint.operation, method, url, credential=credential, data=data, changes=changes
            )

        return await self._within_limits(endpoint, send, priority=priority)

    async def _within_limits(
        self,
        endpoint: Endpoint,
        request: Callable[[Credential], Awaitable[R]],
        *,
        priority: WritePriority | None = None,
    ) -> R:
        """Makes a request within the limits, with a credential, and with a new one if that is expired.

        :param priority: of a write; None: it takes nothing from the write budget
        """
        installation = endpoint.installation
        owner = f"{installation.account}/" if installation is not None else endpoint.repository
        budget = self._budgets[self._auth.account(owner)]

        async def credential() -> Credential:
            return await self._auth.credential(self._transport, endpoint.repository, installation)

        async def send(credential: Credential) -> R:
            try:
                return await request(credential)
            except UpstreamError as error:
                if error.kind is ErrorKind.RATE_LIMITED and error.retry_after is not None:
                    budget.pause(error.retry_after)
                raise

        async with self._slot(budget, endpoint.operation, priority):
            first = await credential()
            try:
                return await send(first)
            except UpstreamError as error:
                if error.kind is not ErrorKind.UNAUTHORIZED or not self._auth.forget(first):
                    raise
            return await send(await credential())

    @asynccontextmanager
    async def _slot(self, budget: ContentBudget, operation: str, priority: WritePriority | None) -> AsyncIterator[None]:
        """Clients that keep sending requests during a pause get banned, so even reads wait."""
        wait = budget.paused_for
        if wait > MAX_WAIT and priority is not WritePriority.PROGRESS:
            detail = "GitHub requested a pause; nothing was sent"
            raise UpstreamError(Service.GITHUB, ErrorKind.RATE_LIMITED, operation, detail=detail, retry_after=wait)
        if priority is None:
            if wait > 0:
                await self._sleep(wait)
                self._waited("requests", wait)
            yield
            return
        async with budget.slot(priority) as waited:
            if waited is None:
                self._observer.edit_dropped()
                raise DroppedError(operation)
            self._waited("content", waited)
            yield

    def _waited(self, limit: str, seconds: float) -> None:
        if seconds > 0:
            self._observer.waited(Service.GITHUB, limit, seconds)


_GRAPHQL_KINDS = {
    "NOT_FOUND": ErrorKind.NOT_FOUND,
    "FORBIDDEN": ErrorKind.FORBIDDEN,
    "INSUFFICIENT_SCOPES": ErrorKind.FORBIDDEN,
    "RATE_LIMITED": ErrorKind.RATE_LIMITED,
}


def _graphql_error(operation: str, document: Any) -> UpstreamError | None:
    errors = document.get("errors") if isinstance(document, dict) else None
    if not errors:
        return None
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
    kind = _GRAPHQL_KINDS.get(str(first.get("type", "")), ErrorKind.INVALID)
    detail = redact(str(first.get("message", "")))[:DETAIL_LIMIT]
    return UpstreamError(Service.GITHUB, kind, operation, 200, detail)
