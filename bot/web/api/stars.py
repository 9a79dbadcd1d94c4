"""Endpoints for the team's stars of an organization that the caller's token sees."""

from __future__ import annotations

from bot.commands.star import Star, Unstar
from bot.web.api.endpoint import ApiRequest, ApiResponse
from bot.web.api.idempotency import execute
from bot.web.api.models import StarredRunRequest, StarredRunResponse


async def show(call: ApiRequest) -> ApiResponse:
    return await _all(call)


async def change(call: ApiRequest) -> ApiResponse:
    """The label on the run's pull requests is updated, as for a command."""
    wanted: StarredRunRequest = call.body
    await execute(call, Star(wanted.agent_run_id) if wanted.starred else Unstar(wanted.agent_run_id))
    return await _all(call)


async def _all(call: ApiRequest) -> ApiResponse:
    stars = await call.services.stars.all(call.org_id, repository=None)
    return ApiResponse(document=StarredRunResponse(agent_run_ids=[star.run_id for star in stars]))
