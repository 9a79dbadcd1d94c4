"""The egress proxy: the key is added and never comes back, and only allowed hosts are reached."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.agents.config import Agent, SandboxKind
from bot.agents.egress import Egress
from bot.agents.egress.hosts import AllowedHosts, RefusedError, Target
from bot.agents.egress.keys import Redactor
from bot.agents.model import UNREACHABLE
from bot.agents.preset import PLACEHOLDER_KEY
from bot.agents.presets import PRESETS

KEY = "sk-real-0123456789"


@dataclass
class Upstream:
    """An HTTP server that stores what it is sent and answers as configured."""

    answer: Callable[[web.Request], Any] = lambda _request: web.json_response({"ok": True})
    port: int = 0
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.method, request.raw_path, headers, await request.read()))
        answer = self.answer(request)
        found: web.StreamResponse = await answer if asyncio.iscoroutine(answer) else answer
        return found


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", upstream.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    upstream.port = runner.addresses[0][1]
    yield upstream
    await runner.cleanup()


def agent(endpoint: str, key: str | None = KEY) -> Agent:
    preset = PRESETS["opencode"]
    return Agent(
        name="opencode",
        preset=preset,
        command=preset.command,
        endpoint=endpoint,
        key=SecretStr(key) if key else None,
    )


@asynccontextmanager
async def opened(agent: Agent, folder: Path, **options: Any) -> AsyncIterator[tuple[Egress, aiohttp.ClientSession]]:
    """A proxy, and a client as it is within the sandbox: 127.0.0.1 is the proxy's socket there."""
    async with AsyncExitStack() as stack:
        egress = await stack.enter_async_context(Egress(agent, folder=folder, **options))
        connector = aiohttp.UnixConnector(str(egress.socket)) if egress.socket else None
        yield egress, await stack.enter_async_context(aiohttp.ClientSession(connector=connector))


# The model route


@pytest.mark.parametrize("sandbox", list(SandboxKind))
async def test_model_request_gets_the_key(upstream: Upstream, tmp_path: Path, sandbox: SandboxKind) -> None:
    asked: list[None] = []
    options: dict[str, Any] = {"sandbox": sandbox, "on_model_request": lambda: asked.append(None)}
    async with opened(agent(f"{upstream.url}/base/v1"), tmp_path, **options) as (egress, client):
        async with client.post(
            f"{egress.url}/chat/completions?beta=true",
            json={"model": "m"},
            headers={"Authorization": f"Bearer {PLACEHOLDER_KEY}", "X-Custom": "kept"},
        ) as answer:
            assert await answer.json() == {"ok": True}

        assert egress.model_status == 200
        assert (egress.model_requests, len(asked), egress.refused) == (1, 1, ())
    [(method, path, headers, body)] = upstream.requests
    assert (method, path, body) == ("POST", "/base/v1/chat/completions?beta=true", b'{"model": "m"}')
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-custom"] == "kept"
    assert headers["host"] == f"127.0.0.1:{upstream.port}"


@pytest.mark.parametrize("name", ["X-Api-Key", "x-goog-api-key", "api-key"])
async def test_key_takes_the_placeholders_place(upstream: Upstream, tmp_path: Path, name: str) -> None:
    async with (
        opened(agent(upstream.url), tmp_path) as (egress, client),
        client.post(f"{egress.url}/v1/messages", headers={name: PLACEHOLDER_KEY}) as answer,
    ):
        assert answer.status == 200
    assert upstream.requests[0][2][name.lower()] == KEY


async def test_query_of_the_endpoint_is_kept(upstream: Upstream, tmp_path: Path) -> None:
    async with (
        opened(agent(f"{upstream.url}/openai/v1/?api-version=7"), tmp_path) as (egress, client),
        client.post(f"{egress.url}/responses?a=b", headers={"api-key": PLACEHOLDER_KEY}) as answer,
    ):
        assert answer.status == 200
    assert upstream.requests[0][1] == "/openai/v1/responses?api-version=7&a=b"


async def test_key_of_the_query_becomes_a_header(upstream: Upstream, tmp_path: Path) -> None:
    async with opened(agent(upstream.url), tmp_path) as (egress, client):
        url = f"{egress.url}/v1beta/models/m:streamGenerateContent?alt=sse&key={PLACEHOLDER_KEY}"
        async with client.post(url) as answer:
            assert answer.status == 200
    [(_, path, headers, _)] = upstream.requests
    assert path == "/v1beta/models/m:streamGenerateContent?alt=sse"
    assert headers["x-goog-api-key"] == KEY


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}, {"X-Other": PLACEHOLDER_KEY}])
async def test_request_without_placeholder_is_refused(
    upstream: Upstream, tmp_path: Path, headers: dict[str, str]
) -> None:
    async with (
        opened(agent(upstream.url), tmp_path) as (egress, client),
        client.post(f"{egress.url}/v1/messages", headers=headers) as answer,
    ):
        assert answer.status == 401
        assert "placeholder" in (await answer.json())["error"]["message"]
    assert upstream.requests == []


