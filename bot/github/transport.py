"""Sends one request to GitHub: with a timeout, and with every failure as the bot's own error.

It uses gidgethub's sans-I/O layer, which makes the headers and reads the responses. Not its client, which does not
return the address of the next page, from which a page that failed can be tried again. gidgethub raises a plain
`BadRequest` for a 429 and for a secondary limit, passes on unreadable responses unchanged, and knows no status above
511: so failures are classified here by status, headers and message.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

from cachetools import LRUCache
from gidgethub import HTTPException, sansio

from bot.connection_errors import connection_problem
from bot.errors import ErrorKind, Service, UpstreamError
from bot.github.limits import limited_for, seconds
from bot.github.models import Installation, Reader, is_repository
from bot.github.session import TIMEOUT, Response, Session, Timeout, errors_before_sending, network_errors
from bot.observer import NO_OBSERVER, Observer, observed
from bot.text.redaction.redact import redact
from bot.upstream import Segments, UnsafeSegmentError, api_path, kind_of

T = TypeVar("T")

USER_AGENT = "codegen-bot"
API_VERSION = "2022-11-28"

DOWNLOAD_TIMEOUT = Timeout(total=120, sock_connect=10, sock_read=30)
"""For one download: a long log is read to its end, which is the part that matters."""

CHUNK = 64 * 1024

MAX_CACHED = 32 * 2**20
"""Bytes of JSON in the cache."""
MAX_CACHED_RESPONSE = 64 * 1024
"""Bytes of a response that is cached."""

DETAIL_LIMIT = 300
MAX_RENAMES = 3  # of a repository
NO_BODY = object()  # because None is JSON

_KINDS = {451: ErrorKind.FORBIDDEN}
_STORE_KINDS = {404: ErrorKind.NOT_FOUND, 410: ErrorKind.NOT_FOUND, 429: ErrorKind.RATE_LIMITED}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation of GitHub's API and its address.

    :param operation: the client's method name, for errors and metrics
    :param repository: ``owner/name``; empty for the account or App itself
    :param segments: of the path below the repository's address, unescaped
    :param is_folder: whether the path ends in a slash
    :param is_global: whether the path is not below the repository's address, which then only says whose credential is
        used
    :param installation: the App's installation that requests it; None: that of the repository
    """

    operation: str
    repository: str
    segments: Segments
    query: Mapping[str, str] = field(default_factory=dict)
    is_folder: bool = False
    is_global: bool = False
    installation: Installation | None = None

    @property
    def url(self) -> str:
        """The path and query.

        :raises UpstreamError: of kind INVALID, before anything is sent, if a name is not valid in a path
        """
        repository = self.repository
        if repository and not is_repository(repository):
            raise _unsendable(self.operation, "this is not a valid repository name")
        try:
            is_below = repository and not self.is_global
            path = api_path(*(("repos", *repository.split("/")) if is_below else ()), *self.segments)
            return path + "/" * self.is_folder + (f"?{urlencode(self.query)}" if self.query else "")
        except (UnsafeSegmentError, UnicodeEncodeError):
            raise _unsendable(self.operation, "this name cannot be part of an address") from None


def _unsendable(operation: str, detail: str) -> UpstreamError:
    return UpstreamError(Service.GITHUB, ErrorKind.INVALID, operation, detail=f"{detail}; nothing was sent")


@dataclass(frozen=True, slots=True)
class Credential:
    """The value of the Authorization header.

    :param token: empty: there is no such header
    :param is_jwt: True for the App itself, False for a token of an account or an installation
    """

    token: str = field(repr=False)
    is_jwt: bool = False

    def headers(self) -> dict[str, str]:
        """The headers that every request has."""
        token = self.token or None
        made = sansio.create_headers(
            USER_AGENT, jwt=token if self.is_jwt else None, oauth_token=None if self.is_jwt else token
        )
        return {**made, "x-github-api-version": API_VERSION}


