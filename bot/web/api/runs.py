"""Endpoints that start, show, list and resume agent runs, ban their checks, and remove Codegen from pull requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from bot.codegen.client import PAGE_SIZE
from bot.codegen.models import AgentRun, RunsPage
from bot.codegen.states import is_known
from bot.commands.ban_checks import BanChecks, UnbanChecks
from bot.commands.remove import Remove
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.handlers.pull_request_location import location_of
from bot.web.api.endpoint import ApiRequest, ApiResponse
from bot.web.api.excerpts import is_cut
from bot.web.api.idempotency import execute, invocation_of, once
from bot.web.api.listing import chosen, page_with
from bot.web.api.models import AgentRunRequest, Done, LogsQuery, PageQuery, ResumeRequest, RunsQuery, ShownRun
from bot.web.problems import Problem

RUN_KEPT = 2.0
"""Seconds for which runs' states are cached."""


WHOLE_RUN_KEPT = 60.0
"""The same for the long texts of a finished run."""


async def create(call: ApiRequest) -> ApiResponse:
    """Starts a run; with an `Idempotency-Key`, a run that was started under it before is returned."""
    wanted: AgentRunRequest = call.body
    invocation = invocation_of(call, Run(wanted.prompt))
    run = await once(
        call,
        invocation,
        lambda ctx: ctx.runs.create(
            wanted.prompt,
            metadata={**(wanted.metadata or {}), "temperature": wanted.temperature},
            model=wanted.model,
            agent_type=wanted.agent_type,
            repo_id=wanted.repo_id,
            images=wanted.images or (),
        ),
    )
    _forget_runs(call)
    return ApiResponse(document=run, runs=[run])


async def show(call: ApiRequest) -> ApiResponse:
    run = await run_of(call)
    await call.services.ends.saw(call.org_id, [run])
    [shown] = await _with_ends(call, [run])
    return ApiResponse(document=shown, runs=[run])


async def _with_ends(call: ApiRequest, runs: Sequence[AgentRun]) -> list[ShownRun]:
    ends = await call.services.ends.of(call.org_id, runs)
    return [ShownRun(**dict(run), ended_at=ends.get(run.id)) for run in runs]


async def run_of(call: ApiRequest) -> AgentRun:
    """The run in the path. One cached read of the newest runs serves requests for any of them; others are read
    singly.
    """
    newest = await _page(call, skip=0, limit=PAGE_SIZE)
    found = next((run for run in newest.runs if run.id == call.run_id), None)
    return found or await run_alone(call)


async def run_alone(call: ApiRequest) -> AgentRun:
    """The same, read singly: access is decided by Codegen's response for this run, not by a list."""
    key = (call.caller.key, call.org_id, f"run {call.run_id}")
    return await call.services.cache.get(key, lambda: call.codegen.run(call.run_id), seconds=RUN_KEPT)


async def _page(call: ApiRequest, *, skip: int, limit: int) -> RunsPage:
    key = (call.caller.key, call.org_id, f"runs {skip} {limit}")
    return await call.services.cache.get(key, lambda: call.codegen.runs_slice(skip=skip, limit=limit), seconds=RUN_KEPT)


def _forget_runs(call: ApiRequest) -> None:
    """Invalidates the cache after a change, so that the caller sees it."""
    call.services.cache.forget(call.caller.key, call.org_id, "run")


async def list_(call: ApiRequest) -> ApiResponse:
    """Codegen's own page if nothing is filtered or sorted; else a page of the index of all runs."""
    query: RunsQuery = call.query
    if query.status is not None and not is_known(query.status):
        message = "is no status that Codegen uses"
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"status: {message}.", errors=[{"field": "status", "message": message}]
        )
    if query == RunsQuery(skip=query.skip, limit=query.limit):
        page = await _page(call, skip=query.skip, limit=query.limit)
        await call.services.ends.saw(call.org_id, page.runs)
        return replace(page_with(await _with_ends(call, page.runs), page.total, query, call.request), runs=page.runs)
    stars = await call.services.stars.all(call.org_id, repository=None) if query.starred is not None else []
    runs = await call.services.indexes.all(call.caller.key, call.org_id, call.codegen, user_id=query.user_id)
    found = chosen(runs, query, starred=frozenset(star.run_id for star in stars))
    shown = found[query.skip : query.skip + query.limit]
    if query.multi_run_id is not None:
        # Only a few, whose results are compared.
        shown = [await _whole(call, run) for run in shown]
    return replace(page_with(await _with_ends(call, shown), len(found), query, call.request), runs=shown)


async def _whole(call: ApiRequest, known: AgentRun) -> AgentRun:
    """The full run for an index's excerpt; cached until the excerpt changes or a while has passed."""
    if not is_cut(known):
        return known
    key = (call.caller.key, call.org_id, f"whole run {known.id} {known.status} {hash(known.result)}")
    seconds = WHOLE_RUN_KEPT if known.finished else RUN_KEPT
    return await call.services.cache.get(key, lambda: call.codegen.run(known.id), seconds=seconds)


async def resume(call: ApiRequest) -> ApiResponse:
    wanted: ResumeRequest = call.body
    before = await call.codegen.run(call.run_id)
    invocation = invocation_of(call, Resume(wanted.prompt, run=call.run_id))
    run = await once(call, invocation, lambda ctx: ctx.runs.resume(before, wanted.prompt, images=wanted.images or ()))
    _forget_runs(call)
    return ApiResponse(document=run, runs=[run])


async def ban_all_checks(call: ApiRequest) -> ApiResponse:
    return await _told(call, BanChecks(call.run_id), call.body.reason)


async def unban_all_checks(call: ApiRequest) -> ApiResponse:
    return await _told(call, UnbanChecks(call.run_id), call.body.reason)


async def remove_codegen_from_pr(call: ApiRequest) -> ApiResponse:
    number = call.body.pr_number
    if number is not None:
        links = [location_of(link) for link in (await run_of(call)).github_pull_requests]
        if number not in {place[1] for place in links if place}:
            message = f"is none of run {call.run_id}'s pull requests"
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"pr_number: {number} {message}.",
                errors=[{"field": "pr_number", "message": message}],
            )
    return await _told(call, Remove(call.run_id), call.body.reason)


async def logs(call: ApiRequest) -> ApiResponse:
    query: LogsQuery = call.query
    page = await call.codegen.logs_page(call.run_id, skip=query.skip, limit=query.limit, reverse=query.reverse)
    shown = page_with(
        page.logs, page.total_logs or len(page.logs), PageQuery(skip=query.skip, limit=query.limit), call.request
    )
    document = page.model_copy(update={"logs": page.logs})
    return ApiResponse(document=document, headers=shown.headers, runs=[await run_of(call)])


async def _told(call: ApiRequest, command: BanChecks | UnbanChecks | Remove, reason: str | None) -> ApiResponse:
    """Executes it like a command in a thread, labels included; the reason is posted on the run's pull requests."""
    reply = await execute(call, command)
    access, run = call.caller.access, await run_of(call)
    told = await call.services.tell_reason(access, call.org_id, run, command.USAGE.name, reason)
    message = "\n\n".join(part for part in (reply.text, told) if part)
    return ApiResponse(document=Done(agent_run_id=call.run_id, message=message), runs=[run])
