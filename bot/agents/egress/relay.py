"""Carries HTTP requests on: those of the model route, and plain HTTP to allowed hosts."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator, Callable, MutableMapping
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp import abc, web

from bot import log
from bot.agents.egress.hosts import AllowedHosts, RefusedError, Target, is_proxy, upstream_proxy
from bot.agents.egress.keys import ModelKey, Redactor
from bot.agents.model import UNREACHABLE
from bot.network import certificate_problem, tls_context

_log = log.get(__name__)

_CONNECT_SECONDS = 30.0
_SILENCE_SECONDS = 900.0

_END_BYTES = 4_096

_CUT_OFF = re.compile(rb'"(?:finish_?reason|stop_reason)"\s*:\s*"(?:length|max_tokens)"', re.IGNORECASE)
"""In a response of a model that reached its limit of tokens, in all three APIs. In a text, its quotes are escaped."""

_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "expect", "host"),
    }
)
"""RFC 9110, section 7.6.1; and `Expect` and `Host`, which are made anew."""

_METHODS = frozenset({"GET", "HEAD", "POST"})

_ACCOUNT_ROUTES = {
    *("assistants", "batches", "cachedcontents", "containers", "corpora", "evals", "files", "fine_tuning"),
    *("organization", "organizations", "skills", "threads", "tunedmodels", "uploads", "vector_stores"),
    "workspaces",
}
"""What the model key opens besides models: data of the whole account, which no agent needs."""


class Relay:
    """:param endpoint: the URL of the model API; empty if there is none. What its query has is added to each request's
    :param prefix: the path of the model route
    :param refuse: called with what was not allowed
    """

    def __init__(
        self,
        *,
        endpoint: str,
        key: ModelKey,
        prefix: str,
        allowed: AllowedHosts,
        refuse: Callable[[str], None],
        on_model_request: Callable[[], None],
    ) -> None:
        self._endpoint, _, self._query = endpoint.partition("?")
        self._endpoint = self._endpoint.rstrip("/")
        self._key = key
        self._prefix = prefix
        self._allowed = allowed
        self._refuse = refuse
        self._on_model_request = on_model_request
        self.model_status: int | None = None
        self._model_end = bytearray()
        self.model_requests = 0

    async def __aenter__(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
        # Without `trust_env`, which would also add the passwords of the bot's ~/.netrc.
        self._models = aiohttp.ClientSession(
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(ssl=tls_context()),
        )
        self._hosts = aiohttp.ClientSession(
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            connector=aiohttp.TCPConnector(ssl=tls_context(), resolver=_Resolver(self._allowed), use_dns_cache=False),
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._models.close()
        await self._hosts.close()

    @property
    def is_model_cut_off(self) -> bool:
        """Whether the model API's last response says that it was cut off at the limit of tokens."""
        return _CUT_OFF.search(self._model_end) is not None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        target = request.raw_path
        # Some clients use their proxy for 127.0.0.1 too.
        own = f"http://{request.host}"
        if target.startswith(f"{own}{self._prefix}/"):
            target = target.removeprefix(own)
        if target.startswith(f"{self._prefix}/"):
            return await self._model(request, target.removeprefix(self._prefix))
        if target.startswith("http://"):
            return await self._plain(request, target)
        return _refusal(404, "This is the egress proxy of an agent: there is nothing at this address.")

    async def _model(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        path, _, query = target.partition("?")
        headers = _passed_on(request)
        if not self._endpoint:
            return _refusal(404, "This agent has no model API. Set its `endpoint` in the agents file.")
        if request.method not in _METHODS or not _is_of_models(path):
            _log.warning("egress.refused_route", host=_host(self._endpoint), method=request.method, path=path[:200])
            return _refusal(403, f"Agents may not use {request.method} {path} of the model API.")
        if (rest := self._key.put(headers, query)) is None:
            return _refusal(401, "The request does not have the placeholder key that the agent was given.")
        # So that the key is found, if the answer has it.
        headers["Accept-Encoding"] = "identity"
        self.model_requests += 1
        self._on_model_request()
        query = "&".join(part for part in (self._query, rest) if part)
        url = f"{self._endpoint}{path}" + (f"?{query}" if query else "")
        try:
            async with self._models.request(request.method, url, headers=headers, **_options(request, url)) as response:
                self.model_status = response.status
                self._model_end = end = bytearray()
                return await _answer(request, response, self._key.redactor(), is_decoded=True, end=end)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.model_status = UNREACHABLE
            host = _host(self._endpoint)
            reason = certificate_problem(error, host) or type(error).__name__
            _log.warning("egress.model_unreachable", host=host, error=reason)
            return _refusal(502, f"The model API at {host} cannot be reached ({reason}).")

    async def _plain(self, request: web.BaseRequest, url: str) -> web.StreamResponse:
        try:
            target = Target.parse(urlsplit(url).netloc, default_port=80)
            self._allowed.check(target)
            if not upstream_proxy("http", target.host):
                await self._allowed.addresses(target)
        except RefusedError as error:
            self._refuse(urlsplit(url).netloc)
            return _refusal(403, str(error))
        try:
            async with self._hosts.request(
                request.method, url, headers=_passed_on(request), **_options(request, url)
            ) as response:
                return await _answer(request, response, Redactor(None), is_decoded=False)
        except (aiohttp.ClientError, TimeoutError):
            return _refusal(502, f"{target} cannot be reached.")


class _Resolver(abc.AbstractResolver):
    """Gives only addresses that were checked."""

    def __init__(self, allowed: AllowedHosts) -> None:
        self._allowed = allowed
        self._default = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[abc.ResolveResult]:
        if is_proxy(host):
            return await self._default.resolve(host, port, family)
        try:
            addresses = await self._allowed.addresses(Target(host, port))
        except RefusedError as error:
            raise OSError(str(error)) from None
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in addresses
        ]

    async def close(self) -> None:
        await self._default.close()


