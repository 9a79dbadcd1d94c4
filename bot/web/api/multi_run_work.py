"""The multi-runs that this server works on, and those that have ended."""

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
"""Multi-runs of one token that are worked on at the same time."""

MOST_AT_WORK = 100
"""The same of all tokens together."""

REMEMBERED = 1_000
"""Ended multi-runs that are kept in memory; the database keeps them longer."""

MOST_BYTES = 32 * 1024 * 1024
"""Of their answers, as JSON."""


class Remembered(Protocol):
    """Of `bot.store.multi_runs.MultiRuns`."""

    async def remember(self, org_id: int, identity: str, invocation: dict[str, Any], *, at: Any) -> bool: ...
    async def end(self, org_id: int, identity: str, answer: dict[str, Any], *, asked: dict[str, Any]) -> None: ...
    async def forget(self, org_id: int, identity: str) -> None: ...
    async def find(self, org_id: int, identity: str) -> tuple[dict[str, Any], dict[str, Any] | None] | None: ...


@dataclass(eq=False, slots=True)
class MultiRunAtWork:
    """One of this process.

    :param state: as it was last told
    :param wish: a digest of what was asked for
    :param changed: is called after each change
    :param size: bytes of the answer, where it has ended
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
        """Whether nobody works on what has not ended."""
        return not self.has_ended and self.task is not None and self.task.done()

    def become(self, state: MultiRunResponse) -> None:
        self.state = state
        for call in [*self.changed]:
            call()


class MultiRuns:
    """All multi-runs of this server, by organization and id.

    What was asked for is written down before anything is begun, and reduced to a digest when it has ended: prompts and
    metadata are then at Codegen. Where no attempt could be started nothing of it stays. The caller's token is never
    written down: after a restart, a multi-run goes on when somebody who may see it asks for it.

    :param most_of_one: multi-runs of one token at the same time
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
        """How many are worked on."""
        return self._working.total()

    async def start(
        self, caller: Caller, org_id: int, invocation: CommandInvocation, *, patience: float
    ) -> MultiRunAtWork:
        """Begins it; one that was begun under the same identity is given back.

        :raises Problem: where something else was asked for under it, or too many are at work
        """
        asked = {"invocation": invocation.to_json(), "patience": patience}
        found = await self.find(caller, org_id, invocation.identity)
        if found is None:
            self._check_room(caller.key)
            is_new = await self._remembered.remember(org_id, invocation.identity, asked, at=invocation.asked_at)
            try:
                found = await self.find(caller, org_id, invocation.identity)
            except Problem:
                # Others came first while it was written down.
                if is_new:
                    await self._remembered.forget(org_id, invocation.identity)
                raise
        assert found is not None  # noqa: S101 - it has just been written down
        if found.wish != _wish(asked):
            raise key_used()
        return found

    async def find(self, caller: Caller, org_id: int, identity: str) -> MultiRunAtWork | None:
        """One that there is, going on by the caller's token where nobody is at it.

        :raises Problem: where it would have to go on, and too many are at work
        """
        place = (org_id, identity)
        if place in self._here and not self._here[place].is_broken:
            return self._here[place]
        known = await self._remembered.find(org_id, identity)
        # Another request may have come first while the database was read.
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
        """Cuts off what is at work, and begins nothing any more; whoever waits is told how far it was."""
        self._is_closed = True
        tasks = [each.task for each in self._here.values() if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _check_room(self, key: str) -> None:
        """:raises Problem: where too many are at work"""
        retry = {"Retry-After": "30"}
        if self._working[key] >= self._most_of_one:
            detail = f"{self._most_of_one} multi-runs at once are the most for one token: one of them has to end first."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers=retry)
        if self.at_work >= self._most:
            detail = f"The server works on {self._most} multi-runs, and on no more at once."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=retry)

    def _work_on(self, at_work: MultiRunAtWork, caller: Caller, org_id: int, asked: dict[str, Any]) -> None:
        invocation = CommandInvocation.from_json(asked["invocation"])
        self._working[caller.key] += 1
        caller.at_work += 1
        at_work.task = asyncio.create_task(self._work_or_break(caller, org_id, invocation, asked["patience"], at_work))
        # Not at the end of the coroutine: one that is cut off before it has begun has none.
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
        except Exception:  # noqa: BLE001 - logged; whoever asks next has it gone on with
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
            # Its end is told when it is written down: whoever has heard it must not hear "running" after a restart.
            if state.status == "running":
                at_work.become(state)

        carried = await caller.access.execute(org_id, invocation, told=told, patience=patience)
        if carried.reply.reason is Reason.INTERRUPTED:
            # The server ends. What was asked for stands in the database without an answer, and is gone on with.
            return
        state = state_of(invocation.identity, carried.reply)
        answer = state.model_dump(mode="json")
        if carried.runs or state.status == "completed":
            await self._remembered.end(org_id, invocation.identity, answer, asked={"wish": at_work.wish})
        else:
            await self._remembered.forget(org_id, invocation.identity)
        at_work.size = len(json.dumps(answer))
        at_work.become(state)
        _log.info("multi_run.done", multi_run=invocation.identity, status=state.status)
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Of those that have ended, and that nobody listens to."""
        idle = [place for place, each in self._here.items() if (each.has_ended or each.is_broken) and not each.changed]
        size = sum(each.size for each in self._here.values())
        for place in idle:
            if len(self._here) <= REMEMBERED and size <= MOST_BYTES:
                return
            size -= self._here.pop(place).size


def _wish(asked: dict[str, Any]) -> str:
    """A digest of what was asked for, whenever that was."""
    if "wish" in asked:
        return str(asked["wish"])
    invocation = {name: value for name, value in asked["invocation"].items() if name != "asked_at"}
    text = json.dumps({**asked, "invocation": invocation}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