@dataclass(frozen=True, slots=True)
class GitHubResponse:
    """A response: the JSON, and the address of the next page if there is one.

    :param changed: whether the request changed something
    """

    operation: str
    document: Any
    next_page: str | None
    changed: bool

    def read(self, read: Reader[T]) -> T:
        """:raises UpstreamError: of kind BAD_ANSWER if the JSON lacks a part"""
        try:
            return read(self.document)
        except ValueError as error:
            raise UpstreamError(
                Service.GITHUB,
                ErrorKind.BAD_ANSWER,
                self.operation,
                detail=str(error)[:DETAIL_LIMIT],
                may_have_happened=self.changed,
            ) from None


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A response as it arrived."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class _Cached:
    etag: str
    document: Any
    next_page: str | None
    size: int


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
        observer: Observer = NO_OBSERVER,
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._clock = clock
        self._observer = observer
        self._cache: LRUCache[str, _Cached] = LRUCache(MAX_CACHED, getsizeof=lambda cached: cached.size)

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
        address = sansio.format_url(url, {}, base_url=self._base_url)
        cached = self._cache.get(address) if method == "GET" else None
        headers, body = credential.headers(), b""
        if cached is not None:
            headers["if-none-match"] = cached.etag
        if data is not NO_BODY:
            headers["content-type"], body = "application/json; charset=utf-8", json.dumps(data).encode()
        with observed(self._observer, Service.GITHUB, operation) as ended:
            arrived = await self._arrived(operation, method, address, headers, body, changes=changes)
            if arrived.status == 304 and cached is not None:
                response = GitHubResponse(operation, cached.document, cached.next_page, changed=False)
            else:
                response = self._parsed(operation, arrived, credential, changes=changes)
            ended(arrived.status)
        size, etag = len(arrived.content), arrived.headers.get("etag")
        if method == "GET" and arrived.status == 200 and etag and size <= MAX_CACHED_RESPONSE:
            self._cache[address] = _Cached(etag, response.document, response.next_page, size)
        return response

    async def redirect_target(self, operation: str, url: str, *, credential: Credential) -> str:
        """The address to which GitHub redirects: it authorizes by itself, so it is never shown.

        :raises UpstreamError: also if GitHub does not redirect
        """
        address = sansio.format_url(url, {}, base_url=self._base_url)
        for _ in range(MAX_RENAMES):
            with observed(self._observer, Service.GITHUB, operation) as ended:
                arrived = await self._request(operation, "GET", address, credential.headers(), follows=False)
                location = arrived.headers.get("location") if arrived.status in {301, 302, 307, 308} else None
                if not location:
                    self._parsed(operation, arrived, credential, changes=False)
                    raise _bad_answer(operation, "the response has no redirect address")
                ended(arrived.status)
            try:
                address = urljoin(f"{self._base_url}/", location)
                is_githubs = urlsplit(address)[:2] == urlsplit(self._base_url)[:2]
            except ValueError:
                break
            if arrived.status == 302:
                return address
            # The repository was renamed. The credential goes to GitHub only.
            if not is_githubs:
                break
        raise _bad_answer(operation, "the redirect cannot be followed")

    async def download_end(self, operation: str, address: str, *, limit: int) -> str:
        """The text at an address outside GitHub's API; if it is too large, its end, from the beginning of a line on.

        Requested without credentials: the address itself authorizes, and is a secret while it is valid.

        :param limit: bytes
        :raises UpstreamError: for every failure, never with the address; the server's refusal is worth a retry with a
            new address, because an address is valid for a minute only
        """
        end, is_cut = bytearray(), False
        with observed(self._observer, Service.GITHUB, operation) as ended:
            try:
                async with self._session.request("GET", address, timeout=DOWNLOAD_TIMEOUT) as response:
                    if response.status != 200:
                        raise _store_refusal(operation, response)
                    async for chunk in response.content.iter_chunked(CHUNK):
                        end += chunk
                        if len(end) > 2 * limit:
                            del end[:-limit]
                            is_cut = True
            except network_errors() as error:
                raise _network_error(operation, error, changes=False) from None
            ended(200)
        text = bytes(end[-limit:])
        return (_from_line_start(text) if is_cut or len(end) > limit else text).decode(errors="replace")

    async def _arrived(
        self, operation: str, method: str, address: str, headers: Mapping[str, str], body: bytes, *, changes: bool
    ) -> _Arrived:
        """The response, from the new address if the repository was renamed or transferred.

        A write follows 307 and 308 only, and only on GitHub's own host: aiohttp would repeat a POST as a GET after
        another redirect, and send its body to any host.
        """
        follows = method == "GET"
        arrived = await self._request(operation, method, address, headers, body, follows=follows, changes=changes)
        for _ in range(MAX_RENAMES):
            location = arrived.headers.get("location") if arrived.status in {307, 308} else None
            if follows or not location:
                break
            try:
                target = urljoin(address, location)
                if not is_same_host(address, target):
                    break
            except ValueError:
                break
            address = target
            arrived = await self._request(operation, method, address, headers, body, follows=False, changes=changes)
        return arrived

    async def _request(
        self,
        operation: str,
        method: str,
        address: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        follows: bool,
        changes: bool = False,
    ) -> _Arrived:
        try:
            async with self._session.request(
                method, address, headers=headers, data=body, timeout=TIMEOUT, allow_redirects=follows
            ) as response:
                return _Arrived(response.status, response.headers, await response.read())
        except network_errors() as error:
            # "from None": aiohttp's errors contain the request's headers, and with them the token.
            raise _network_error(operation, error, changes=changes) from None

    def _parsed(self, operation: str, arrived: _Arrived, credential: Credential, *, changes: bool) -> GitHubResponse:
        """:raises UpstreamError: if it refuses the request, or is not usable"""
        status, headers = arrived.status, arrived.headers
        try:
            document, _, next_page = sansio.decipher_response(status, headers, arrived.content)
        except HTTPException as error:
            message = str(error)
        except (ValueError, LookupError, TypeError, AttributeError):
            message = "the response is not JSON"
        else:
            return GitHubResponse(operation, document, next_page, changed=changes)
        wait = limited_for(status, headers, message, now=self._clock())
        kind = ErrorKind.RATE_LIMITED if wait is not None else kind_of(status, _KINDS)
        raise UpstreamError(
            Service.GITHUB,
            kind,
            operation,
            status,
            " ".join(redact(message.replace(credential.token or "\0", "***")).split())[:DETAIL_LIMIT],
            seconds(headers.get("retry-after")) if wait is None else wait,
            may_have_happened=changes and kind in {ErrorKind.SERVER_FAULT, ErrorKind.BAD_ANSWER},
        )


