"""Endpoints that start, show, list and resume agent runs, ban their checks, and remove Codegen from pull requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from bot import log
from bot.codegen.completion_times import UNKNOWN_TIMES, RunTimes
from bot.codegen.models import PAGE_SIZE, AgentRun, LogEntry, LogPage, RunsPage, is_known
from bot.commands.analyze_logs import AnalyzeLogs
from bot.commands.ban_checks import BanChecks, Cancel, Remove, UnbanChecks, how_to_stop
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.setup_commands import SetupCommands
from bot.errors import OffloadError, UpstreamError
from bot.execution import agent_types
from bot.execution.phrases import change_made, reason_not_posted, reason_posted
from bot.execution.prompts import logs_prompt
from bot.execution.run_marks import author_of, location_of, threads_of, title_of
from bot.github.models import Permission
from bot.text.redaction.redact import redact
from bot.text.redaction.redacting import call_redacted
from bot.web.api.endpoint import STALENESS, AnyRequest, ApiRequest, ApiResponse, NoParameters, PlainRequest, invalid
from bot.web.api.excerpts import is_cut
from bot.web.api.failures import plain
from bot.web.api.idempotency import create_once, execute, via_of
from bot.web.api.listing import matching, page_with
from bot.web.api.models import (
    AgentRunRequest,
    AnalyzeSandboxLogsRequest,
    BanChecksRequest,
    CancelRequest,
    Done,
    LogsQuery,
    PageOf,
    PageQuery,
    RemoveCodegenRequest,
    ResumeRequest,
    RunsQuery,
    SetupCommandsRequest,
    ShownRun,
)
from bot.web.problems import Problem

_log = log.get(__name__)

RUN_TTL = 2.0
"""Seconds for which runs' states are cached."""

WHOLE_RUN_TTL = 60.0
"""The same for the long texts of a finished run."""


MOST_LOG_PAGES = 5
"""Pages of a log that are read for the time for which a run worked."""


async def create_agent_run(call: ApiRequest[NoParameters, AgentRunRequest]) -> ApiResponse[AgentRun]:
    """Starts an agent run; the same `Idempotency-Key` starts it once."""
    body = call.body
    agents = call.caller.access.agents(call.org_id)
    if body.agent_type is not None and agent_types.find(body.agent_type, agents) is None:
        raise invalid("agent_type", f"must be {plain(agent_types.in_words(agents or ()))}")
    temperature = {} if body.temperature is None else {"temperature": body.temperature}
    run = await create_once(
        call,
        Run(body.prompt),
        lambda ctx: ctx.runs.create(
            body.prompt,
            metadata={**(body.metadata or {}), **temperature},
            model=body.model,
            agent_type=body.agent_type,
            repo_id=body.repo_id,
            images=body.images or (),
        ),
    )
    _forget_runs(call)
    return ApiResponse(document=run, runs=[run])


async def get_agent_run(call: PlainRequest) -> ApiResponse[ShownRun]:
    """A run's status."""
    run = await run_of(call)
    if STALENESS not in call.request:
        await call.services.ends.record(call.org_id, [run])
    [shown] = await _with_ends(call, [run])
    if run.finished and shown.ended_at is None:
        await call.cached(f"end of run {run.id} {run.status}", lambda: _read_end(call, run), ttl=WHOLE_RUN_TTL)
        [shown] = await _with_ends(call, [run])
    return ApiResponse(document=shown, runs=[run])


async def _read_end(call: PlainRequest, run: AgentRun) -> None:
    """Has the end of a run that nothing saw taken from its log."""
    entries: list[LogEntry] = []
    is_whole = False
    try:
        while not is_whole and len(entries) < MOST_LOG_PAGES * PAGE_SIZE:
            page = await call.codegen.logs_page(run.id, skip=len(entries), limit=PAGE_SIZE, reverse=True)
            entries += page.logs
            is_whole = len(page.logs) < PAGE_SIZE
    except UpstreamError as error:
        _log.info("run.end_not_read", run=run.id, reason=str(error))
        return
    await call.services.ends.record_log(call.org_id, run, entries[::-1], is_whole=is_whole)


async def get_agent_runs(call: ApiRequest[RunsQuery, None]) -> ApiResponse[PageOf[ShownRun]]:
    """The organization's runs, filtered and sorted over all pages."""
    query = call.query
    if query.status is not None and not is_known(query.status):
        raise invalid("status", "is not one of Codegen's statuses")
    if query == RunsQuery(skip=query.skip, limit=query.limit):
        page = await _page(call, skip=query.skip, limit=query.limit)
        if STALENESS not in call.request:
            await call.services.ends.record(call.org_id, page.runs)
        return await _shown(call, page.runs, page.total)
    stars = await call.services.stars.all(call.org_id, repository=None) if query.starred is not None else []
    runs = await call.services.indexes.all(
        call.caller.key, call.org_id, call.codegen, user_id=query.user_id, on_stale=call.mark_stale
    )
    found = matching(runs, query, starred=frozenset(star.run_id for star in stars))
    shown = found[query.skip : query.skip + query.limit]
    if query.multi_run_id is not None:
        # Only a few, whose results are compared.
        shown = [await _whole(call, run) for run in shown]
    return await _shown(call, shown, len(found))


