"""What the operations of both emulators are made of: methods marked with addresses, refusals, rate limits."""

from __future__ import annotations

import inspect
import math
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterator
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler

F = TypeVar("F", bound=Callable[..., Any])


class Refused(Exception):  # noqa: N818 - an expected refusal
    """Ends a request with an error response."""

    def __init__(self, status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status, document)
        self.status = status
        self.document = document
        self.headers = headers or {}

    def response(self) -> web.Response:
        return web.json_response(self.document, status=self.status, headers=self.headers)


def operation(address: str, **options: Any) -> Callable[[F], F]:
    """Marks a method as the handler of an address, such as ``GET /users/{username}``.

    The method takes one argument and returns a JSON document, a response, or None for 204.

    :param options: for the `call` of `routes`
    """

    def mark(method: F) -> F:
        method.__dict__.setdefault("addresses", []).append((address, options))
        return method

    return mark


def operations(handlers: type) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The addresses of a class, each with its options and the name of its method."""
    for name, method in vars(handlers).items():
        for address, options in getattr(method, "addresses", ()):
            yield address, options, name


def routes(handlers: object, call: Callable[..., Awaitable[Any]]) -> list[web.RouteDef]:
    """The routes of all operations of an object.

    :param call: makes the argument of the method from the request and the operation's options, or raises `Refused`
    """
    found = []
    for address, options, name in operations(type(handlers)):
        method, _, path = address.partition(" ")
        found.append(web.RouteDef(method, path, _handler(getattr(handlers, name), call, options), {}))
    return found


def _handler(method: Callable[[Any], Any], call: Callable[..., Awaitable[Any]], options: dict[str, Any]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        result = method(await call(request, **options))
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, web.StreamResponse):
            return result
        return web.Response(status=204) if result is None else web.json_response(result)

    return handle


def created(document: dict[str, Any]) -> web.Response:
    return web.json_response(document, status=201)


class SlidingWindows:
    """Counts requests, by a key, in the last seconds before each of them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._times: dict[Hashable, deque[float]] = {}

    def reset(self) -> None:
        self._times.clear()

    def count(self, key: Hashable, *limits: tuple[int, float]) -> int:
        """Counts a request unless it exceeds a limit; returns the whole seconds until it would not, 0 if it does not.

        :param limits: the most requests in so many seconds
        """
        times, now = self._times.setdefault(key, deque()), self._clock()
        while times and now - times[0] >= max(seconds for _, seconds in limits):
            times.popleft()
        for most, seconds in limits:
            if len(times) >= most and now - times[-most] < seconds:
                return max(1, math.ceil(times[-most] + seconds - now))
        times.append(now)
        return 0
