"""A server that gives the answers a test scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

NOW = 1_800_000_000.0
"""Seconds since the epoch, in January 2027."""


@dataclass(frozen=True)
class Request:
    """One request as it arrived; `path` as it was written, with its percent signs."""

    method: str
    path: str
    query: Mapping[str, str]
    authorization: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """One scripted answer: JSON, or raw `content`; `cut` promises more bytes than it sends, `drop` sends none."""

    document: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    cut: bool = False
    drop: bool = False


Answering = Reply | Callable[[Request], Reply]


@dataclass
class Script:
    """What is answered to which request, and what was asked."""

    requests: list[Request] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Answering]] = field(default_factory=dict)
    url: str = ""

    def on(self, method: str, path: str, *answers: Answering) -> None:
        """Scripts the answers to one request; the last one is given from then on."""
        self.answers[method, path] = [*answers]

    def asked(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        seen = Request(
            method=request.method,
            # httpx writes a colon as an escape in a path, aiohttp as it is.
            path=request.raw_path.partition("?")[0].replace("%3A", ":"),
            query=dict(request.query),
            authorization=request.headers.get("Authorization", ""),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=json.loads(raw) if raw else None,
        )
        self.requests.append(seen)
        waiting = self.answers.get((seen.method, seen.path))
        if waiting is None:
            return web.json_response({"message": "Not Found"}, status=404)
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return await _sent(answer if isinstance(answer, Reply) else answer(seen), request)


async def _sent(reply: Reply, request: web.Request) -> web.StreamResponse:
    content = reply.content if reply.content is not None else json.dumps(reply.document).encode()
    if reply.drop or reply.cut:
        assert request.transport is not None
        if reply.cut:
            stream = web.StreamResponse(
                status=reply.status,
                headers={"content-type": "application/json", "content-length": str(len(content) + 1), **reply.headers},
            )
            await stream.prepare(request)
            await stream.write(content)
        request.transport.close()
        return web.Response(status=500)
    if reply.status in {204, 304}:
        return web.Response(status=reply.status, headers=reply.headers)
    headers = {"content-type": "application/json; charset=utf-8", **reply.headers}
    return web.Response(status=reply.status, body=content, headers=headers)


async def serve(script: Script) -> TestServer:
    """Starts it on a free port."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", script.handle)
    server = TestServer(application)
    await server.start_server()
    script.url = str(server.make_url("")).rstrip("/")
    return server
