"""What strangers can make the server read, hold and log."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.github.events import sign
from tests.harness.log_lines import lines, logged
from tests.harness.server import ApiServer, api_server_at
from tests.web.deliveries import PATH
from tests.web.raw import RawClient, head

MEGABYTE = 2**20


def delivery(**changed: object) -> dict[str, Any]:
    """The headers of a delivery with a wrong signature."""
    return {
        "Content_Type": "application/json",
        "X_GitHub_Event": "issue_comment",
        "X_GitHub_Delivery": "guid-1",
        "X_Hub_Signature_256": sign(b"", "a guess"),
        "Content_Length": 24 * MEGABYTE,
        **changed,
    }


@pytest.fixture
async def api_server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    async with api_server_at(tmp_path) as api_server:
        yield api_server


async def refused(api_server: ApiServer, request: bytes) -> tuple[int, str]:
    """The answer to a request whose body stays incomplete. The connection must be closed with it."""
    async with await RawClient.connect(api_server.url) as client:
        await client.send(request)
        answer = await client.answer()
        assert answer.headers["connection"] == "close"
        assert await client.closed() == b""
    return answer.problem


async def test_unsigned_bodies_are_not_awaited(api_server: ApiServer) -> None:
    unsigned = delivery()
    del unsigned["X_Hub_Signature_256"]
    request = head("POST", PATH, **unsigned) + bytes(MEGABYTE)
    answers = await asyncio.gather(*(refused(api_server, request) for _ in range(30)))
    assert {*answers} == snapshot(
        {(401, "The X-Hub-Signature-256 header is missing: set a secret in the webhook's settings on GitHub.")}
    )


async def test_invalid_headers_are_refused_without_body(api_server: ApiServer) -> None:
    requests = [
        head("POST", PATH, **delivery(**changed))
        for changed in (
            {"X_Hub_Signature_256": "sha256=" + "g" * 64},
            {"X_GitHub_Event": ""},
            {"X_GitHub_Delivery": "not a guid"},
            {"Content_Type": "text/plain"},
            {"Content_Length": 26 * MEGABYTE},
        )
    ]
    answers = await asyncio.gather(*(refused(api_server, request) for request in requests))
    assert [status for status, _ in answers] == [401, 400, 400, 415, 413]


async def test_unexpected_body_is_not_awaited(api_server: ApiServer) -> None:
    for method, path in (("POST", "/healthz"), ("POST", "/nowhere"), ("GET", "/")):
        async with await RawClient.connect(api_server.url) as client:
            await client.send(head(method, path, Content_Length=24 * MEGABYTE) + bytes(MEGABYTE))
            assert (await client.answer()).headers["connection"] == "close"
            assert await client.closed() == b""


async def test_expect_continue_is_refused_before_body(api_server: ApiServer) -> None:
    """As curl does with bodies over a megabyte."""
    unsigned = delivery(Expect="100-continue", X_Hub_Signature_256="none")
    assert (await refused(api_server, head("POST", PATH, **unsigned)))[0] == 401


async def test_compressed_bodies_are_refused(api_server: ApiServer) -> None:
    bomb = gzip.compress(bytes(MEGABYTE))
    for path in (PATH, "/healthz", "/nowhere", "/organizations/1/agent/run"):
        headers = delivery(Content_Encoding="gzip", Content_Length=len(bomb))
        async with await RawClient.connect(api_server.url) as client:
            await client.send(head("POST", path, **headers) + bomb)
            assert (await client.answer()).problem == snapshot(
                (415, "The body is compressed or otherwise encoded: send it without Content-Encoding.")
            )


async def test_malformed_requests_are_not_quoted_in_log(api_server: ApiServer) -> None:
    requests = (
        b"GET /readyz?api_key=sk-secret\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-secret\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"sk-secret" * 2_000 + b"\r\n\r\n",
        b"GET sk-secret\r\n\r\n",
        b"\x16\x03\x01 sk-secret \x00\r\n\r\n",
        head("POST", "/healthz", Transfer_Encoding="chunked") + b"sk-secret\r\n",
        head("POST", "/healthz", Transfer_Encoding="chunked") + b"1\r\nx sk-secret\r\n",
    )
    with logged("DEBUG") as log:
        for request in requests:
            async with await RawClient.connect(api_server.url) as client:
                await client.send(request)
                assert (await client.answer()).status in {400, 405}
                await client.closed()
    text = log.getvalue()
    assert "secret" not in text
    assert "Traceback" not in text
    assert [line for line in lines(log) if line["level"] == "error"] == []


async def test_malformed_request_is_not_quoted_in_answer(api_server: ApiServer) -> None:
    async with await RawClient.connect(api_server.url) as client:
        await client.send(b"GET /?api_key=sk-secret\x01 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.answer()).problem == snapshot(
            (400, "The request is malformed, or its first line or a header is longer than 8 kB.")
        )


async def test_responses_name_no_versions(api_server: ApiServer) -> None:
    async with await RawClient.connect(api_server.url) as client:
        for path in ("/healthz", "/metrics", "/openapi.json", "/", "/nowhere", "/organizations"):
            await client.send(head("GET", path))
            headers = (await client.answer()).headers
            assert (headers["server"], headers["x-content-type-options"]) == ("codegen-bot", "nosniff"), path
    async with await RawClient.connect(api_server.url) as client:
        await client.send(b"nonsense\r\n\r\n")
        headers = (await client.answer()).headers
        assert (headers["server"], headers["x-content-type-options"]) == ("codegen-bot", "nosniff")


async def test_metrics_on_separate_port(tmp_path: Path) -> None:
    with logged() as log:
        async with api_server_at(tmp_path, metrics_port=0) as api_server:
            [port] = [line["port"] for line in lines(log) if line["event"] == "metrics.listening"]
            assert (await api_server.get("/metrics")).status == 404
            async with await RawClient.connect(f"http://127.0.0.1:{port}") as client:
                await client.send(head("GET", "/metrics"))
                answer = await client.answer()
                assert (answer.status, answer.headers["server"]) == (200, "codegen-bot")
                assert b"codegen_bot_build_info" in answer.body
                await client.send(head("GET", "/organizations"))
                assert (await client.answer()).status == 404
