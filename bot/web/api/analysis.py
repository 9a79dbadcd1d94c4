"""Endpoints that start a run of their own: set-up commands and log analysis."""

from __future__ import annotations

from functools import partial

from bot.commands.analyze_logs import AnalyzeLogs
from bot.commands.setup_commands import SetupCommands
from bot.replies.prompts import logs_prompt
from bot.replies.redaction import redact
from bot.web.api.endpoint import ApiRequest, ApiResponse
from bot.web.api.idempotency import invocation_of, once
from bot.web.api.models import AnalyzeSandboxLogsRequest, SetupCommandsRequest


async def setup_commands(call: ApiRequest) -> ApiResponse:
    """Codegen accepts only a prompt; everything else that is known of the repository is added to it."""
    wanted: SetupCommandsRequest = call.body
    known = (
        ("Language", wanted.language),
        ("Framework", wanted.framework),
        ("More about it", wanted.additional_info),
    )
    parts = [wanted.prompt or "", *(f"{name}: {value}" for name, value in known if value)]
    prompt = "\n\n".join(part for part in parts if part) or None
    invocation = invocation_of(call, SetupCommands())
    run = await once(call, invocation, lambda ctx: ctx.runs.generate_setup_commands(wanted.repo_id, prompt=prompt))
    return ApiResponse(document=run, runs=[run])


async def analyze_logs(call: ApiRequest) -> ApiResponse:
    """Codegen analyzes a sandbox's logs itself; logs in the request are redacted and passed to an agent run."""
    wanted: AnalyzeSandboxLogsRequest = call.body
    invocation, sandbox_id = invocation_of(call, AnalyzeLogs(wanted.sandbox_id)), wanted.sandbox_id
    if sandbox_id is not None:
        return ApiResponse(document=await once(call, invocation, lambda ctx: ctx.runs.analyze_sandbox_logs(sandbox_id)))
    offload = call.services.offload
    patterns = await call.services.patterns.of_no_run(call.org_id)
    logs = await offload.run(partial(redact, wanted.logs or "", patterns), is_slow=bool(patterns))
    context = await offload.run(partial(redact, wanted.context or "", patterns), is_slow=bool(patterns))
    prompt = logs_prompt(logs, context=context)
    return ApiResponse(document=await once(call, invocation, lambda ctx: ctx.runs.create(prompt)))
