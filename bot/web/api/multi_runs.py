"""Multi-runs: asked for, shown, told of while they work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Protocol

from bot import log
from bot.commands.multi_run import MultiRun
from bot.handlers.order import Order
from bot.replies.markers import Stage
from bot.replies.multi_run import Attempts
from bot.replies.reason import Reason
from bot.replies.reply import Reply
from bot.web.api.caller import Caller
from bot.web.api.endpoint import Answer, Call
from bot.web.api.models import Candidate, MultiRunQuery, MultiRunRequest, MultiRunResponse
from bot.web.api.orders import key_used, order_of
from bot.web.problems import Problem

_log = log.get(__name__)

REMEMBERED = 1_000
"""Ended multi-runs that are kept in memory; the database keeps them longer."""


class Remembered(Protocol):
    """Of `bot.store.multi_runs.MultiRuns`."""

    async def remember(self, org_id: int, identity: str, order: dict[str, Any], *, at: Any) -> bool: ...
    async def end(self, org_id: int, identity: str, answer: dict[str, Any]) -> None: ...
    async def find(self, org_id: int, identity: str) -> tuple[dict[str, Any], dict[str, Any] | None] | None: ...


@dataclass(eq=False, slots=True)
class MultiRunAtWork:
    """One of this process.

    :param state: as it was last told
    :param changed: is called after each change
    """

    state: MultiRunResponse
    task: asyncio.Task[None] | None = None
    changed: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_broken(self) -> bool:
        """Whether nobody works on what has not ended."""
        return self.state.status == "running" and self.task is not None and self.task.done()

    def become(self, state: MultiRunResponse) -> None:
        self.state = state
        for call in [*self.changed]:
            call()


class MultiRuns:
    """All multi-runs of this server, by organization and id.

    What was asked for is written down before anything is begun. The caller's token is not: after a restart, a multi-run
    goes on when somebody who may see it asks for it.
    """

    def __init__(self, remembered: Remembered) -> None:
        self._remembered = remembered
        self._here: dict[tuple[int, str], MultiRunAtWork] = {}
        self._is_closed = False

    async def start(self, caller: Caller, org_id: int, order: Order, *, patience: float) -> MultiRunAtWork:
        """Begins it; one that was begun under the same identity is given back.

        :raises Problem: where something else was asked for under it
        """
        asked = {"order": order.to_json(), "patience": patience}
        if not await self._remembered.remember(org_id, order.identity, asked, at=order.asked_at):
            known = await self._remembered.find(org_id, order.identity)
            if known is not None and _wish(known[0]) != _wish(asked):
                raise key_used()
        found = await self.find(caller, org_id, order.identity)
        assert found is not None  # noqa: S101 - it has just been written down
        return found

    async def find(self, caller: Caller, org_id: int, identity: str) -> MultiRunAtWork | None:
        """One that there is, going on by the caller's token where nobody is at it."""
        place = (org_id, identity)
        if place in self._here and not self._here[place].is_broken:
            return self._here[place]
        known = await self._remembered.find(org_id, identity)
        if known is None:
            return None
        # Another request may have come first while the database was read.
        if place in self._here and not self._here[place].is_broken:
            return self._here[place]
        asked, answer = known
        at_work = self._here[place] = MultiRunAtWork(_begun(identity))
        if answer is not None:
            at_work.state = MultiRunResponse.model_validate(answer)
        elif not self._is_closed:
            order = Order.from_json(asked["order"])
            at_work.task = asyncio.create_task(self._work_or_break(caller, org_id, order, asked["patience"], at_work))
        self._forget_oldest()
        return at_work

    async def aclose(self) -> None:
        """Cuts off what is at work, and begins nothing any more; whoever waits is told how far it was."""
        self._is_closed = True
        tasks = [each.task for each in self._here.values() if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work_or_break(
        self, caller: Caller, org_id: int, order: Order, patience: float, at_work: MultiRunAtWork
    ) -> None:
        caller.at_work += 1
        try:
            await self._work(caller, org_id, order, patience, at_work)
        except Exception:  # noqa: BLE001 - logged; whoever asks next has it gone on with
            _log.exception("multi-run.broken", multi_run=order.identity)
        finally:
            caller.at_work -= 1

    async def _work(
        self,
        caller: Caller,
        org_id: int,
        order: Order,
        patience: float,
        at_work: MultiRunAtWork,
    ) -> None:
        def told(_: Order, reply: Reply) -> None:
            state = _response(order.identity, reply)
            # Its end is told when it is written down: whoever has heard it must not hear "running" after a restart.
            if state.status == "running":
                at_work.become(state)

        carried = await caller.access.carry_out(org_id, order, told=told, patience=patience)
        if carried.reply.reason is Reason.INTERRUPTED:
            # The server ends. What was asked for stands in the database without an answer, and is gone on with.
            return
        state = _response(order.identity, carried.reply)
        await self._remembered.end(org_id, order.identity, state.model_dump(mode="json"))
        at_work.become(state)
        _log.info("multi-run.done", multi_run=order.identity, status=state.status)

    def _forget_oldest(self) -> None:
        ended = [
            place
            for place, each in self._here.items()
            if (each.state.status != "running" or each.is_broken) and not each.changed
        ]
        for place in ended[: max(0, len(self._here) - REMEMBERED)]:
            del self._here[place]


async def create(call: Call) -> Answer:
    """202 with the address at which it can be asked for, or with ``wait=true`` its end."""
    wanted: MultiRunRequest = call.body
    command = MultiRun(
        prompt=wanted.prompt,
        attempts=wanted.concurrency,
        synthesis_prompt=wanted.synthesis_prompt,
        models=(wanted.model,) if wanted.model else (),
        repo_id=wanted.repo_id,
    )
    temperatures = {"temperature": wanted.temperature, "synthesis_temperature": wanted.synthesis_temperature}
    order = replace(order_of(call, command), waits=True, metadata={**(wanted.metadata or {}), **temperatures})
    at_work = await call.services.multi_runs.start(call.caller, call.org_id, order, patience=wanted.timeout)
    query: MultiRunQuery = call.query
    if query.wait and at_work.task is not None:
        # A caller who goes away ends only the waiting; so does a server that stops.
        await asyncio.wait([at_work.task])
    has_ended = at_work.state.status != "running"
    return Answer(
        document=at_work.state,
        status=HTTPStatus.OK if has_ended else HTTPStatus.ACCEPTED,
        headers={"Location": f"/organizations/{call.org_id}/multi-run/{order.identity}"},
    )


async def show(call: Call) -> Answer:
    return Answer(document=(await multi_run_of(call)).state)


async def multi_run_of(call: Call) -> MultiRunAtWork:
    """The multi-run in the path.

    :raises Problem: where the organization has none of that id
    """
    identity = call.request.match_info["multi_run_id"]
    found = await call.services.multi_runs.find(call.caller, call.org_id, identity)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "The organization has no multi-run of this id.")
    return found


