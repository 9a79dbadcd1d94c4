"""A server of models whose answers are scripted, for real coding agents: no model, no account, no network.

It speaks OpenAI's two APIs, Anthropic's and Gemini's, and looks at the tools that an agent offers to choose the one for a
step. A request without tools (for a title, a summary) gets a text and takes no step from the script.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, assert_never

from aiohttp import web

from tests.harness import TIMEOUT
from tests.harness.model_server.dialects import Dialect, dialect_of
from tests.harness.model_server.steps import Drop, Edit, Fail, Read, Run, Say, Stall, Step, Write
from tests.harness.model_server.tools import Call, call_for

__all__ = ["Drop", "Edit", "Fail", "ModelRequest", "ModelServer", "Read", "Run", "Say", "Stall", "Step", "Write"]

_MESSAGES = {
    401: "Incorrect API key provided.",
    404: "The model does not exist.",
    429: "Rate limit reached for requests.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A request for an answer.

    :param key: the API key, from whichever place the API has for it
    :param text: the whole body, in which a test looks for what an agent sent
    :param has_tools: the agent offers tools: it is not a side question, such as for a title
    """

    path: str
    key: str
    model: str
    text: str
    has_tools: bool
    headers: Mapping[str, str]


class ModelServer:
    """Answers with the steps of `script`, one a request that offers tools, and with "Done." when they are used up.

    :param key: the only key that is not refused; None accepts any
    """

    def __init__(self, *, key: str | None = None) -> None:
        self.requests: list[ModelRequest] = []
        self._key = key
        self._steps: deque[Step] = deque()
        self._changed = asyncio.Condition()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Without a path; OpenAI's APIs are below `/v1`."""
        return self._url

    @property
    def turns(self) -> list[ModelRequest]:
        """The requests that offered tools."""
        return [request for request in self.requests if request.has_tools]

    def script(self, *steps: Step) -> None:
        """Replaces what is left of the script."""
        self._steps = deque(steps)

    async def until(self, is_so: Callable[[list[ModelRequest]], bool]) -> None:
        """Waits until the requests so far fulfil a condition."""
        async with asyncio.timeout(TIMEOUT), self._changed:
            await self._changed.wait_for(lambda: is_so(self.requests))

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # A stalled answer has no end of its own.
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        if self._runner:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        dialect = dialect_of(path)
        if dialect is None:
            return self._other(path)
        body = await request.json()
        tools = list(dialect.tools_of(body))
        model = dialect.model_of(path, body)
        key = _key_of(request)
        await self._record(
            ModelRequest(
                path=path,
                key=key,
                model=model,
                text=await request.text(),
                has_tools=bool(tools),
                headers=dict(request.headers),
            )
        )
        if self._key is not None and key != self._key:
            return _failure(dialect, 401)
        step = self._next() if tools else self._side_answer()
        match step:
            case Fail(status):
                return _failure(dialect, status)
            case Drop():
                assert request.transport
                request.transport.abort()
                return web.Response()
            case Stall(text):
                return await self._stall(request, dialect, model, text)
            case Say(text):
                return await self._answer(request, dialect, body, text, None)
            case Run() | Read() | Write() | Edit():
                return await self._answer(request, dialect, body, "Let me do that.", call_for(step, tools))
            case _:
                assert_never(step)

    async def _record(self, request: ModelRequest) -> None:
        async with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def _next(self) -> Step:
        if not self._steps:
            return Say("Done.")
        step = self._steps[0]
        match step:
            case Fail() | Drop() | Stall() if step.times is None:
                return step
            case Fail() | Drop() | Stall() if step.times is not None and step.times > 1:
                self._steps[0] = replace(step, times=step.times - 1)
            case _:
                self._steps.popleft()
        return step

    def _side_answer(self) -> Step:
        """The server is one: while it fails, it fails for every request."""
        if self._steps and isinstance(self._steps[0], Fail | Drop):
            return self._steps[0]
        return Say("A title")

    @staticmethod
    def _other(path: str) -> web.StreamResponse:
        if path.endswith("/models"):
            return web.json_response({"object": "list", "data": [], "models": []})
        if path.endswith(("/count_tokens", ":countTokens")):
            return web.json_response({"input_tokens": 100, "totalTokens": 100})
        return web.json_response({"error": {"message": f"There is nothing at {path}."}}, status=404)

    async def _answer(
        self, request: web.Request, dialect: Dialect, body: Mapping[str, Any], text: str, call: Call | None
    ) -> web.StreamResponse:
        number, model = len(self.requests), dialect.model_of(request.path, body)
        if not dialect.is_streamed(request.path, body):
            return web.json_response(dialect.answer(model, number, text, call))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in dialect.events(model, number, text, call):
            await response.write(event)
        await response.write_eof()
        return response

    async def _stall(self, request: web.Request, dialect: Dialect, model: str, text: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(next(dialect.events(model, len(self.requests), text, None)))
        await self._closing.wait()
        return response


def _key_of(request: web.Request) -> str:
    for name in ("x-api-key", "x-goog-api-key"):
        if value := request.headers.get(name):
            return value
    if query := request.query.get("key"):
        return query
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _failure(dialect: Dialect, status: int) -> web.Response:
    message = _MESSAGES.get(status, "The server had an error while processing your request.")
    return web.json_response(dialect.error(status, message), status=status)
