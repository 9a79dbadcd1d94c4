"""A fault of one request to an emulator, and how it is applied."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

FAULT_ACTIONS = ("status", "drop", "hang", "slow", "truncate")


@dataclass(slots=True)
class Fault:
    """A fault, the requests that it applies to, and how often.

    `path` is a regular expression searched in the path. `times` is how many requests it hits (None: unlimited),
    `probability` how likely each matching one is hit. `action`: ``status`` answers with `status`, `headers` and
    `body` instead of doing the work; ``drop`` closes the connection without an answer; ``hang`` waits `delay`
    seconds and then drops; ``slow`` waits `delay` seconds and then answers as usual; ``truncate`` cuts the JSON answer
    in half. `after_work` does the work first and spoils only the answer. `delay` (seconds) comes before
    anything else. `token` is a regular expression that the whole bearer token matches.
    """

    path: str = ""
    method: str | None = None
    action: str = "status"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    times: int | None = 1
    probability: float = 1.0
    delay: float = 0.0
    after_work: bool = False
    token: str | None = None

    def __post_init__(self) -> None:
        if self.action not in FAULT_ACTIONS:
            raise ValueError(f"action must be one of {', '.join(FAULT_ACTIONS)}")
        re.compile(self.path)
        re.compile(self.token or "")

    def matches(self, request: web.Request) -> bool:
        if self.method is not None and self.method.upper() != request.method:
            return False
        if self.token is not None and not re.fullmatch(self.token, bearer_of(request)):
            return False
        return re.search(self.path, request.path) is not None

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def bearer_of(request: web.Request) -> str:
    """The bearer token of a request; empty if there is none."""
    return request.headers.get("Authorization", "").rpartition(" ")[2]


async def spoil(
    fault: Fault, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answers a request as the fault specifies."""
    if fault.action != "hang":
        await asyncio.sleep(fault.delay)
    if fault.action == "slow":
        return await handler(request)
    done = await handler(request) if fault.after_work or fault.action == "truncate" else None
    match fault.action:
        case "status":
            return web.json_response(
                fault.body if fault.body is not None else {"message": "A scripted fault."},
                status=fault.status,
                headers=fault.headers,
            )
        case "truncate" if isinstance(done, web.Response) and isinstance(done.body, bytes):
            return web.Response(
                body=done.body[: len(done.body) // 2], status=done.status, content_type="application/json"
            )
        case "hang":
            await asyncio.sleep(fault.delay)
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)