def _wish(asked: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, whenever that was; as it comes back from the database."""
    order = {name: value for name, value in asked["order"].items() if name != "asked_at"}
    wish: dict[str, Any] = json.loads(json.dumps({**asked, "order": order}))
    return wish


def _begun(identity: str) -> MultiRunResponse:
    return MultiRunResponse(
        id=identity, status="running", message="Accepted.", final=None, candidates=[], agent_runs=[]
    )


def _response(identity: str, reply: Reply) -> MultiRunResponse:
    attempts = reply.data if isinstance(reply.data, Attempts) else Attempts()
    runs = [attempt.run for attempt in attempts.attempts if attempt.run is not None]
    good = [run for run in runs if run.succeeded]
    best = attempts.synthesis if attempts.synthesis and attempts.synthesis.succeeded else None
    if best is None and len(good) == 1:
        best = good[0]
    status = {Stage.FINISHED: "completed", Stage.FAILED: "failed", Stage.REFUSED: "failed"}.get(reply.stage, "running")
    return MultiRunResponse.model_validate(
        {
            "id": identity,
            "status": status,
            "message": reply.text.partition("\n")[0],
            "final": (best.result or best.summary) if best and status == "completed" else None,
            "candidates": [
                Candidate(
                    number=attempt.number,
                    agent_run_id=attempt.run.id if attempt.run else None,
                    status=attempt.run.status if attempt.run else None,
                    succeeded=attempt.run is not None and attempt.run.succeeded,
                    result=attempt.run.result if attempt.run else None,
                    summary=attempt.run.summary if attempt.run else None,
                    pull_request_urls=[link.url for link in attempt.run.github_pull_requests if link.url]
                    if attempt.run
                    else [],
                    problem=attempt.problem or None,
                )
                for attempt in attempts.attempts
            ],
            "agent_runs": [*runs, *([attempts.synthesis] if attempts.synthesis else [])],
        }
    )
