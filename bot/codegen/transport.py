"""Sends calls to Codegen: with a rate-limit slot, a timeout, retries, and every failure as one of the bot's errors."""

from __future__ import annotations

import asyncio
import email.utils
import math
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from bot import log
from bot.codegen.limits import RateLimits
from bot.connection_errors import connection_problem
from bot.errors import ErrorKind, Service, UpstreamError
from bot.network import proxy_for, tls_context
from bot.observer import NO_OBSERVER, Observer, observed
from bot.text.redaction.redact import redact
from bot.upstream import Fence, Segments, api_path, call_delay, kind_of, no_fence, retried, time_left

_log = log.get(__name__)

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""For one request, in seconds between two chunks of its response."""

MAX_WAIT = 90.0
"""Seconds that a call itself waits for a limit to pass: a window and a half."""

DETAIL_LIMIT = 300

_KINDS = {402: ErrorKind.QUOTA_USED_UP, 429: ErrorKind.RATE_LIMITED}

_OK = frozenset({200, 201, 202, 204})
"""Codegen's own are all 200; another 2xx may come from a proxy."""

_SENDABLE_TOKEN = re.compile(r"[\x21-\x7e]+")
"""What a header can carry; nothing else is a Codegen token."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
"""Errors after which a request certainly did not arrive."""


def new_http(
    transport: httpx.AsyncBaseTransport | None = None,
    *,
    on_response: Callable[[Mapping[str, str]], None] | None = None,
    fence: Fence = no_fence,
) -> httpx.AsyncClient:
    """The one HTTP client for Codegen; the caller closes it.

    :param transport: replaces the network
    :param on_response: called with the headers of each response
    :param fence: awaited before each request that changes something
    """

    async def before(request: httpx.Request) -> None:
        if request.method != "GET":
            await fence()

    async def answered(response: httpx.Response) -> None:
        if on_response is not None:
            on_response(response.headers)

    return httpx.AsyncClient(
        timeout=TIMEOUT,
        headers={"user-agent": "codegen-bot"},
        transport=transport or _ByProxy(),
        trust_env=False,
        event_hooks={"request": [before], "response": [answered] if on_response else []},
    )


class _ByProxy(httpx.AsyncBaseTransport):
    """The network, by the environment's proxy. httpx's own choice reads NO_PROXY differently from aiohttp."""

    def __init__(self) -> None:
        self._transports: dict[tuple[str, str | None], httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        proxy = proxy_for(request.url.scheme, request.url.host)
        key = (request.url.scheme, proxy)
        if key not in self._transports:
            limits = httpx.Limits(max_connections=20, max_keepalive_connections=10)
            # Reading the system's certificates takes time. Without TLS, a context that trusts none will do.
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if key == ("http", None) else tls_context()
            self._transports[key] = httpx.AsyncHTTPTransport(verify=tls, limits=limits, proxy=proxy)
        return await self._transports[key].handle_async_request(request)

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    :param name: the client's method name
    :param segments: of its path, unescaped
    :param limit: the class of operation whose rate limit counts it
    :param repeatable: whether sending it twice has no further effect
    """

    name: str
    method: str
    segments: Segments
    limit: str | None = "read"
    repeatable: bool = True
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] | None = None


