"""Answers as a test scripts them, without a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from bot.codegen.client import Codegen
from bot.codegen.limits import RateLimits
from tests.codegen.conftest import TOKEN
from tests.harness.clock import Clock

RUN = {"id": 1, "organization_id": 1, "status": "PENDING"}

Answer = httpx.Response | Exception


@dataclass
class Wire:
    """What is answered, in this order, the last one from then on; and what was asked."""

    clock: Clock
    answers: list[Answer] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def respond(self, *answers: Answer) -> None:
        self.answers[:] = answers

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@asynccontextmanager
async def client_on(wire: Wire, *, token: str = TOKEN) -> AsyncIterator[Codegen]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as http:
        limits = RateLimits(clock=wire.clock, sleep=wire.clock.sleep)
        yield Codegen(token, org_id=1, http=http, limits=limits, sleep=wire.clock.sleep)


def ok(document: object = RUN) -> httpx.Response:
    return httpx.Response(200, json=document)


def no(status: int, message: str = "Not like this.", **headers: str) -> httpx.Response:
    document = {"message": message, "status_code": status}
    return httpx.Response(status, json=document, headers={name.replace("_", "-"): v for name, v in headers.items()})
