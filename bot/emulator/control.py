"""What both emulators offer beyond the real services: a journal of requests, scripted faults, a reset.

`Control` brings the routes under ``/_emulator/`` and the middleware that keeps the journal and plays the faults.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

PREFIX = "/_emulator/"
FAULT_ACTIONS = ("status", "drop", "hang", "truncate")

FAULT_HELP = """\
POST   faults      what goes wrong: {"path": "regular expression", "method": "POST", "action": "status" | "drop" |
                   "hang" | "truncate", "status": 500, "headers": {}, "body": {}, "times": 1 (null: no end),
                   "probability": 1.0, "delay": 0.0, "after_work": false, "token": "regular expression"}; every part is
                   optional; a 401 without an end for one token is a token that was revoked
GET    faults      the faults that are still to come; DELETE forgets them
GET    requests    every request with its time, who asked, and how it was answered; DELETE forgets them
POST   reset       puts everything back to the start"""


@dataclass(slots=True)
class Entry:
    """One request as it arrived and how it was answered.

    `at` is in seconds since the emulator started; `body` is the JSON body, or None; `status` is None where the
    connection was dropped. The token is not kept, only who it stood for (`actor`). `routed` is False where the emulator
    has nothing at that address.
    """

    at: float
    method: str
    path: str
    query: dict[str, str]
    body: Any
    actor: str | None = None
    status: int | None = None
    fault: str | None = None
    routed: bool = True

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


JOURNAL_ENTRY = web.RequestKey("journal_entry", Entry)


@dataclass(slots=True)
class Fault:
    """What goes wrong, for which requests, how often.

    `path` is a regular expression searched in the path. `times` is how many requests it hits (None: no end),
    `probability` how likely each matching one is hit. `action`: ``status`` answers with `status`, `headers` and
    `body` instead of doing the work; ``drop`` closes the connection without an answer; ``hang`` waits `delay`
    seconds and then drops; ``truncate`` cuts the JSON answer in half. `after_work` lets the work be done first and
    spoils only the answer. `delay` (seconds) comes before anything else. `token` is a regular expression that the whole
    bearer token matches.
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
        token = request.headers.get("Authorization", "").rpartition(" ")[2]
        if self.token is not None and not re.fullmatch(self.token, token):
            return False
        return re.search(self.path, request.path) is not None


class Control:
    """The journal and the scripted faults of one emulator.

    :param changed: is called whenever a request has been answered
    """

    def __init__(
        self, *, reset: Callable[[], None], changed: Callable[[], None], randomness: random.Random | None = None
    ) -> None:
        self.journal: list[Entry] = []
        self.faults: list[Fault] = []
        self._reset = reset
        self._changed = changed
        self._random = randomness or random.Random()
        self._started = time.monotonic()

    def reset(self) -> None:
        """Forgets the journal and the faults and puts the world back to its start."""
        self.journal.clear()
        self.faults.clear()
        self._reset()

    def fault(self, **values: Any) -> Fault:
        """Scripts a fault; the values are those of `Fault`."""
        fault = Fault(**values)
        self.faults.append(fault)
        return fault

    def _pick(self, request: web.Request) -> Fault | None:
        for fault in self.faults:
            if fault.matches(request) and self._random.random() < fault.probability:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                return fault
        return None

    @property
    def middleware(self) -> Middleware:
        """Journals every request outside ``/_emulator/`` and plays the fault that matches it, if any."""

        @web.middleware
        async def journal_and_spoil(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(PREFIX):
                return await handler(request)
            entry = Entry(
                at=round(time.monotonic() - self._started, 4),
                method=request.method,
                path=request.path,
                query=dict(request.query),
                body=await _json_body(request),
                routed=request.match_info.http_exception is None,
            )
            request[JOURNAL_ENTRY] = entry
            self.journal.append(entry)
            fault = self._pick(request)
            entry.fault = fault.action if fault else None
            try:
                response = await (handler(request) if fault is None else _spoil(fault, request, handler))
            except web.HTTPException as answer:
                entry.status = answer.status
                raise
            else:
                if fault is None or fault.action not in {"drop", "hang"}:
                    entry.status = response.status
                return response
            finally:
                self._changed()

        return journal_and_spoil

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{PREFIX}requests", self._get_requests),
            web.delete(f"{PREFIX}requests", self._delete_requests),
            web.get(f"{PREFIX}faults", self._get_faults),
            web.post(f"{PREFIX}faults", self._post_fault),
            web.delete(f"{PREFIX}faults", self._delete_faults),
            web.post(f"{PREFIX}reset", self._post_reset),
        ]

    async def _get_requests(self, _request: web.Request) -> web.Response:
        return web.json_response([entry.as_json() for entry in self.journal])

    async def _delete_requests(self, _request: web.Request) -> web.Response:
        self.journal.clear()
        return web.Response(status=204)

    async def _get_faults(self, _request: web.Request) -> web.Response:
        return web.json_response([_fault_json(fault) for fault in self.faults])

    async def _post_fault(self, request: web.Request) -> web.Response:
        try:
            fault = self.fault(**await request.json())
        except (TypeError, ValueError, re.error) as error:
            return web.json_response({"message": f"This is no fault: {error}"}, status=422)
        return web.json_response(_fault_json(fault), status=201)

    async def _delete_faults(self, _request: web.Request) -> web.Response:
        self.faults.clear()
        return web.Response(status=204)

    async def _post_reset(self, _request: web.Request) -> web.Response:
        self.reset()
        return web.Response(status=204)


def _fault_json(fault: Fault) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in Fault.__slots__}


async def _json_body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read() or b"null")
    except ValueError:
        return None


async def _spoil(
    fault: Fault, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if fault.action != "hang":
        await asyncio.sleep(fault.delay)
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