class Transport:
    """Sends operations with one token.

    :param observer: called for every request, and for the waits that Codegen requests
    """

    def __init__(
        self,
        token: str,
        *,
        base_url: str,
        http: httpx.AsyncClient,
        limits: RateLimits,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observer: Observer = NO_OBSERVER,
        name: str = "",
    ) -> None:
        """:param name: in errors, of an API that takes Codegen's place"""
        self.name = name
        self._limits = limits
        self._observer = observer
        self._token = token
        self._base_url = base_url.rstrip("/")
        self._http = http
        self._sleep = sleep

    async def send(self, operation: Operation) -> Any:
        """The response's JSON.

        :raises UpstreamError: if retries did not help or could execute the operation twice
        """

        async def attempt() -> Any:
            async with self._limits.slot(operation.limit):
                with observed(self._observer, Service.CODEGEN, operation.name) as ended:
                    status, document = await self._try(operation)
                    ended(status)
                return document

        def delay(error: UpstreamError, failures: int) -> float | None:
            wait = call_delay(error, failures, max_wait=math.inf)
            if error.kind is ErrorKind.RATE_LIMITED and wait is not None:
                self._limits.pause(operation.limit, min(wait, MAX_WAIT))
            if wait is None or wait > MAX_WAIT:
                return None
            self._observer.retrying(error, failures, wait)
            return wait

        def on_retry(error: UpstreamError, seconds: float) -> None:
            _log.info("codegen.retry", operation=operation.name, seconds=seconds, reason=str(error))
            if error.kind is ErrorKind.RATE_LIMITED:
                self._observer.waited(Service.CODEGEN, operation.limit or "none", seconds)

        return await retried(attempt, delay=delay, sleep=self._sleep, on_retry=on_retry)

    async def _try(self, operation: Operation) -> tuple[int, Any]:
        """:returns: the status, and the response's JSON"""
        try:
            async with asyncio.timeout(time_left() if operation.repeatable else None):
                response = await self._http.send(self._request(operation))
        except NEVER_SENT as error:
            detail = connection_problem(error, httpx.URL(self._base_url).host)
            raise self._failure(operation, ErrorKind.NETWORK, detail=detail) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            detail = connection_problem(error, None)
            raise self._failure(operation, ErrorKind.NETWORK, detail=detail, in_doubt=True) from None
        except TimeoutError:
            raise self._failure(operation, ErrorKind.NETWORK, detail="timed out") from None
        status = response.status_code
        if status not in _OK:
            kind = kind_of(status, _KINDS)
            in_doubt = kind in {ErrorKind.SERVER_FAULT, ErrorKind.BAD_ANSWER}
            retry_after = _retry_after(response)
            raise self._failure(operation, kind, status, _message(response), retry_after, in_doubt=in_doubt)
        try:
            return status, response.json()
        except ValueError:
            raise self._failure(
                operation, ErrorKind.BAD_ANSWER, status, "the response is not JSON", in_doubt=True
            ) from None

    def _request(self, operation: Operation) -> httpx.Request:
        if not _SENDABLE_TOKEN.fullmatch(self._token):
            detail = "the token is empty or contains invalid characters"
            raise self._failure(operation, ErrorKind.UNAUTHORIZED, detail=detail)
        try:
            return self._http.build_request(
                operation.method,
                f"{self._base_url}{api_path(*operation.segments)}",
                json=operation.body,
                params=operation.query,
                headers={"authorization": f"Bearer {self._token}"},
            )
        except ValueError:
            # Half a surrogate pair, or a number that JSON does not have.
            detail = "the request cannot be written as JSON"
            raise self._failure(operation, ErrorKind.INVALID, detail=detail) from None

    def _failure(
        self,
        operation: Operation,
        kind: ErrorKind,
        status: int | None = None,
        detail: str = "",
        retry_after: float | None = None,
        *,
        in_doubt: bool = False,
    ) -> UpstreamError:
        if self._token:
            detail = detail.replace(self._token, "[redacted]")
        # Before truncation: half a secret is not recognized as one.
        detail = redact(detail)[:DETAIL_LIMIT]
        may_have_happened = in_doubt and not operation.repeatable
        return UpstreamError(
            Service.CODEGEN, kind, operation.name, status, detail, retry_after, may_have_happened, self.name
        )


def _message(response: httpx.Response) -> str:
    """The API's own error message: its ``message``, or FastAPI's list of validation errors."""
    try:
        document = response.json()
    except ValueError:
        return ""
    if not isinstance(document, dict):
        return ""
    if isinstance(document.get("message"), str):
        return str(document["message"])
    detail = document.get("detail")
    if isinstance(detail, list):
        return "; ".join(_one_detail(entry) for entry in detail if isinstance(entry, dict))
    return detail if isinstance(detail, str) else ""


def _one_detail(entry: Mapping[str, Any]) -> str:
    location = entry.get("loc")
    place = ".".join(str(part) for part in location if part != "body") if isinstance(location, list) else ""
    return f"{place}: {entry.get('msg', '')}" if place else str(entry.get("msg", ""))


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, from either form of the header."""
    text = response.headers.get("retry-after")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