async def test_local_model_without_key_gets_none(upstream: Upstream, tmp_path: Path) -> None:
    async with (
        opened(agent(upstream.url, key=None), tmp_path) as (egress, client),
        client.post(f"{egress.url}/v1/messages", headers={"Authorization": "Bearer any"}) as answer,
    ):
        assert answer.status == 200
    assert "authorization" not in upstream.requests[0][2]


@pytest.mark.parametrize("path", ["/v1/files", "/v1/organization/api_keys", "/../admin", "/v1/%2e%2e/admin"])
async def test_account_routes_are_refused(upstream: Upstream, tmp_path: Path, path: str) -> None:
    async with opened(agent(f"{upstream.url}/base"), tmp_path) as (egress, _):
        reader, writer = await asyncio.open_unix_connection(str(egress.socket))
        writer.write(
            f"GET /model{path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {PLACEHOLDER_KEY}\r\nConnection: close\r\n\r\n".encode()
        )
        assert b"403 Forbidden" in await reader.readline()
        await reader.read()
        writer.close()
    assert upstream.requests == []


async def test_answer_is_streamed_as_it_comes(upstream: Upstream, tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"data: one\n\n")
        await go_on.wait()
        await answer.write(b"data: two\n\n")
        return answer

    upstream.answer = stream
    async with (
        opened(agent(upstream.url), tmp_path) as (egress, client),
        client.post(f"{egress.url}/v1/messages", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer,
    ):
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert await answer.content.readany() == b"data: one\n\n"
        go_on.set()
        assert await answer.content.read() == b"data: two\n\n"


async def test_request_that_the_agent_gives_up_ends(upstream: Upstream, tmp_path: Path) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def thinking(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return answer

    upstream.answer = thinking
    async with opened(agent(upstream.url), tmp_path) as (egress, client):
        async with client.post(f"{egress.url}/v1/messages", headers={"X-Api-Key": PLACEHOLDER_KEY}):
            await started.wait()
        async with asyncio.timeout(30):
            await ended.wait()


@pytest.mark.parametrize(
    ("end", "is_cut_off"),
    [
        ('{"choices": [{"delta": {}, "finish_reason": "length"}]}', True),
        ('{"choices":[{"delta":{},"finish_reason":"stop"}]}', False),
        ('{"choices": [{"delta": {"content": "\\"finish_reason\\": \\"length\\""}, "finish_reason": null}]}', False),
        ('{"candidates": [{"finishReason": "MAX_TOKENS", "index": 0}], "usageMetadata": {}}', True),
        ('{"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}', True),
    ],
)
async def test_response_at_the_limit_of_tokens_is_seen(
    upstream: Upstream, tmp_path: Path, end: str, *, is_cut_off: bool
) -> None:
    async def streamed(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        for part in ("data: " + "x" * 9_000 + "\n\n", f"data: {end[:40]}", f"{end[40:]}\n\ndata: [DONE]\n\n"):
            await answer.write(part.encode())
        return answer

    async with opened(agent(upstream.url), tmp_path) as (egress, client):
        for upstream.answer, expected in ((streamed, is_cut_off), (lambda _: web.json_response({}), False)):
            async with client.post(f"{egress.url}/v1/m", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer:
                await answer.read()
            assert egress.is_model_cut_off is expected


@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
async def test_fault_of_the_model_is_passed_on(upstream: Upstream, tmp_path: Path, status: int) -> None:
    upstream.answer = lambda _request: web.json_response(
        {"error": "why"}, status=status, headers={"Retry-After": "7", "x-request-id": "r1"}
    )
    async with (
        opened(agent(upstream.url), tmp_path) as (egress, client),
        client.post(f"{egress.url}/v1/messages", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer,
    ):
        assert answer.status == egress.model_status == status
        assert answer.headers["Retry-After"] == "7"
        assert await answer.json() == {"error": "why"}


async def test_answer_that_breaks_off_breaks_off(upstream: Upstream, tmp_path: Path) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"half")
        assert request.transport
        request.transport.close()
        return answer

    upstream.answer = broken
    async with (
        opened(agent(upstream.url), tmp_path) as (egress, client),
        client.post(f"{egress.url}/v1/messages", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


@pytest.mark.parametrize("client_stays", [True, False])
async def test_answer_that_stalls_does_not_keep_the_proxy_open(
    upstream: Upstream, tmp_path: Path, *, client_stays: bool
) -> None:
    async def stall(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"data: begun")
        await asyncio.Event().wait()
        return response

    upstream.answer = stall
    egress = await Egress(agent(upstream.url), folder=tmp_path).__aenter__()
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(egress.socket))) as client:
        answer = await client.post(f"{egress.url}/chat/completions", headers={"x-api-key": PLACEHOLDER_KEY})
        assert await answer.content.read(4) == b"data"
        if not client_stays:
            answer.close()
        async with asyncio.timeout(30):
            await egress.__aexit__(None, None, None)
        answer.close()


async def test_unreachable_model_is_said(tmp_path: Path, unused_tcp_port: int) -> None:
    async with opened(agent(f"http://127.0.0.1:{unused_tcp_port}"), tmp_path) as (egress, client):
        async with client.post(f"{egress.url}/v1/messages", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer:
            assert answer.status == 502
            text = await answer.text()
        assert egress.model_status == UNREACHABLE
    assert f"The model API at 127.0.0.1:{unused_tcp_port} cannot be reached" in text
    assert KEY not in text


async def test_key_never_comes_back(upstream: Upstream, tmp_path: Path) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        sent = repr(sorted(request.headers.items())).encode()
        answer = web.StreamResponse(headers={"X-Echo": request.headers["X-Api-Key"]})
        await answer.prepare(request)
        for start in range(0, len(sent), 7):
            await answer.write(sent[start : start + 7])
            await asyncio.sleep(0)
        return answer

    upstream.answer = echo
    async with (
        opened(agent(upstream.url), tmp_path) as (egress, client),
        client.post(f"{egress.url}/v1/messages", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer,
    ):
        text = await answer.text()
    assert "[redacted]" in text
    assert KEY not in text
    assert KEY not in str(answer.headers)
    assert answer.headers["X-Echo"] == "[redacted]"


async def test_key_in_a_compressed_answer_is_found(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answer = lambda _request: web.Response(
        body=gzip.compress(f"you sent {KEY}".encode()), headers={"Content-Encoding": "gzip"}
    )
    async with (
        opened(agent(upstream.url), tmp_path) as (egress, client),
        client.post(f"{egress.url}/v1/messages", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer,
    ):
        assert await answer.text() == "you sent [redacted]"


async def test_redirect_of_the_model_is_not_followed(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answer = lambda _request: web.Response(status=307, headers={"Location": "http://elsewhere.example/"})
    async with (
        opened(agent(upstream.url), tmp_path) as (egress, client),
        client.post(
            f"{egress.url}/v1/messages", headers={"X-Api-Key": PLACEHOLDER_KEY}, allow_redirects=False
        ) as answer,
    ):
        assert answer.status == 307
    assert len(upstream.requests) == 1


async def test_other_programs_cannot_use_the_loopback_port(upstream: Upstream, tmp_path: Path) -> None:
    async with opened(agent(upstream.url), tmp_path, sandbox=SandboxKind.NONE) as (egress, client):
        origin = egress.url.partition("/model")[0]
        for path in ("/model/v1/messages", "/model/guess/v1/messages"):
            async with client.post(f"{origin}{path}", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer:
                assert answer.status == 404
    assert upstream.requests == []


# Hosts


async def test_plain_http_reaches_an_allowed_host(upstream: Upstream, tmp_path: Path) -> None:
    options = {"allowed": [f"127.0.0.1:{upstream.port}"]}
    async with opened(agent("http://unused.example"), tmp_path, **options) as (egress, _):
        answer = await exchange(egress, f"GET {upstream.url}/package HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith("HTTP/1.1 200 OK")
    assert answer.endswith('{"ok": true}')
    assert upstream.requests[0][1] == "/package"
    assert upstream.requests[0][2]["host"] == f"127.0.0.1:{upstream.port}"


async def test_tunnel_to_an_allowed_host(upstream: Upstream, tmp_path: Path) -> None:
    options = {"allowed": [f"127.0.0.1:{upstream.port}"]}
    async with opened(agent("http://unused.example"), tmp_path, **options) as (egress, _):
        reader, writer = await asyncio.open_unix_connection(str(egress.socket))
        writer.write(f"CONNECT 127.0.0.1:{upstream.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
        writer.write(b"GET /inside HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b'{"ok": true}')
        writer.close()
    assert upstream.requests[0][1] == "/inside"


@pytest.mark.parametrize("sandbox", list(SandboxKind))
async def test_tunnel_to_the_proxy_itself_is_the_model_route(
    upstream: Upstream, tmp_path: Path, sandbox: SandboxKind
) -> None:
    async with opened(agent(upstream.url), tmp_path, sandbox=sandbox) as (egress, _):
        host, _, path = egress.url.removeprefix("http://").partition("/")
        reader, writer = await (
            asyncio.open_unix_connection(str(egress.socket))
            if egress.socket
            else asyncio.open_connection(*host.split(":"))
        )
        writer.write(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(
            f"GET /{path}/v1/models HTTP/1.1\r\nHost: {host}\r\nx-api-key: {PLACEHOLDER_KEY}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        writer.close()
        assert egress.refused == ()
    assert upstream.requests[0][2]["x-api-key"] == KEY


async def test_tunnel_is_cut_in_arbitrary_pieces(upstream: Upstream, tmp_path: Path) -> None:
    options = {"allowed": [f"127.0.0.1:{upstream.port}"]}
    async with opened(agent("http://unused.example"), tmp_path, **options) as (egress, _):
        reader, writer = await asyncio.open_unix_connection(str(egress.socket))
        for byte in f"CONNECT 127.0.0.1:{upstream.port} HTTP/1.1\r\n\r\n".encode():
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


@pytest.mark.parametrize(
    ("request_line", "host"),
    [
        ("CONNECT evil.example:443", "evil.example"),
        ("CONNECT evil.example:22", "evil.example:22"),
        ("CONNECT 127.0.0.1:5432", "127.0.0.1:5432"),
        ("CONNECT [::1]:5432", "[::1]:5432"),
        ("CONNECT 169.254.169.254:80", "169.254.169.254"),
        ("GET http://evil.example/", "evil.example"),
        ("GET http://allowed.example@evil.example/", "allowed.example@evil.example"),
        ("POST http://127.0.0.1:8080/api", "127.0.0.1:8080"),
        ("CONNECT allowed.example:22", "allowed.example:22"),
        ("CONNECT not-allowed.example:443", "not-allowed.example"),
    ],
)
async def test_other_hosts_are_refused_and_reported(tmp_path: Path, request_line: str, host: str) -> None:
    reported: list[str] = []
    options: dict[str, Any] = {"allowed": ["allowed.example"], "on_refused": reported.append}
    async with opened(agent("http://unused.example"), tmp_path, **options) as (egress, _):
        for _ in range(2):
            answer = await exchange(egress, f"{request_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert answer.startswith("HTTP/1.1 403 Forbidden")
        assert egress.refused == (host,)
    assert reported == [host]


async def exchange(egress: Egress, request: str) -> str:
    reader, writer = await asyncio.open_unix_connection(str(egress.socket))
    writer.write(request.encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()


@pytest.mark.parametrize(
    "request_text",
    [
        "",
        "CONNECT",
        "CONNECT \r\n\r\n",
        "CONNECT :::: HTTP/1.1\r\n\r\n",
        "\x00\x01\x02\r\n\r\n",
        f"CONNECT {'a' * 20000}:443 HTTP/1.1\r\n\r\n",
        f"GET / HTTP/1.1\r\nX: {'a' * 100_000}\r\n\r\n",
        "GET http://[::1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET http://x:99999/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
async def test_bad_requests_harm_nothing(upstream: Upstream, tmp_path: Path, request_text: str) -> None:
    async with opened(agent(upstream.url), tmp_path) as (egress, client):
        reader, writer = await asyncio.open_unix_connection(str(egress.socket))
        writer.write(request_text.encode())
        writer.write_eof()
        assert b" 200 " not in (await reader.read())[:20]
        writer.close()
        async with client.post(f"{egress.url}/v1/messages", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer:
            assert answer.status == 200


async def test_hosts_refused_are_bounded(tmp_path: Path) -> None:
    reported: list[str] = []
    async with opened(agent("http://unused.example"), tmp_path, on_refused=reported.append) as (egress, _):
        for number in range(120):
            await exchange(egress, f"CONNECT host-{number}.example:443 HTTP/1.1\r\n\r\n")
    assert len(egress.refused) == len(reported) == 100


async def test_socket_may_lie_deep(upstream: Upstream, tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / ("deeper" * 10)
    folder.mkdir(parents=True)
    async with Egress(agent(upstream.url), folder=folder) as egress:
        assert egress.socket
        assert egress.socket.is_socket()
        assert egress.socket.stat().st_mode & 0o777 == 0o600
    assert not egress.socket.exists()


async def test_proxy_of_the_bot_is_used(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", upstream.url)
    monkeypatch.setenv("no_proxy", "")
    async with opened(agent("http://model.example/v1"), tmp_path, allowed=["packages.example"]) as (egress, client):
        async with client.post(f"{egress.url}/chat/completions", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer:
            assert answer.status == 200
        await exchange(egress, "GET http://packages.example/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert [path for _, path, _, _ in upstream.requests] == [
        "http://model.example/v1/chat/completions",
        "http://packages.example/a",
    ]


async def test_model_on_loopback_is_reached_directly(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    async with (
        opened(agent(upstream.url), tmp_path) as (egress, client),
        client.get(f"{egress.url}/models", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer,
    ):
        assert answer.status == 200
    assert [path for _, path, _, _ in upstream.requests] == ["/models"]


async def test_proxy_for_everything_is_used(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.setenv("all_proxy", upstream.url)
    async with (
        opened(agent("http://model.example/v1"), tmp_path) as (egress, client),
        client.get(f"{egress.url}/models", headers={"X-Api-Key": PLACEHOLDER_KEY}) as answer,
    ):
        assert answer.status == 200
    assert [path for _, path, _, _ in upstream.requests] == ["http://model.example/v1/models"]


async def test_tunnel_uses_the_proxy_of_the_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhello")
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("https_proxy", f"http://user:pass@127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    async with opened(agent("http://unused.example"), tmp_path, allowed=["packages.example"]) as (egress, _):
        answer = await exchange(egress, "CONNECT packages.example:443 HTTP/1.1\r\n\r\n")
    server.close()
    await server.wait_closed()
    assert answer.endswith("hello")
    assert heads[0].startswith(b"CONNECT packages.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz\r\n" in heads[0]


@pytest.mark.parametrize(
    ("entries", "target", "is_allowed"),
    [
        (["packages.example"], "packages.example:443", True),
        (["packages.example"], "PACKAGES.example.:443", True),
        (["packages.example"], "packages.example:80", True),
        (["packages.example"], "packages.example:22", False),
        (["packages.example:22"], "packages.example:22", True),
        (["packages.example:22"], "packages.example:443", False),
        (["packages.example"], "a.packages.example:443", False),
        (["*.packages.example"], "a.b.packages.example:443", True),
        (["*.packages.example"], "packages.example:443", False),
        (["*.packages.example"], "evilpackages.example:443", False),
        (["10.0.0.1"], "10.0.0.1:443", True),
        (["*.0.0.1"], "10.0.0.1:443", False),
        (["[0:0::1]"], "[::1]:443", True),
        ([], "packages.example:443", False),
    ],
)
def test_allowed_hosts(entries: list[str], target: str, *, is_allowed: bool) -> None:
    hosts = AllowedHosts(entries)
    if is_allowed:
        hosts.check(Target.parse(target))
        return
    with pytest.raises(RefusedError):
        hosts.check(Target.parse(target))


@pytest.mark.parametrize(
    ("entry", "address", "is_allowed"),
    [
        ("name.example", "93.184.216.34", True),
        ("name.example", "10.1.2.3", True),
        ("name.example", "127.0.0.1", False),
        ("name.example", "::1", False),
        ("name.example", "::ffff:127.0.0.1", False),
        ("name.example", "0.0.0.0", False),  # noqa: S104 - an address to refuse
        ("name.example", "169.254.169.254", False),
        ("*.example", "93.184.216.34", True),
        ("*.example", "10.1.2.3", False),
        ("*.example", "fd00::1", False),
        ("*.example", "127.0.0.1", False),
    ],
)
async def test_names_do_not_lead_to_this_machine(entry: str, address: str, *, is_allowed: bool) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return [address]

    hosts = AllowedHosts([entry], resolve=resolve)
    if is_allowed:
        assert await hosts.addresses(Target.parse("name.example")) == [address]
        return
    with pytest.raises(RefusedError):
        await hosts.addresses(Target.parse("name.example"))


@pytest.mark.parametrize("size", [1, 2, 3, 17, 18, 19, 1000])
def test_redactor_finds_the_key_in_pieces(size: int) -> None:
    text = f"sk-real-{KEY} and sk-real-0 {KEY}{KEY}".encode()
    redactor = Redactor(KEY)
    pieces = [redactor.feed(text[start : start + size]) for start in range(0, len(text), size)]
    assert b"".join([*pieces, redactor.end()]) == b"sk-real-[redacted] and sk-real-0 [redacted][redacted]"


def test_redactor_leaves_short_keys_alone() -> None:
    assert Redactor("ollama").feed(b"I use ollama") == b"I use ollama"
