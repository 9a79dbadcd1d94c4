"""Sends one request to GitHub, over gidgethub: with a timeout, and with every failure as the bot's own error.

gidgethub raises a plain `BadRequest` for a 429 and for a secondary limit, passes on aiohttp's errors and unreadable
responses unchanged, and knows no status above 511: so failures are classified here by status, headers and message.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import aiohttp
from gidgethub import HTTPException
from gidgethub.abc import GitHubAPI
from gidgethub.sansio import accept_format
from pydantic import TypeAdapter, ValidationError

from bot import log
from bot.errors import REFUSALS, ErrorKind, Service, UpstreamError, retry_delay
from bot.fencing import Fence, no_fence
from bot.github.cache import BoundedCache
from bot.github.download import download_end
from bot.github.limits import limited_for, seconds
from bot.github.session import Session
from bot.observer import NOBODY, Observer, status_of
from bot.redaction.known import redact_known

T = TypeVar("T")

_log = log.get(__name__)

USER_AGENT = "codegen-bot"
API_VERSION = {"x-github-api-version": "2022-11-28"}

TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
"""For one request. GitHub itself gives up after ten seconds."""

LONGEST_WAIT = 75.0
"""Seconds that a call itself waits before a retry; a longer wait is the caller's decision."""

CACHED_ANSWERS = 500
LARGEST_CACHED = 64 * 1024  # bytes; together with the count it limits the cache to some 32 MB of JSON
DETAIL_LIMIT = 300
MOST_MOVES = 3  # of a repository that was renamed again and again
NO_BODY = b""  # gidgethub's own value for it, because None is JSON

_KINDS = {
    401: ErrorKind.UNAUTHORIZED,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.NOT_FOUND,
    410: ErrorKind.NOT_FOUND,
    451: ErrorKind.FORBIDDEN,
}
_Cache = BoundedCache[tuple[str | None, str | None, Any, str | None]]
_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


def new_session(*, fence: Fence = no_fence) -> aiohttp.ClientSession:
    """The one session for GitHub; the caller closes it.

    :param fence: awaited before each request that changes something
    """

    async def before(_session: object, _context: object, request: aiohttp.TraceRequestStartParams) -> None:
        if request.method != "GET":
            await fence()

    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(before)
    return aiohttp.ClientSession(timeout=TIMEOUT, trace_configs=[tracing])


@dataclass(frozen=True, slots=True)
class Credential:
    """The value of the Authorization header.

    :param token: empty: there is no such header
    :param is_jwt: True for the App itself, False for a token of an account or an installation
    """

    token: str = field(repr=False)
    is_jwt: bool = False


@dataclass(frozen=True, slots=True)
class GitHubResponse:
    """A response: the JSON, and the address of the next page if there is one."""

    operation: str
    document: Any
    next_page: str | None
    changed: bool

    def read(self, shape: TypeAdapter[T]) -> T:
        """:raises UpstreamError: of kind BAD_ANSWER if the JSON does not have that shape"""
        try:
            return shape.validate_python(self.document)
        except ValidationError as error:
            raise self.unreadable(f"{error.error_count()} parts of the answer are missing or wrong") from None

    def unreadable(self, detail: str) -> UpstreamError:
        return UpstreamError(
            Service.GITHUB, ErrorKind.BAD_ANSWER, self.operation, detail=detail, may_have_happened=self.changed
        )


