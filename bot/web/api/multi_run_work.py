"""The multi-runs that this server executes, and the finished ones."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

from bot import log
from bot.handlers.invocation import CommandInvocation
from bot.replies.reason import Reason
from bot.replies.reply import Reply
from bot.web.api.caller import Caller
from bot.web.api.idempotency import key_used
from bot.web.api.models import MultiRunResponse
from bot.web.api.multi_run_states import begun, state_of
from bot.web.problems import Problem

_log = log.get(__name__)

MOST_OF_ONE = 10
"""Concurrent multi-runs of one token."""

MOST_AT_WORK = 100
"""The same of all tokens together."""

REMEMBERED = 1_000
"""Finished multi-runs kept in memory; the database keeps them longer."""

MOST_BYTES = 32 * 1024 * 1024
"""Bytes of their responses, as JSON."""


class Remembered(Protocol):
    """The part of `bot.store.multi_runs.MultiRuns` used here."""

    async def remember(self, org_id: int, identity: str, invocation: dict[str, Any], *, at: Any) -> bool: ...
    async def end(self, org_id: int, identity: str, answer: dict[str, Any], *, asked: dict[str, Any]) -> None: ...
    async def forget(self, org_id: int, identity: str) -> None: ...
    async def find(self, org_id: int, identity: str) -> tuple[dict[str, Any], dict[str, Any] | None] | None: ...


@dataclass(eq=False, slots=True)
class MultiRunAtWork:
    """A multi-run in this process.

    :param state: as last reported
    :param wish: a digest of the request
    :param changed: called after each change
    :param size: bytes of the response, once it has ended
    """

    state: MultiRunResponse
    wish: str
    task: asyncio.Task[None] | None = None
    changed: list[Callable[[], None]] = field(default_factory=list)
    size: int = 0

    @property
    def has_ended(self) -> bool:
        return self.state.status != "running"

    @property
    def is_broken(self) -> bool:
        """Whether it has not ended but is no longer being executed."""
        return not self.has_ended and self.task is not None and self.task.done()

    def become(self, state: MultiRunResponse) -> None:
        self.state = state
        for call in [*self.changed]:
            call()


class MultiRuns:
    """All multi-runs of this server, by organization and id.

    The request is stored before anything is started, and reduced to a digest at the end: prompts and metadata are then
    at Codegen. If no attempt could be started, nothing of it remains. The caller's token is never stored: after a
    restart, a multi-run continues when a caller who may see it requests it.

    :param most_of_one: concurrent multi-runs of one token
    :param most: of all tokens together
    """

    def __init__(self, remembered: Remembered, *, most_of_one: int = MOST_OF_ONE, most: int = MOST_AT_WORK) -> None:
        self._remembered = remembered
        self._most_of_one = most_of_one
        self._most = most
        self._here: dict[tuple[int, str], MultiRunAtWork] = {}
        self._working: Counter[str] = Counter()
        self._is_closed = False

    @property
    def at_work(self) -> int:
        """The number of multi-runs in progress."""
        return self._working.total()

    async def start(
        self, caller: Caller, org_id: int, invocation: CommandInvocation, *, patience: float
    ) -> MultiRunAtWork:
        """Starts a multi-run, or returns the one that was started with the same identity.

        :raises Problem: if the identity was used for a different request, or too many are in progress
        """
        asked = {"invocation": invocation.to_json(), "patience": patience}
        found = await self.find(caller, org_id, invocation.identity)
        if found is None:
            self._check_room(caller.key)
            is_new = await self._remembered.remember(org_id, invocation.identity, asked, at=invocation.asked_at)
            try:
                found = await self.find(caller, org_id, invocation.identity)
            except Problem:
                # Others were started while it was stored.
                if is_new:
                    await self._remembered.forget(org_id, invocation.identity)
                raise
        assert found is not None  # noqa: S101 - it has just been stored
        if found.wish != _wish(asked):
            raise key_used()
        return found

    async def find(self, caller: Caller, org_id: int, identity: str) -> MultiRunAtWork | None:
        """A known multi-run; one that is not being executed continues with the caller's token.

        :raises Problem: if it would have to continue, and too many are in progress
        """
        place = (org_id, identity)
        if place in self._here and not self._here[place].is_broken:
            return self._here[place]
        known = await self._remembered.find(org_id, identity)
        # Another request may have loaded it while the database was read.
        if place in self._here and not self._here[place].is_broken:
            return self._here[place]
        if known is None:
            return None
        asked, answer = known
        at_work = MultiRunAtWork(begun(identity), wish=_wish(asked))
        if answer is not None:
            at_work.state, at_work.size = MultiRunResponse.model_validate(answer), len(json.dumps(answer))
        elif not self._is_closed:
            self._check_room(caller.key)
            self._work_on(at_work, caller, org_id, asked)
        self._here[place] = at_work
        self._forget_oldest()
        return at_work

    async def aclose(self) -> None:
        """Cancels what is in progress and starts nothing more; waiting callers get the state reached so far."""
        self._is_closed = True
        tasks = [each.task for each in self._here.values() if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _check_room(self, key: str) -> None:
        """:raises Problem: if too many are in progress"""
        retry = {"Retry-After": "30"}
        if self._working[key] >= self._most_of_one:
            detail = f"{self._most_of_one} multi-runs at once is the limit per token: wait until one has ended."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers=retry)
        if self.at_work >= self._most:
            detail = f"The server's limit of {self._most} concurrent multi-runs is reached."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=retry)

    def _work_on(self, at_work: MultiRunAtWork, caller: Caller, org_id: int, asked: dict[str, Any]) -> None:
        invocation = CommandInvocation.from_json(asked["invocation"])
        self._working[caller.key] += 1
        caller.at_work += 1
        at_work.task = asyncio.create_task(self._work_or_break(caller, org_id, invocation, asked["patience"], at_work))
        # Not at the end of the coroutine: if cancelled before its first step, it never runs.
        at_work.task.add_done_callback(partial(self._leave, caller))

    def _leave(self, caller: Caller, _task: asyncio.Task[None]) -> None:
        caller.at_work -= 1
        self._working[caller.key] -= 1
        self._working += Counter()

    async def _work_or_break(
        self, caller: Caller, org_id: int, invocation: CommandInvocation, patience: float, at_work: MultiRunAtWork
    ) -> None:
        try:
            await self._work(caller, org_id, invocation, patience, at_work)
        except Exception:  # noqa: BLE001 - logged; the next request for it resumes it
            _log.exception("multi_run.failed", multi_run=invocation.identity)

    async def _work(
        self,
        caller: Caller,
        org_id: int,
        invocation: CommandInvocation,
        patience: float,
        at_work: MultiRunAtWork,
    ) -> None:
        def told(_: CommandInvocation, reply: Reply) -> None:
            state = state_of(invocation.identity, reply)
            # The end is reported only once it is stored: a client that saw it must not see "running" after a restart.
            if state.status == "running":
                at_work.become(state)

        result = await caller.access.execute(org_id, invocation, told=told, patience=patience)
        if result.reply.reason is Reason.INTERRUPTED:
            # The server is shutting down. The request remains in the database without a result, and is resumed later.
            return
        state = state_of(invocation.identity, result.reply)
        answer = state.model_dump(mode="json")
        if result.runs or state.status == "completed":
            await self._remembered.end(org_id, invocation.identity, answer, asked={"wish": at_work.wish})
        else:
            await self._remembered.forget(org_id, invocation.identity)
        at_work.size = len(json.dumps(answer))
        at_work.become(state)
        _log.info("multi_run.done", multi_run=invocation.identity, status=state.status)
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Drops the oldest that have ended and have no subscribers."""
        idle = [place for place, each in self._here.items() if (each.has_ended or each.is_broken) and not each.changed]
        size = sum(each.size for each in self._here.values())
        for place in idle:
            if len(self._here) <= REMEMBERED and size <= MOST_BYTES:
                return
            size -= self._here.pop(place).size


def _wish(asked: dict[str, Any]) -> str:
    """A digest of the request, independent of its time."""
    if "wish" in asked:
        return str(asked["wish"])
    invocation = {name: value for name, value in asked["invocation"].items() if name != "asked_at"}
    text = json.dumps({**asked, "invocation": invocation}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