def _passed_on(request: web.BaseRequest) -> MutableMapping[str, str]:
    headers = request.headers.copy()
    listed = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    for name in [name for name in headers if name.lower() in _HOP_BY_HOP | listed]:
        headers.popall(name, None)
    return headers


def _options(request: web.BaseRequest, url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    proxy = upstream_proxy(parts.scheme, parts.hostname or "")
    return {
        "allow_redirects": False,
        "data": _body(request) if request.body_exists else None,
        "proxy": proxy.url if proxy else None,
        "skip_auto_headers": ("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
    }


async def _body(request: web.BaseRequest) -> AsyncIterator[bytes]:
    async for data in request.content.iter_any():
        yield data


async def _answer(
    request: web.BaseRequest,
    response: aiohttp.ClientResponse,
    redactor: Redactor,
    *,
    is_decoded: bool,
    end: bytearray | None = None,
) -> web.StreamResponse:
    """Passes a response on, piece by piece.

    :param is_decoded: its body is read without its `Content-Encoding`
    :param end: gets the end of its body
    """
    answer = web.StreamResponse(status=response.status, reason=redactor.text(response.reason or ""))
    dropped = _HOP_BY_HOP | ({"content-encoding", "content-length"} if is_decoded else frozenset())
    for name, value in response.headers.items():
        if name.lower() not in dropped:
            answer.headers.add(name, redactor.text(value))
    await answer.prepare(request)
    try:
        async for data in response.content.iter_any():
            if end is not None:
                end += data[-_END_BYTES:]
                del end[:-_END_BYTES]
            if out := redactor.feed(data):
                await answer.write(out)
    except (aiohttp.ClientError, TimeoutError):
        # The agent's client must see that the answer is not complete.
        if request.transport:
            request.transport.close()
        return answer
    if rest := redactor.end():
        await answer.write(rest)
    return answer


def _is_of_models(path: str) -> bool:
    """Nor may a path leave the endpoint's."""
    segments = [*unquote(path).lower().replace("\\", "/").split("/")]
    return not any(segment in {".", ".."} or segment in _ACCOUNT_ROUTES for segment in segments)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2]


def _refusal(status: int, sentence: str) -> web.Response:
    """In the shape of all three model APIs' errors, so that their clients show the sentence."""
    return web.json_response({"error": {"message": sentence, "type": "egress_proxy", "code": status}}, status=status)
