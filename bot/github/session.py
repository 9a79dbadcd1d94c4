"""The HTTP session for GitHub: its interface, and those that talk to the network.

The server has many requests, and aiohttp takes a tenth of the time for one that httpx takes. The Action and the command
line have few, and need httpx for Codegen anyway: aiohttp would be eight packages more for each job to install, and a
tenth of a second more for each command to import.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from bot.network import proxy_for, tls_context
from bot.upstream import Fence, no_fence

if TYPE_CHECKING:
    import aiohttp
    import httpx


@dataclass(frozen=True, slots=True)
class Timeout:
    """Limits of one request, in seconds.

    :param sock_connect: for one attempt to connect
    :param sock_read: between two chunks of the response
    """

    total: float
    sock_connect: float | None = None
    sock_read: float | None = None


TIMEOUT = Timeout(total=30, sock_connect=10)
"""For one request. GitHub itself gives up after ten seconds."""


class BodyStream(Protocol):
    """A response's body, as it arrives."""

    def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        """:param n: bytes, of the largest chunk"""


class Response(Protocol):
    """A response whose body is still to be read."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def content(self) -> BodyStream: ...

    async def read(self) -> bytes:
        """The whole body."""


class Session(Protocol):
    """What the bot uses of an `aiohttp.ClientSession`, so that a dry run can wrap it."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes = b"",
        timeout: Timeout,
        allow_redirects: bool = True,
    ) -> AbstractAsyncContextManager[Response]:
        """:raises Exception: one of `network_errors` if no response arrives"""


class OpenSession(Session, Protocol):
    """One on the network, which its owner closes."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class NetworkSession:
    """A `Session` on the network; aiohttp's own is opened with the first request.

    :param fence: awaited before each request that changes something
    :param on_response: called with the headers of each response
    :param traces: further observers of its requests
    """

    def __init__(
        self,
        *,
        fence: Fence = no_fence,
        on_response: Callable[[Mapping[str, str]], None] | None = None,
        traces: Sequence[aiohttp.TraceConfig] = (),
    ) -> None:
        self._fence = fence
        self._on_response = on_response
        self._traces = traces
        self._opened: aiohttp.ClientSession | None = None

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes = b"",
        timeout: Timeout = TIMEOUT,
        allow_redirects: bool = True,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        import aiohttp  # noqa: PLC0415 - see the module's docstring

        if self._opened is None:
            self._opened = environment_session(trace_configs=[self._tracing(), *self._traces])
        limits = aiohttp.ClientTimeout(**asdict(timeout))
        return self._opened.request(
            method, url, headers=headers, data=data, timeout=limits, allow_redirects=allow_redirects
        )

    def _tracing(self) -> aiohttp.TraceConfig:
        import aiohttp  # noqa: PLC0415 - see the module's docstring

        async def before(_session: object, _context: object, request: aiohttp.TraceRequestStartParams) -> None:
            if request.method != "GET":
                await self._fence()

        async def after(_session: object, _context: object, request: aiohttp.TraceRequestEndParams) -> None:
            if self._on_response is not None:
                self._on_response(request.response.headers)

        tracing = aiohttp.TraceConfig()
        tracing.on_request_start.append(before)
        tracing.on_request_end.append(after)
        return tracing

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.close()


class HttpxSession:
    """A `Session` on the network for few requests, and for where aiohttp is not installed.

    :param fence: awaited before each request that changes something
    :param on_response: called with the headers of each response
    """

    def __init__(
        self, *, fence: Fence = no_fence, on_response: Callable[[Mapping[str, str]], None] | None = None
    ) -> None:
        self._fence = fence
        self._on_response = on_response
        self._opened: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes = b"",
        timeout: Timeout = TIMEOUT,  # noqa: ASYNC109 - a session's
        allow_redirects: bool = True,
    ) -> AsyncIterator[Response]:
        import httpx  # noqa: PLC0415 - see the module's docstring

        if self._opened is None:
            from bot.codegen.transport import new_http  # noqa: PLC0415 - imports httpx

            self._opened = new_http(fence=self._fence, on_response=self._on_response)
        read = timeout.sock_read or timeout.total
        limits = httpx.Timeout(read, connect=timeout.sock_connect or read)
        async with (
            asyncio.timeout(timeout.total),
            self._opened.stream(
                method, url, headers=headers, content=data, timeout=limits, follow_redirects=allow_redirects
            ) as response,
        ):
            yield _HttpxResponse(response)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.aclose()


class _HttpxResponse:
    """A `Response`, and its `BodyStream`."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def content(self) -> Self:
        return self

    def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        return self._response.aiter_bytes(n)

    async def read(self) -> bytes:
        return await self._response.aread()


def new_session(
    *,
    fence: Fence = no_fence,
    on_response: Callable[[Mapping[str, str]], None] | None = None,
    has_few_requests: bool = False,
) -> OpenSession:
    """The one session for GitHub; the caller closes it.

    :param fence: awaited before each request that changes something
    :param on_response: called with the headers of each response
    :param has_few_requests: whether a process ends after a few requests
    """
    session = HttpxSession if has_few_requests or not find_spec("aiohttp") else NetworkSession
    return session(fence=fence, on_response=on_response)


def network_errors() -> tuple[type[Exception], ...]:
    """What a session raises if no response arrives, or not all of it: errors of the libraries that have been loaded."""
    errors: list[type[Exception]] = [TimeoutError, OSError]
    if aiohttp := sys.modules.get("aiohttp"):
        errors.append(aiohttp.ClientError)
    if httpx := sys.modules.get("httpx"):
        errors += (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError)
    return tuple(errors)


def errors_before_sending() -> tuple[type[Exception], ...]:
    """Those of them after which the request certainly did not arrive."""
    errors: list[type[Exception]] = []
    if aiohttp := sys.modules.get("aiohttp"):
        errors += (
            aiohttp.ClientConnectorError,
            aiohttp.ClientHttpProxyError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.InvalidURL,
        )
    if transport := sys.modules.get("bot.codegen.transport"):
        errors += transport.NEVER_SENT
    return tuple(errors)


def environment_session(**options: Any) -> aiohttp.ClientSession:
    """A session that uses the environment's proxy, and trusts what the system trusts.

    :param options: further ones of `aiohttp.ClientSession`
    """
    import aiohttp  # noqa: PLC0415 - see the module's docstring

    connector = aiohttp.TCPConnector(ssl=tls_context())
    return aiohttp.ClientSession(connector=connector, middlewares=(_by_proxy,), **options)


async def _by_proxy(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A client middleware that uses the environment's proxy for each hop of a request.

    Instead of aiohttp's `trust_env`, which refuses a request with an Authorization header to a host that is in
    ~/.netrc, and ignores ALL_PROXY and proxies with TLS.
    """
    from yarl import URL  # noqa: PLC0415 - see the module's docstring

    proxy = proxy_for(request.url.scheme, request.url.host or "")
    if proxy is not None:
        request.update_proxy(URL(proxy), None, None)
    return await handler(request)