async def resume_agent_run(call: ApiRequest[NoParameters, ResumeRequest]) -> ApiResponse[AgentRun]:
    """Resumes a run with a follow-up prompt."""
    body = call.body
    before = await call.codegen.run(call.run_id)
    run = await create_once(
        call,
        Resume(body.prompt, run=call.run_id),
        lambda ctx: ctx.runs.resume(before, body.prompt, images=body.images or ()),
    )
    _forget_runs(call)
    return ApiResponse(document=run, runs=[run])


async def ban_all_checks(call: ApiRequest[NoParameters, BanChecksRequest]) -> ApiResponse[Done]:
    """Stops Codegen from reacting to the checks of the run's pull request, and stops its agents there."""
    return await _act(call, BanChecks(call.run_id), call.body.reason)


async def unban_all_checks(call: ApiRequest[NoParameters, BanChecksRequest]) -> ApiResponse[Done]:
    """Lets Codegen react to them again."""
    return await _act(call, UnbanChecks(call.run_id), call.body.reason)


async def remove_codegen_from_pr(call: ApiRequest[NoParameters, RemoveCodegenRequest]) -> ApiResponse[Done]:
    """Removes Codegen from the run's pull request."""
    number = call.body.pr_number
    if number is not None:
        links = [location_of(link) for link in (await run_of(call)).github_pull_requests]
        if number not in {location[1] for location in links if location}:
            raise invalid("pr_number", f"is {number}, which is none of run {call.run_id}'s pull requests")
    return await _act(call, Remove(call.run_id), call.body.reason)


async def cancel_run(call: ApiRequest[NoParameters, CancelRequest]) -> ApiResponse[Done]:
    """Stops a run that is `cancellable`; what its agent has done so far is kept."""
    run = await run_alone(call)
    if run.finished or not run.cancellable:
        raise Problem(HTTPStatus.CONFLICT, how_to_stop(run, prefix="/codegen").text)
    reply = await execute(call, Cancel(run.id))
    _forget_runs(call)
    return ApiResponse(document=Done(agent_run_id=run.id, message=reply.text), runs=[run])


async def get_agent_run_logs(call: ApiRequest[LogsQuery, None]) -> ApiResponse[LogPage]:
    """A part of a run's log, with the run's status."""
    query = call.query
    page = await call.codegen.logs_page(call.run_id, skip=query.skip, limit=query.limit, reverse=query.reverse)
    listed = page_with(
        page.logs, page.total_logs or len(page.logs), PageQuery(skip=query.skip, limit=query.limit), call.request
    )
    return ApiResponse(document=page, headers=listed.headers, runs=[await run_of(call)])


async def generate_setup_commands(call: ApiRequest[NoParameters, SetupCommandsRequest]) -> ApiResponse[AgentRun]:
    """Has Codegen generate a repository's setup commands.

    Codegen accepts only a prompt; everything else that is known of the repository is added to it.
    """
    body = call.body
    known = (("Language", body.language), ("Framework", body.framework), ("More about it", body.additional_info))
    parts = [body.prompt or "", *(f"{name}: {value}" for name, value in known if value)]
    prompt = "\n\n".join(part for part in parts if part) or None
    run = await create_once(
        call, SetupCommands(), lambda ctx: ctx.runs.generate_setup_commands(body.repo_id, prompt=prompt)
    )
    return ApiResponse(document=run, runs=[run])


async def analyze_sandbox_logs(call: ApiRequest[NoParameters, AnalyzeSandboxLogsRequest]) -> ApiResponse[AgentRun]:
    """Has Codegen analyze a sandbox's setup, or the given logs.

    Codegen analyzes a sandbox's logs itself; logs in the request are redacted and passed to an agent run.
    """
    body = call.body
    command, sandbox_id = AnalyzeLogs(body.sandbox_id), body.sandbox_id
    if sandbox_id is not None:
        return ApiResponse(
            document=await create_once(call, command, lambda ctx: ctx.runs.analyze_sandbox_logs(sandbox_id))
        )
    patterns = await call.services.patterns.for_no_run(call.org_id)
    logs, context = [
        await call.services.offload.run(partial(redact, text or "", patterns), is_slow=bool(patterns))
        for text in (body.logs, body.context)
    ]
    prompt = logs_prompt(logs, context=context)
    return ApiResponse(document=await create_once(call, command, lambda ctx: ctx.runs.create(prompt)))


