"""Endpoints that start and show multi-runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus

from bot.commands.multi_run import MultiRun
from bot.web.api.endpoint import ApiRequest, ApiResponse
from bot.web.api.idempotency import invocation_of
from bot.web.api.models import MultiRunQuery, MultiRunRequest
from bot.web.api.multi_run_work import MultiRunAtWork
from bot.web.problems import Problem


async def create(call: ApiRequest) -> ApiResponse:
    """202 with the multi-run's Location, or with ``wait=true`` its final state."""
    wanted: MultiRunRequest = call.body
    command = MultiRun(
        prompt=wanted.prompt,
        attempts=wanted.concurrency,
        synthesis_prompt=wanted.synthesis_prompt,
        models=(wanted.model,) if wanted.model else (),
        repo_id=wanted.repo_id,
    )
    temperatures = {"temperature": wanted.temperature, "synthesis_temperature": wanted.synthesis_temperature}
    invocation = replace(invocation_of(call, command), waits=True, metadata={**(wanted.metadata or {}), **temperatures})
    at_work = await call.services.multi_runs.start(call.caller, call.org_id, invocation, patience=wanted.timeout)
    query: MultiRunQuery = call.query
    if query.wait and at_work.task is not None:
        # A caller who disconnects ends only the waiting, and so does a server that shuts down.
        await asyncio.wait([at_work.task])
    return ApiResponse(
        document=at_work.state,
        status=HTTPStatus.OK if at_work.has_ended else HTTPStatus.ACCEPTED,
        headers={"Location": f"/organizations/{call.org_id}/multi-run/{invocation.identity}"},
        runs=at_work.state.agent_runs,
    )


async def show(call: ApiRequest) -> ApiResponse:
    state = (await multi_run_of(call)).state
    return ApiResponse(document=state, runs=state.agent_runs)


async def multi_run_of(call: ApiRequest) -> MultiRunAtWork:
    """The multi-run in the path.

    :raises Problem: if the organization has no multi-run with that id
    """
    identity = call.request.match_info["multi_run_id"]
    found = await call.services.multi_runs.find(call.caller, call.org_id, identity)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "The organization has no multi-run of this id.")
    return found