class Transport:
    """Sends single requests. Responses with an ETag are cached, and revalidated at no cost.

    :param session: shared by all requests, owned by the caller
    :param clock: seconds since the epoch
    :param observer: called for every request
    """

    def __init__(
        self,
        session: Session,
        *,
        base_url: str = "https://api.github.com",
        clock: Callable[[], float] = time.time,
        observer: Observer = NOBODY,
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._clock = clock
        self._observer = observer
        self._cache: _Cache = BoundedCache(CACHED_ANSWERS)

    @property
    def graphql_url(self) -> str:
        """GraphQL's address: beside the REST API's, which on GitHub Enterprise Server ends in ``/api/v3``."""
        return f"{self._base_url.rstrip('/').removesuffix('/v3')}/graphql"

    async def send(
        self, operation: str, method: str, url: str, *, credential: Credential, data: Any = NO_BODY, changes: bool
    ) -> GitHubResponse:
        """Sends one request, without retries.

        :param operation: for the error
        :param url: a path below the API's address, or a whole address as GitHub returned it
        :param changes: whether repeating it would matter
        :raises UpstreamError: for every failure
        """
        exchange = _Exchange(self._session, base_url=self._base_url, cache=self._cache)
        return await self._carried(exchange, operation, method, url, credential, data, changes=changes)

    async def place(self, operation: str, url: str, *, credential: Credential) -> str:
        """The address to which GitHub redirects: it authorizes anybody, so it is never shown.

        :raises UpstreamError: also if GitHub does not redirect
        """
        for _ in range(MOST_MOVES):
            exchange = _Exchange(self._session, base_url=self._base_url)
            exchange.follows = False
            try:
                answer = await self._carried(exchange, operation, "GET", url, credential, NO_BODY, changes=False)
            except UpstreamError:
                location = exchange.headers.get("location") if exchange.status in {301, 302, 307, 308} else None
                if not location:
                    raise
            else:
                raise answer.unreadable("the answer names no other address")
            try:
                url = urljoin(f"{self._base_url}/", location)
                is_githubs = urlsplit(url)[:2] == urlsplit(self._base_url)[:2]
            except ValueError:
                break
            if exchange.status == 302:
                return url
            # The repository was renamed. The credential goes to GitHub only.
            if not is_githubs:
                break
        raise UpstreamError(Service.GITHUB, ErrorKind.BAD_ANSWER, operation, detail="the answer leads nowhere")

    async def download_end(self, operation: str, address: str, *, limit: int) -> str:
        """The end of the text stored at the address, requested without a credential.

        :param limit: bytes
        """
        begun = time.perf_counter()
        try:
            text = await download_end(self._session, address, operation, limit=limit)
        except UpstreamError as error:
            self._tell(operation, status_of(error), begun)
            raise
        self._tell(operation, "200", begun)
        return text

    def _tell(self, operation: str, status: str, begun: float) -> None:
        self._observer.called(Service.GITHUB, operation, status, time.perf_counter() - begun)

    async def _carried(
        self,
        exchange: _Exchange,
        operation: str,
        method: str,
        url: str,
        credential: Credential,
        data: Any,
        *,
        changes: bool,
    ) -> GitHubResponse:
        begun = time.perf_counter()
        try:
            answer = await self._sent(exchange, operation, method, url, credential, data, changes=changes)
        except UpstreamError as error:
            self._tell(operation, status_of(error), begun)
            raise
        self._tell(operation, str(exchange.status), begun)
        return answer

    async def _sent(
        self,
        exchange: _Exchange,
        operation: str,
        method: str,
        url: str,
        credential: Credential,
        data: Any,
        *,
        changes: bool,
    ) -> GitHubResponse:
        def failure(kind: ErrorKind, detail: str, *, may_have_happened: bool) -> UpstreamError:
            return UpstreamError(
                Service.GITHUB, kind, operation, detail=detail, may_have_happened=may_have_happened and changes
            )

        # "from None": aiohttp's errors contain the request's headers, and with them the token.
        try:
            document, next_page = await exchange.send(method, url, data, credential)
        except HTTPException as error:
            raise self._refusal(exchange, operation, str(error), credential, changes=changes) from None
        except _NEVER_SENT as error:
            raise failure(ErrorKind.NETWORK, type(error).__name__, may_have_happened=False) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise failure(ErrorKind.NETWORK, type(error).__name__, may_have_happened=True) from None
        except (ValueError, LookupError, TypeError, AttributeError):
            if exchange.status is None:
                raise
            raise self._refusal(exchange, operation, "the answer is no JSON", credential, changes=changes) from None
        return GitHubResponse(operation, document, next_page, changed=changes)

    def _refusal(
        self, exchange: _Exchange, operation: str, message: str, credential: Credential, *, changes: bool
    ) -> UpstreamError:
        """The error for a response that arrived but is not usable."""
        status, headers = exchange.status or 0, exchange.headers
        wait = limited_for(status, headers, message, now=self._clock())
        if wait is not None:
            kind = ErrorKind.RATE_LIMITED
        elif status >= 500:
            kind = ErrorKind.SERVER_FAULT
        elif status < 300:
            kind = ErrorKind.BAD_ANSWER
        else:
            kind = _KINDS.get(status, ErrorKind.INVALID if status in REFUSALS or status < 400 else ErrorKind.BAD_ANSWER)
        return UpstreamError(
            Service.GITHUB,
            kind,
            operation,
            status,
            " ".join(redact_known(message.replace(credential.token or "\0", "***")).split())[:DETAIL_LIMIT],
            seconds(headers.get("retry-after")) if wait is None else wait,
            may_have_happened=changes and kind in {ErrorKind.SERVER_FAULT, ErrorKind.BAD_ANSWER},
        )


class _Exchange(GitHubAPI):
    """gidgethub's client for one request, which records the response where gidgethub only raises."""

    status: int | None = None
    headers: Mapping[str, str] = {}
    follows = True

    def __init__(self, session: Session, *, base_url: str, cache: _Cache | None = None) -> None:
        super().__init__(USER_AGENT, base_url=base_url, cache=cache)
        self._session = session

    async def sleep(self, seconds: float) -> None:
        """Required by gidgethub, and called only by what the bot does not use."""
        raise NotImplementedError

    async def send(self, method: str, url: str, data: Any, credential: Credential) -> tuple[Any, str | None]:
        document, next_page, _ = await self._make_request(
            method,
            url,
            {},
            data,
            accept_format(),
            jwt=credential.token if credential.is_jwt else None,
            oauth_token=None if credential.is_jwt else credential.token or None,
            extra_headers=API_VERSION,
        )
        return document, next_page

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        # A redirected write would arrive as a GET: only reads follow a renamed repository.
        async with self._session.request(
            method, url, headers=headers, data=body, timeout=TIMEOUT, allow_redirects=self.follows and method == "GET"
        ) as response:
            content = await response.read()
        self.status, self.headers = response.status, response.headers
        if len(content) > LARGEST_CACHED:
            self._cache = None
        return response.status, response.headers, content


async def retried(
    attempt: Callable[[], Awaitable[T]], *, sleep: Callable[[float], Awaitable[None]], observer: Observer = NOBODY
) -> T:
    """Tries until it succeeds, fails permanently, or may have been executed although its response was lost.

    :param sleep: waits between two tries, in seconds
    :param observer: called for the waits that GitHub's limits require
    :raises UpstreamError: of the last try
    """
    failed = 0
    while True:
        try:
            return await attempt()
        except UpstreamError as error:
            failed += 1
            delay = retry_delay(error, failed)
            if delay is None or delay > LONGEST_WAIT or error.may_have_happened:
                raise
            _log.info("github.retry", operation=error.operation, seconds=delay, reason=str(error))
            is_limited = error.kind is ErrorKind.RATE_LIMITED
        await sleep(delay)
        if is_limited:
            observer.waited(Service.GITHUB, "requests", delay)