async def run_of(call: AnyRequest) -> AgentRun:
    """The run in the path. One cached read of the newest runs serves requests for any of them; others are read
    singly.
    """
    newest = await _page(call, skip=0, limit=PAGE_SIZE)
    found = next((run for run in newest.runs if run.id == call.run_id), None)
    return found or await run_alone(call, may_be_stale=True)


async def run_alone(call: AnyRequest, *, may_be_stale: bool = False) -> AgentRun:
    """The same, read singly: access is decided by Codegen's response for this run, not by a list."""
    resource = f"run {call.run_id}"
    return await call.cached(resource, partial(_read, call, call.run_id), ttl=RUN_TTL, may_be_stale=may_be_stale)


async def _read(call: AnyRequest, run_id: int) -> AgentRun:
    [run] = await call.services.marks.added_to(call.org_id, [await call.codegen.run(run_id)])
    return run


async def _page(call: AnyRequest, *, skip: int, limit: int) -> RunsPage:
    async def read() -> RunsPage:
        page = await call.codegen.runs_slice(skip=skip, limit=limit)
        return page.model_copy(update={"runs": await call.services.marks.added_to(call.org_id, page.runs)})

    return await call.cached(
        f"runs {skip} {limit}",
        read,
        ttl=RUN_TTL,
        may_be_stale=True,
    )


def _forget_runs(call: AnyRequest) -> None:
    """Invalidates the cache after a change, so that the caller sees it."""
    call.services.cache.forget(call.caller.key, call.org_id, "run")


async def _whole(call: AnyRequest, known: AgentRun) -> AgentRun:
    """The full run for an index's excerpt; cached until the excerpt changes or a while has passed."""
    if not is_cut(known):
        return known
    resource = f"whole run {known.id} {known.status} {hash(known.result)}"
    ttl = WHOLE_RUN_TTL if known.finished else RUN_TTL
    return await call.cached(resource, partial(_read, call, known.id), ttl=ttl)


async def _shown(
    call: ApiRequest[RunsQuery, None], runs: Sequence[AgentRun], total: int
) -> ApiResponse[PageOf[ShownRun]]:
    """A page of these runs."""
    return replace(page_with(await _with_ends(call, runs), total, call.query, call.request), runs=runs)


async def _with_ends(call: AnyRequest, runs: Sequence[AgentRun]) -> list[ShownRun]:
    times = await call.services.ends.of(call.org_id, runs)
    return [_shown_run(run, times.get(run.id, UNKNOWN_TIMES)) for run in runs]


def _shown_run(run: AgentRun, times: RunTimes) -> ShownRun:
    """:param times: as observed; what the upstream says itself is better"""
    seconds = times.working_seconds if run.working_seconds is None else run.working_seconds
    additions = {
        "title": title_of(run),
        "author": author_of(run),
        "ended_at": times.ended_at,
        "working_seconds": None if seconds is None else round(seconds, 3),
    }
    return ShownRun(**{**dict(run), **additions})


async def _act(call: AnyRequest, command: BanChecks | UnbanChecks | Remove, reason: str | None) -> ApiResponse[Done]:
    """Executes it like a command in a thread, labels included; the reason is posted on the run's pull requests."""
    reply = await execute(call, command)
    run = await run_of(call)
    parts = [reply.text]
    has_reason = bool(reason and reason.strip())
    if has_reason or not isinstance(command, UnbanChecks):
        urls = await _post_change(call, run, command.USAGE.name, (reason or "").strip())
        if has_reason:
            parts.append(reason_posted(urls) if urls else reason_not_posted())
    return ApiResponse(document=Done(agent_run_id=call.run_id, message="\n\n".join(parts)), runs=[run])


async def _post_change(call: AnyRequest, run: AgentRun, command: str, reason: str) -> list[str]:
    """Posts who changed what, and why, on the run's pull requests where both the server's and the caller's account may
    write.

    :returns: the comments' addresses
    """
    services, login, via, urls = call.services, await call.caller.access.login(), via_of(call).words, []
    for repository, number in threads_of(run):
        if await call.caller.access.permission(call.org_id, repository) < Permission.WRITE:
            continue
        try:
            patterns = (await services.configs.load_soon(repository)).config.secret_patterns
            made = partial(change_made, command, run, reason, login=login, via=via)
            work = partial(call_redacted, made, patterns)
            text = await services.offload.run(work, is_slow=bool(patterns))
            urls.append((await services.github.comment(repository, number, text)).url)
        except (UpstreamError, OffloadError):
            continue
    return urls
