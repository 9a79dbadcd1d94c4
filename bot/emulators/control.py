"""Control of both emulators, below ``/_emulator/``: a journal of requests, scripted faults, a reset."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pydantic
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.emulators.operations import Refused, created, operation, routes

PREFIX = "/_emulator/"

CONTROL_HELP = """\
POST   faults      makes requests fail: {"path": "regular expression", "method": "POST", "action": "status" | "drop" |
                   "hang" | "slow" | "truncate", "status": 500, "headers": {}, "body": {}, "times": 1 (null: always),
                   "probability": 1.0, "delay": 0.0, "after_work": false, "token": "regular expression"}; every key is
                   optional; status 401 with "times": null and a token simulates a revoked token
GET    faults      the remaining faults; DELETE removes them
GET    requests    every request with its time, caller and response status; DELETE clears the list
POST   reset       restores the initial state"""


@dataclass(slots=True)
class Entry:
    """One request and its response.

    `at` is in seconds since the emulator started; `body` is the JSON body, or None; `status` is None if the connection
    was dropped. `actor` is the owner of the token, which is not recorded; `agent` the User-Agent. `routed` is False if
    the emulator has nothing at that address. `permission`: what an App would need for it.
    """

    at: float
    method: str
    path: str
    query: dict[str, str]
    body: Any
    agent: str = ""
    actor: str | None = None
    status: int | None = None
    fault: str | None = None
    routed: bool = True
    permission: str | None = None


JOURNAL_ENTRY = web.RequestKey("journal_entry", Entry)


@pydantic.dataclasses.dataclass(slots=True, config=pydantic.ConfigDict(extra="forbid"))
class Fault:
    """A fault, the requests that it applies to, and how often.

    `path` is a regular expression searched in the path. `times` is how many requests it hits (None: unlimited),
    `probability` how likely each matching one is hit. `action`: ``status`` answers with `status`, `headers` and
    `body` instead of doing the work; ``drop`` closes the connection without an answer; ``hang`` waits `delay`
    seconds and then drops; ``slow`` waits `delay` seconds and then answers as usual; ``truncate`` cuts the JSON answer
    in half. `after_work` does the work first and replaces only the answer. `delay` (seconds) comes before
    anything else. `token` is a regular expression that the whole bearer token matches.
    """

    path: str = ""
    method: str | None = None
    action: Literal["status", "drop", "hang", "slow", "truncate"] = "status"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    times: int | None = 1
    probability: float = 1.0
    delay: float = 0.0
    after_work: bool = False
    token: str | None = None

    def __post_init__(self) -> None:
        re.compile(self.path)
        re.compile(self.token or "")

    def matches(self, request: web.Request) -> bool:
        if self.method is not None and self.method.upper() != request.method:
            return False
        if self.token is not None and not re.fullmatch(self.token, bearer_of(request)):
            return False
        return re.search(self.path, request.path) is not None

    async def respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answers a request as the fault specifies."""
        if self.action != "hang":
            await asyncio.sleep(self.delay)
        if self.action == "slow":
            return await handler(request)
        done = await handler(request) if self.after_work or self.action == "truncate" else None
        match self.action:
            case "status":
                body = {"message": "A scripted fault."} if self.body is None else self.body
                return web.json_response(body, status=self.status, headers=self.headers)
            case "truncate" if isinstance(done, web.Response) and isinstance(done.body, bytes):
                half = done.body[: len(done.body) // 2]
                return web.Response(body=half, status=done.status, content_type="application/json")
            case "hang":
                await asyncio.sleep(self.delay)
        if request.transport is not None:
            request.transport.close()
        return web.Response(status=500)


def bearer_of(request: web.Request) -> str:
    """The token of a request, which git sends as a password; empty if there is none."""
    scheme, _, credential = request.headers.get("Authorization", "").rpartition(" ")
    return credential if scheme.lower() != "basic" else password_of(credential)


def password_of(credential: str) -> str:
    """The password of a basic credential; empty if it has none."""
    with contextlib.suppress(ValueError):
        return base64.b64decode(credential, validate=True).decode().partition(":")[2]
    return ""


class Control:
    """The journal and the scripted faults of one emulator.

    `injector` is called for the fault of each request that no scripted fault hits, and for the fault's name.

    :param reset: restores the initial state of the emulated service
    :param changed: called when a request has arrived, and when it has been answered
    """

    def __init__(self, *, reset: Callable[[], None], changed: Callable[[], None]) -> None:
        self.journal: list[Entry] = []
        self.faults: list[Fault] = []
        self.injector: Callable[[web.Request], tuple[str, Fault] | None] | None = None
        self._reset = reset
        self._changed = changed
        self._started = time.monotonic()

    def reset(self) -> None:
        """Clears the journal and the faults, and restores the initial state."""
        self.journal.clear()
        self.faults.clear()
        self.injector = None
        self._reset()

    def fault(self, **values: Any) -> Fault:
        """Scripts a fault; the values are those of `Fault`."""
        fault = Fault(**values)
        self.faults.append(fault)
        return fault

    def _pick(self, request: web.Request) -> tuple[str, Fault] | None:
        """The fault for a request, and its name for the journal: scripted faults take precedence over injected ones."""
        for fault in self.faults:
            if fault.matches(request) and random.random() < fault.probability:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                return fault.action, fault
        return self.injector(request) if self.injector is not None else None

    @property
    def middleware(self) -> Middleware:
        """Records every request outside ``/_emulator/`` and applies its fault, if any."""

        @web.middleware
        async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(PREFIX):
                return await handler(request)
            entry = request[JOURNAL_ENTRY] = Entry(
                at=round(time.monotonic() - self._started, 4),
                method=request.method,
                path=request.path,
                query=dict(request.query),
                body=await _json_body(request),
                agent=request.headers.get("User-Agent", ""),
                routed=request.match_info.http_exception is None,
            )
            self.journal.append(entry)
            self._changed()
            entry.fault, fault = self._pick(request) or (None, None)
            try:
                response = await (handler(request) if fault is None else fault.respond(request, handler))
            except web.HTTPException as answer:
                entry.status = answer.status
                raise
            else:
                if fault is None or fault.action not in {"drop", "hang"}:
                    entry.status = response.status
                return response
            finally:
                self._changed()

        return record

    def routes(self) -> list[web.RouteDef]:
        return routes(self, _json_body)

    @operation(f"GET {PREFIX}requests")
    def _get_requests(self, _: Any) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self.journal]

    @operation(f"DELETE {PREFIX}requests")
    def _delete_requests(self, _: Any) -> None:
        self.journal.clear()

    @operation(f"GET {PREFIX}faults")
    def _get_faults(self, _: Any) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self.faults]

    @operation(f"POST {PREFIX}faults")
    def _post_fault(self, values: Any) -> web.Response:
        try:
            return created(asdict(self.fault(**values)))
        except (TypeError, ValueError, re.error) as error:
            raise Refused(422, {"message": f"Invalid fault: {error}"}) from None

    @operation(f"DELETE {PREFIX}faults")
    def _delete_faults(self, _: Any) -> None:
        self.faults.clear()

    @operation(f"POST {PREFIX}reset")
    def _post_reset(self, _: Any) -> None:
        self.reset()


async def _json_body(request: web.Request) -> Any:
    # Packs of git may be large, and are streamed.
    if request.content_type.startswith("application/x-git-"):
        return None
    try:
        return json.loads(await request.read() or b"null")
    except ValueError:
        return None
