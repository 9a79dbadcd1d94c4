"""Control of both emulators: a journal of requests, scripted faults, fault injection, a reset.

`Control` provides the routes under ``/_emulator/`` and the middleware that keeps the journal and applies the faults.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.emulator.fault_injection import COMMON, FaultInjector, FaultKind, FaultPlan
from bot.emulator.faults import Fault, spoil

PREFIX = "/_emulator/"

FAULT_HELP = """\
POST   faults      what goes wrong: {"path": "regular expression", "method": "POST", "action": "status" | "drop" |
                   "hang" | "slow" | "truncate", "status": 500, "headers": {}, "body": {}, "times": 1 (null: no end),
                   "probability": 1.0, "delay": 0.0, "after_work": false, "token": "regular expression"}; every part is
                   optional; a 401 without an end for one token is a token that was revoked
GET    faults      the faults that are still to come; DELETE forgets them
POST   fault-plan  a share of all requests goes wrong, each in one of many ways: {"rate": 0.2, "seed": 0, "burst": 1,
                   "kinds": [...], "path": "regular expression", "method": "POST", "retry_after": 1, "delay": 0.2,
                   "most_in_a_row": 3 (null: no end)}; every part is optional, and the answer names all kinds
GET    fault-plan  how it is, and how often each kind has struck; DELETE ends it
GET    requests    every request with its time, who asked, and how it was answered; DELETE forgets them
POST   reset       puts everything back to the start"""


@dataclass(slots=True)
class Entry:
    """One request and its response.

    `at` is in seconds since the emulator started; `body` is the JSON body, or None; `status` is None if the connection
    was dropped. The token is not kept, only whose it was (`actor`). `agent` is the User-Agent. `routed` is False if the
    emulator has nothing at that address.
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

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


JOURNAL_ENTRY = web.RequestKey("journal_entry", Entry)


class Control:
    """The journal, the scripted faults and the fault injection of one emulator.

    :param changed: called when a request has arrived, and when it has been answered
    :param kinds: of injected faults, by name, beside those common to all APIs
    """

    def __init__(
        self,
        *,
        reset: Callable[[], None],
        changed: Callable[[], None],
        kinds: Mapping[str, FaultKind] | None = None,
        randomness: random.Random | None = None,
    ) -> None:
        self.journal: list[Entry] = []
        self.faults: list[Fault] = []
        self.fault_injector: FaultInjector | None = None
        self._kinds = {**COMMON, **(kinds or {})}
        self._reset = reset
        self._changed = changed
        self._random = randomness or random.Random()
        self._started = time.monotonic()

    def reset(self) -> None:
        """Clears the journal and the faults, and resets the world to its initial state."""
        self.journal.clear()
        self.faults.clear()
        self.fault_injector = None
        self._reset()

    def fault(self, **values: Any) -> Fault:
        """Scripts a fault; the values are those of `Fault`."""
        fault = Fault(**values)
        self.faults.append(fault)
        return fault

    def inject_faults(self, **values: Any) -> FaultInjector:
        """Makes a share of all requests fail; the values are those of `FaultPlan`.

        :raises ValueError: if the plan is invalid
        """
        self.fault_injector = FaultInjector(FaultPlan(**values), self._kinds)
        return self.fault_injector

    def clear_up(self) -> None:
        """Ends the fault injection."""
        self.fault_injector = None

    def _pick(self, request: web.Request) -> tuple[str, Fault] | None:
        """The fault for a request, and its name for the journal: scripted faults take precedence over injected ones."""
        for fault in self.faults:
            if fault.matches(request) and self._random.random() < fault.probability:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                return fault.action, fault
        return self.fault_injector.pick(request) if self.fault_injector is not None else None

    @property
    def middleware(self) -> Middleware:
        """Journals every request outside ``/_emulator/`` and applies its fault, if any."""

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
                agent=request.headers.get("User-Agent", ""),
                routed=request.match_info.http_exception is None,
            )
            request[JOURNAL_ENTRY] = entry
            self.journal.append(entry)
            self._changed()
            entry.fault, fault = self._pick(request) or (None, None)
            try:
                response = await (handler(request) if fault is None else spoil(fault, request, handler))
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
            web.get(f"{PREFIX}fault-plan", self._get_fault_plan),
            web.post(f"{PREFIX}fault-plan", self._post_fault_plan),
            web.delete(f"{PREFIX}fault-plan", self._delete_fault_plan),
            web.post(f"{PREFIX}reset", self._post_reset),
        ]

    async def _get_requests(self, _request: web.Request) -> web.Response:
        return web.json_response([entry.as_json() for entry in self.journal])

    async def _delete_requests(self, _request: web.Request) -> web.Response:
        self.journal.clear()
        return web.Response(status=204)

    async def _get_faults(self, _request: web.Request) -> web.Response:
        return web.json_response([fault.as_json() for fault in self.faults])

    async def _post_fault(self, request: web.Request) -> web.Response:
        try:
            fault = self.fault(**await request.json())
        except (TypeError, ValueError, re.error) as error:
            return web.json_response({"message": f"This is no fault: {error}"}, status=422)
        return web.json_response(fault.as_json(), status=201)

    async def _delete_faults(self, _request: web.Request) -> web.Response:
        self.faults.clear()
        return web.Response(status=204)

    async def _get_fault_plan(self, _request: web.Request) -> web.Response:
        return web.json_response(self._fault_plan_json())

    async def _post_fault_plan(self, request: web.Request) -> web.Response:
        try:
            self.inject_faults(**await request.json())
        except (TypeError, ValueError, re.error) as error:
            return web.json_response({"message": f"Invalid fault plan: {error}"}, status=422)
        return web.json_response(self._fault_plan_json(), status=201)

    async def _delete_fault_plan(self, _request: web.Request) -> web.Response:
        self.clear_up()
        return web.Response(status=204)

    def _fault_plan_json(self) -> dict[str, Any]:
        fault_injector = self.fault_injector
        return {
            "plan": fault_injector.plan.as_json() if fault_injector else None,
            "hits": dict(fault_injector.hits) if fault_injector else {},
            "kinds": [*self._kinds],
        }

    async def _post_reset(self, _request: web.Request) -> web.Response:
        self.reset()
        return web.Response(status=204)


async def _json_body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read() or b"null")
    except ValueError:
        return None