def is_same_host(address: str, target: str) -> bool:
    """Whether a redirect stays on the host, where it may also change from HTTP to HTTPS, but not back.

    :raises ValueError: if one of them is not an address
    """
    old, new = urlsplit(address), urlsplit(target)
    if (old.scheme, new.scheme) == ("http", "https"):
        is_port_kept = (old.port or 80, new.port or 443) == (80, 443) or old.port == new.port
        return old.hostname == new.hostname and is_port_kept
    return old[:2] == new[:2]


def _network_error(operation: str, error: Exception, *, changes: bool) -> UpstreamError:
    in_doubt = changes and not isinstance(error, errors_before_sending())
    detail = connection_problem(error, getattr(error, "host", None))
    return UpstreamError(Service.GITHUB, ErrorKind.NETWORK, operation, detail=detail, may_have_happened=in_doubt)


def _bad_answer(operation: str, detail: str) -> UpstreamError:
    return UpstreamError(Service.GITHUB, ErrorKind.BAD_ANSWER, operation, detail=detail)


def _store_refusal(operation: str, response: Response) -> UpstreamError:
    kind = _STORE_KINDS.get(response.status, ErrorKind.SERVER_FAULT if response.status >= 500 else ErrorKind.BAD_ANSWER)
    detail, wait = "the log cannot be downloaded", seconds(response.headers.get("retry-after"))
    return UpstreamError(Service.GITHUB, kind, operation, response.status, detail, wait)


def _from_line_start(text: bytes) -> bytes:
    """Drops the partial first line, which could be part of a secret that is no longer recognizable."""
    for separator in (b"\n", b" "):
        _, found, whole = text.partition(separator)
        if found:
            return whole
    return b""
