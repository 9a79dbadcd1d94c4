"""Other servers are reached by the environment's proxy, alike by every client."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.codegen.transport import new_http
from bot.connection_errors import connection_problem
from bot.github.session import TIMEOUT, HttpxSession, NetworkSession, OpenSession, network_errors
from bot.network import proxy_for
from tests.harness.proxy import Proxy, proxy_to

HOST = "internal.test"

Get = Callable[[str], Awaitable[str]]
"""Requests a URL with a token, and returns the Authorization header that arrived."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


async def _authorization(request: web.Request) -> web.Response:
    return web.Response(text=request.headers.get("Authorization", ""))


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    app = web.Application()
    app.router.add_get("/{path:.*}", _authorization)
    async with TestServer(app) as server, proxy_to({HOST: server.port or 0}) as proxy:
        yield proxy


async def by_session(url: str) -> str:
    return await _by(NetworkSession(), url)


async def by_actions_session(url: str) -> str:
    return await _by(HttpxSession(), url)


async def _by(opened: OpenSession, url: str) -> str:
    async with (
        opened as session,
        session.request("GET", url, headers={"Authorization": "bearer ours"}, timeout=TIMEOUT) as response,
    ):
        return (await response.read()).decode()


async def by_http(url: str) -> str:
    async with new_http() as http:
        return (await http.get(url, headers={"authorization": "bearer ours"})).text


CLIENTS = pytest.mark.parametrize("get", [by_session, by_actions_session, by_http])


@CLIENTS
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_client_uses_proxy(get: Get, variable: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, proxy.url.replace("//", "//bob:hunter2@"))
    assert await get(f"http://{HOST}/user") == "bearer ours"
    assert proxy.hosts() == [HOST]
    assert "proxy-authorization: basic ym9iomh1bnrlcji=" in proxy.heads[0].lower()


@CLIENTS
async def test_client_ignores_netrc(get: Get, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login bob password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    assert await get(f"http://{HOST}/user") == "bearer ours"


@CLIENTS
async def test_client_reaches_loopback_directly(get: Get, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    app = web.Application()
    app.router.add_get("/", _authorization)
    async with TestServer(app) as server:
        assert await get(str(server.make_url("/"))) == "bearer ours"
    assert proxy.heads == []


@pytest.mark.parametrize(
    ("url", "no_proxy", "expected"),
    [
        ("https://api.github.com/", "", "http://proxy.test:3128"),
        ("http://api.github.com/", "", None),
        ("https://api.github.com/", "github.com", None),
        ("https://api.github.com/", ".github.com", None),
        ("https://api.github.com/", "hub.com", "http://proxy.test:3128"),
        ("https://api.github.com/", "other.test,*", "http://proxy.test:3128"),
        ("https://api.github.com/", "*", None),
        ("https://10.1.2.3/", "10.1.2.3", None),
        ("https://localhost:8443/", "", None),
        ("https://127.0.0.2/", "", None),
        ("https://[::1]/", "", None),
    ],
)
def test_proxy_for(url: str, no_proxy: str, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    parts = urlsplit(url)
    assert proxy_for(parts.scheme, parts.hostname or "") == expected


def test_proxy_for_socks_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.test:1080")
    assert proxy_for("https", "api.github.com") is None


@pytest.mark.parametrize("service", ["github", "codegen"])
async def test_refused_connection_is_named(service: str, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    errors = network_errors() if service == "github" else (httpx.HTTPError,)
    with pytest.raises(errors) as caught:
        await (by_session(url) if service == "github" else by_http(url))
    assert connection_problem(caught.value, "127.0.0.1") == "connection refused"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "timed out"),
        (httpx.ConnectTimeout(""), "timed out"),
        (httpx.RemoteProtocolError(""), "the server closed the connection"),
        (aiohttp.ServerDisconnectedError(), "the server closed the connection"),
        (ConnectionResetError(), "connection reset"),
        (ExceptionGroup("", [OSError(errno.ENETUNREACH, "x")]), "network is unreachable"),
        (socket.gaierror(-2, "x"), "the name codegen.example cannot be resolved"),
        (ValueError("secret"), "ValueError"),
    ],
)
def test_connection_problem_in_words(error: Exception, words: str) -> None:
    assert connection_problem(error, "codegen.example") == words


def test_connection_problem_of_circular_causes() -> None:
    first, second = ValueError(), ConnectionRefusedError()
    first.__cause__, second.__cause__ = second, first
    assert connection_problem(first, None) == "connection refused"
