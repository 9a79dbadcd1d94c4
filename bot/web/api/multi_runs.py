"""Endpoints that start and show multi-runs, and choose one of their attempts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus

from bot.commands.confirm import Keep
from bot.commands.multi_run import MultiRun
from bot.web.api.endpoint import AnyRequest, ApiRequest, ApiResponse, NoParameters, PlainRequest
from bot.web.api.idempotency import execute, invocation_of
from bot.web.api.models import KeepRequest, Kept, MultiRunQuery, MultiRunRequest, MultiRunResponse
from bot.web.api.multi_run_work import MultiRunInProgress
from bot.web.api.run_diff import forget_diffs
from bot.web.problems import Problem


async def create_multi_run(call: ApiRequest[MultiRunQuery, MultiRunRequest]) -> ApiResponse[MultiRunResponse]:
    """Runs several agents on the same prompt and merges the best results.

    202 with the multi-run's Location, or with ``wait=true`` its final state.
    """
    body = call.body
    command = MultiRun(
        prompt=body.prompt,
        attempts=body.concurrency,
        synthesis_prompt=body.synthesis_prompt,
        models=(body.model,) if body.model else (),
        repo_id=body.repo_id,
    )
    temperatures = {"temperature": body.temperature, "synthesis_temperature": body.synthesis_temperature}
    given = {name: value for name, value in temperatures.items() if value is not None}
    invocation = replace(
        await invocation_of(call, command), waits=True, metadata={**(body.metadata or {}), **given} or None
    )
    found = await call.services.multi_runs.start(call.caller, call.org_id, invocation, run_timeout=body.timeout)
    if call.query.wait and found.task is not None:
        # A caller who disconnects ends only the waiting, and so does a server that shuts down.
        await asyncio.wait([found.task])
    return ApiResponse(
        document=found.state,
        status=HTTPStatus.OK if found.has_ended else HTTPStatus.ACCEPTED,
        headers={"Location": f"/organizations/{call.org_id}/multi-run/{invocation.identity}"},
        runs=found.state.agent_runs,
    )


async def get_multi_run(call: PlainRequest) -> ApiResponse[MultiRunResponse]:
    """A multi-run's status."""
    state = (await multi_run_of(call)).state
    return ApiResponse(document=state, runs=state.agent_runs)


async def keep_attempt(call: ApiRequest[NoParameters, KeepRequest]) -> ApiResponse[Kept]:
    """Keeps one attempt of a multi-run, or its synthesis, and closes the others' pull requests.

    The multi-run may also have been started by a comment, the Action or the command line.
    """
    identity = call.request.match_info["multi_run_id"]
    known = await call.services.multi_runs.find(call.caller, call.org_id, identity)
    found = known.state.agent_runs if known else []
    if not found:
        runs = await call.services.indexes.all(call.caller.key, call.org_id, call.codegen)
        found = [run for run in runs if (run.metadata or {}).get("multi_run_id") == identity]
    if not found:
        raise Problem(HTTPStatus.NOT_FOUND, "The organization has no multi-run of this id.")
    command = Keep(call.body.attempt, runs=tuple(sorted(run.id for run in found)))
    reply = await execute(call, command, unexplained=HTTPStatus.CONFLICT)
    call.services.cache.forget(call.caller.key, call.org_id, "run")
    forget_diffs(call)
    return ApiResponse(document=Kept(id=identity, message=reply.text), runs=found)


async def multi_run_of(call: AnyRequest) -> MultiRunInProgress:
    """The multi-run in the path.

    :raises Problem: if the organization has no multi-run with that id
    """
    identity = call.request.match_info["multi_run_id"]
    found = await call.services.multi_runs.find(call.caller, call.org_id, identity)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "The organization has no multi-run of this id.")
    return found
