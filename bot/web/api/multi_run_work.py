"""The multi-runs that this server executes, and the finished ones."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Literal, Protocol

from bot import log
from bot.codegen.models import AgentRun
from bot.commands.multi_run_texts import Attempt, Attempts
from bot.execution.invocation import CommandInvocation
from bot.execution.reply import Reason, Reply
from bot.tasks import cancel_and_wait
from bot.text.markers import Stage
from bot.upstream import patient
from bot.web.api.caller import Caller
from bot.web.api.excerpts import cut_texts
from bot.web.api.failures import RETRY_AFTER, reused_key, unavailable
from bot.web.api.models import Candidate, MultiRunResponse
from bot.web.problems import Problem

_log = log.get(__name__)

MOST_PER_TOKEN = 10
"""Concurrent multi-runs of one token."""

MOST_IN_PROGRESS = 100
"""The same of all tokens together."""

MOST_CACHED = 1_000
"""Finished multi-runs kept in memory; the database keeps them longer."""

MOST_BYTES = 32 * 1024 * 1024
"""Bytes of their responses, as JSON."""

LONGEST_TEXT = 100_000
"""Characters of a result or a summary that are returned and stored; the run itself has the whole text."""


class MultiRunStore(Protocol):
    """The part of `bot.storage.runs.MultiRuns` used here."""

    async def remember(self, org_id: int, identity: str, invocation: dict[str, Any], *, at: Any) -> bool: ...
    async def end(self, org_id: int, identity: str, answer: dict[str, Any], *, request: dict[str, Any]) -> None: ...
    async def forget(self, org_id: int, identity: str) -> None: ...
    async def find(self, org_id: int, identity: str) -> tuple[dict[str, Any], dict[str, Any] | None] | None: ...


@dataclass(eq=False, slots=True)
class MultiRunInProgress:
    """A multi-run in this process.

    :param state: as last reported
    :param digest: of the request
    :param wakes: set after each change
    :param changes: their number
    :param size: bytes of the response, once it has ended
    """

    state: MultiRunResponse
    digest: str
    task: asyncio.Task[None] | None = None
    wakes: set[asyncio.Event] = field(default_factory=set)
    changes: int = 0
    size: int = 0

    @property
    def has_ended(self) -> bool:
        return self.state.status != "running"

    @property
    def is_broken(self) -> bool:
        """Whether it has not ended but is no longer being executed."""
        return not self.has_ended and self.task is not None and self.task.done()

    def update(self, state: MultiRunResponse) -> None:
        self.state = state
        self.changes += 1
        self.wake_all()

    def wake_all(self) -> None:
        for wake in self.wakes:
            wake.set()


class MultiRuns:
    """All multi-runs of this server, by organization and id.

    The request is stored before anything is started, and reduced to a digest at the end: prompts and metadata are then
    at Codegen. If no attempt could be started, nothing of it remains. The caller's token is never stored: after a
    restart, a multi-run continues when a caller who may see it requests it.

    :param most: concurrent multi-runs of all tokens together
    """

    def __init__(self, store: MultiRunStore, *, most: int = MOST_IN_PROGRESS) -> None:
        self._store = store
        self._most = most
        self._known: dict[tuple[int, str], MultiRunInProgress] = {}
        self._counts: Counter[str] = Counter()
        self._is_closed = False

    @property
    def in_progress(self) -> int:
        """The number of multi-runs in progress."""
        return self._counts.total()

    async def start(
        self, caller: Caller, org_id: int, invocation: CommandInvocation, *, run_timeout: float
    ) -> MultiRunInProgress:
        """Starts a multi-run, or returns the one that was started with the same identity.

        :raises Problem: if the identity was used for a different request, or too many are in progress
        """
        request = {"invocation": invocation.to_json(), "run_timeout": run_timeout}
        found = await self.find(caller, org_id, invocation.identity)
        if found is None:
            self._check_limits(caller.key)
            is_new = await self._store.remember(org_id, invocation.identity, request, at=invocation.requested_at)
            try:
                found = await self.find(caller, org_id, invocation.identity)
            except Problem:
                # Others were started while it was stored.
                if is_new:
                    await self._store.forget(org_id, invocation.identity)
                raise
        assert found is not None  # noqa: S101 - it has just been stored
        if found.digest != _digest(request):
            raise reused_key()
        return found

    async def find(self, caller: Caller, org_id: int, identity: str) -> MultiRunInProgress | None:
        """A known multi-run; one that is not being executed continues with the caller's token.

        :raises Problem: if it would have to continue, and too many are in progress
        """
        if (found := self._cached(org_id, identity)) is not None:
            return found
        stored = await self._store.find(org_id, identity)
        # Another request may have loaded it while the database was read.
        if (found := self._cached(org_id, identity)) is not None or stored is None:
            return found
        request, response = stored
        multi_run = MultiRunInProgress(state_of(identity), digest=_digest(request))
        if response is not None:
            multi_run.state, multi_run.size = MultiRunResponse.model_validate(response), len(json.dumps(response))
        elif not self._is_closed:
            self._check_limits(caller.key)
            self._continue(multi_run, caller, org_id, request)
        self._known[org_id, identity] = multi_run
        self._evict()
        return multi_run

    async def aclose(self) -> None:
        """Cancels what is in progress and starts nothing more; waiting callers get the state reached so far."""
        self._is_closed = True
        tasks = [each.task for each in self._known.values() if each.task is not None]
        await cancel_and_wait(*tasks)

    def _cached(self, org_id: int, identity: str) -> MultiRunInProgress | None:
        found = self._known.get((org_id, identity))
        return None if found is None or found.is_broken else found

    def _check_limits(self, key: str) -> None:
        """:raises Problem: if too many are in progress"""
        if self._counts[key] >= MOST_PER_TOKEN:
            detail = f"{MOST_PER_TOKEN} multi-runs at once is the limit per token: wait until one has ended."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": str(RETRY_AFTER)})
        if self.in_progress >= self._most:
            raise unavailable(f"The server's limit of {self._most} concurrent multi-runs is reached.")

    def _continue(self, multi_run: MultiRunInProgress, caller: Caller, org_id: int, request: dict[str, Any]) -> None:
        self._counts[caller.key] += 1
        caller.in_progress += 1
        work = self._execute(multi_run, caller, org_id, request)
        multi_run.task = asyncio.create_task(work, context=patient())
        # Not at the end of the coroutine: if cancelled before its first step, it never runs.
        multi_run.task.add_done_callback(partial(self._leave, caller, multi_run))

    def _leave(self, caller: Caller, multi_run: MultiRunInProgress, _task: asyncio.Task[None]) -> None:
        caller.in_progress -= 1
        self._counts[caller.key] -= 1
        self._counts += Counter()
        # If it is broken, nothing else reports that.
        multi_run.wake_all()

    async def _execute(
        self, multi_run: MultiRunInProgress, caller: Caller, org_id: int, request: dict[str, Any]
    ) -> None:
        invocation = CommandInvocation.from_json(request["invocation"])

        def on_reply(_: CommandInvocation, reply: Reply) -> None:
            state = state_of(invocation.identity, reply)
            # The end is reported only once it is stored: a client that saw it must not see "running" after a restart.
            if state.status == "running":
                multi_run.update(state)

        try:
            result = await caller.access.execute(
                org_id, invocation, on_reply=on_reply, run_timeout=request["run_timeout"]
            )
            if result.reply.reason is Reason.INTERRUPTED:
                # The server is shutting down. The request remains in the database without a result, and is resumed
                # later.
                return
            state = state_of(invocation.identity, result.reply)
            response = state.model_dump(mode="json")
            if result.runs or state.status == "completed":
                await self._store.end(org_id, invocation.identity, response, request={"digest": multi_run.digest})
            else:
                await self._store.forget(org_id, invocation.identity)
        except Exception:  # noqa: BLE001 - logged; the next request for it resumes it
            _log.exception("multi_run.failed", multi_run=invocation.identity)
            return
        multi_run.size = len(json.dumps(response))
        multi_run.update(state)
        _log.info("multi_run.done", multi_run=invocation.identity, status=state.status)
        self._evict()

    def _evict(self) -> None:
        """Drops the oldest that have ended and have no subscribers."""
        idle = [key for key, each in self._known.items() if (each.has_ended or each.is_broken) and not each.wakes]
        size = sum(each.size for each in self._known.values())
        for key in idle:
            if len(self._known) <= MOST_CACHED and size <= MOST_BYTES:
                return
            size -= self._known.pop(key).size


def state_of(identity: str, reply: Reply | None = None) -> MultiRunResponse:
    """A multi-run's state as the API returns it.

    :param reply: as reported while it is executed; None: nothing has been reported yet
    """
    if reply is None:
        reply = Reply(stage=Stage.ACCEPTED, text="Accepted.")
    data = reply.data if isinstance(reply.data, Attempts) else Attempts()
    synthesis = _cut(data.synthesis)
    runs = [run for attempt in data.attempts if (run := _cut(attempt.run)) is not None]
    good = [run for run in runs if run.succeeded]
    best = synthesis if synthesis and synthesis.succeeded else good[0] if len(good) == 1 else None
    status = _STATUSES.get(reply.stage, "running")
    return MultiRunResponse(
        id=identity,
        status=status,
        message=data.summary or reply.text,
        final=(best.result or best.summary) if best and status == "completed" else None,
        candidates=[_candidate(attempt) for attempt in data.attempts],
        agent_runs=[*runs, *([synthesis] if synthesis else [])],
    )


_STATUSES: dict[Stage, Literal["running", "completed", "failed"]] = {
    Stage.FINISHED: "completed",
    Stage.FAILED: "failed",
    Stage.REFUSED: "failed",
}


def _candidate(attempt: Attempt) -> Candidate:
    problem = attempt.problem or None
    run = _cut(attempt.run)
    if run is None:
        return Candidate(number=attempt.number, agent_run_id=None, status=None, succeeded=False, problem=problem)
    return Candidate(
        number=attempt.number,
        agent_run_id=run.id,
        status=run.status,
        succeeded=run.succeeded,
        result=run.result,
        summary=run.summary,
        pull_request_urls=[link.url for link in run.github_pull_requests if link.url],
        problem=problem,
    )


def _cut(run: AgentRun | None) -> AgentRun | None:
    return run and cut_texts(run, LONGEST_TEXT)


def _digest(request: dict[str, Any]) -> str:
    """A digest of the request, independent of when and by which client it was sent."""
    if "digest" in request:
        return str(request["digest"])
    varying = {"requested_at", "person", "via"}
    invocation = {name: value for name, value in request["invocation"].items() if name not in varying}
    text = json.dumps({**request, "invocation": invocation}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
