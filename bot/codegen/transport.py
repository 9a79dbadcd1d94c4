"""Sends calls to Codegen: with a rate-limit slot, a timeout, retries, and every failure as one of the bot's errors."""

from __future__ import annotations

import asyncio
import email.utils
import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any

import httpx

from bot import log
from bot.api_path import Segments, api_path
from bot.codegen.limits import RateLimits
from bot.errors import REFUSALS, ErrorKind, Service, UpstreamError, retry_delay
from bot.fencing import Fence, no_fence
from bot.observer import NOBODY, Observer, status_of
from bot.redaction.known import redact_known

_log = log.get(__name__)

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""For one request, in seconds between two chunks of its response."""

LONGEST_WAIT = 90.0
"""Seconds that a call itself waits for a limit to pass: a window and a half."""

DETAIL_LIMIT = 300

_KINDS = {
    401: ErrorKind.UNAUTHORIZED,
    402: ErrorKind.QUOTA_USED_UP,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.NOT_FOUND,
    410: ErrorKind.NOT_FOUND,
    429: ErrorKind.RATE_LIMITED,
}

_FINE = frozenset({200, 201, 202, 204})
"""Codegen's own are all 200; another 2xx, such as one from a proxy, says nothing about the work."""

_SENDABLE_TOKEN = re.compile(r"[\x21-\x7e]+")
"""What a header can carry; nothing else is a Codegen token."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def new_http(
    transport: httpx.AsyncBaseTransport | None = None,
    *,
    hear: Callable[[Mapping[str, str]], None] | None = None,
    fence: Fence = no_fence,
) -> httpx.AsyncClient:
    """The one HTTP client for Codegen; the caller closes it.

    :param transport: replaces the network
    :param hear: called with the headers of each response
    :param fence: awaited before each request that changes something
    """

    async def before(request: httpx.Request) -> None:
        if request.method != "GET":
            await fence()

    async def answered(response: httpx.Response) -> None:
        if hear is not None:
            hear(response.headers)

    limits = httpx.Limits(max_connections=20, max_keepalive_connections=10)
    return httpx.AsyncClient(
        verify=True if transport else _tls_context(),
        timeout=TIMEOUT,
        limits=limits,
        headers={"user-agent": "codegen-bot"},
        transport=transport,
        event_hooks={"request": [before], "response": [answered] if hear else []},
    )


@cache
def _tls_context() -> SSLContext:
    """One context for the process: loading all root certificates takes 40 ms and megabytes each time."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    :param segments: of its path, unescaped
    :param limit: the class of operation whose rate limit counts it
    :param repeatable: whether sending it twice has no further effect
    """

    operation: str
    method: str
    segments: Segments
    limit: str | None = "read"
    repeatable: bool = True
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] | None = None


class Transport:
    """Sends calls with one token.

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
        observer: Observer = NOBODY,
    ) -> None:
        self.limits = limits
        self._observer = observer
        self._token = token
        self._base_url = base_url.rstrip("/")
        self._http = http
        self._sleep = sleep

    async def send(self, call: Operation) -> Any:
        """The response's JSON.

        :raises UpstreamError: if retries did not help or could execute the call twice
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self.limits.place(call.limit):
                    return await self._observed(call)
            except UpstreamError as error:
                wait = retry_delay(error, attempt)
                if error.kind is ErrorKind.RATE_LIMITED and wait is not None:
                    self.limits.pause(call.limit, min(wait, LONGEST_WAIT))
                if wait is None or wait > LONGEST_WAIT or error.may_have_happened:
                    raise
                _log.info("codegen.retry", operation=call.operation, seconds=wait, reason=str(error))
                await self._sleep(wait)
                if error.kind is ErrorKind.RATE_LIMITED:
                    self._observer.waited(Service.CODEGEN, call.limit or "none", wait)

    async def _observed(self, call: Operation) -> Any:
        begun = time.perf_counter()
        try:
            status, answer = await self._try(call)
        except UpstreamError as error:
            self._observer.called(Service.CODEGEN, call.operation, status_of(error), time.perf_counter() - begun)
            raise
        self._observer.called(Service.CODEGEN, call.operation, str(status), time.perf_counter() - begun)
        return answer

    def _request(self, call: Operation) -> httpx.Request:
        if not _SENDABLE_TOKEN.fullmatch(self._token):
            raise self._failure(
                call, ErrorKind.UNAUTHORIZED, detail="the token is empty or holds characters no token has"
            )
        try:
            return self._http.build_request(
                call.method,
                f"{self._base_url}{api_path(*call.segments)}",
                json=call.body,
                params=call.query,
                headers={"authorization": f"Bearer {self._token}"},
            )
        except ValueError:
            # Half a surrogate pair, or a number that JSON does not have.
            raise self._failure(
                call, ErrorKind.INVALID, detail="what is to be sent cannot be written as JSON"
            ) from None

    async def _try(self, call: Operation) -> tuple[int, Any]:
        """:returns: the status, and the response's JSON"""
        in_doubt = not call.repeatable
        try:
            response = await self._http.send(self._request(call))
        except _NEVER_SENT as error:
            raise self._failure(call, ErrorKind.NETWORK, detail=type(error).__name__) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failure(
                call, ErrorKind.NETWORK, detail=type(error).__name__, may_have_happened=in_doubt
            ) from None
        status = response.status_code
        if status >= 500:
            raise self._failure(
                call,
                ErrorKind.SERVER_FAULT,
                status,
                _message(response),
                retry_after=_retry_after(response),
                may_have_happened=in_doubt,
            )
        if status not in _FINE:
            kind = _KINDS.get(
                status, ErrorKind.INVALID if status in REFUSALS or 300 <= status < 400 else ErrorKind.BAD_ANSWER
            )
            raise self._failure(
                call,
                kind,
                status,
                _message(response),
                retry_after=_retry_after(response),
                may_have_happened=in_doubt and kind is ErrorKind.BAD_ANSWER,
            )
        try:
            return status, response.json()
        except ValueError:
            raise self._failure(call, ErrorKind.BAD_ANSWER, status, "no JSON", may_have_happened=in_doubt) from None

    def _failure(
        self, call: Operation, kind: ErrorKind, status: int | None = None, detail: str = "", **more: Any
    ) -> UpstreamError:
        if self._token:
            detail = detail.replace(self._token, "[redacted]")
        # Before truncation: half a secret is not recognized as one.
        detail = redact_known(detail)[:DETAIL_LIMIT]
        return UpstreamError(Service.CODEGEN, kind, call.operation, status, detail, **more)


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
