"""Endpoints for an organization's users, repositories, integrations and stars. All but stars are cached briefly."""

from __future__ import annotations

from functools import partial

from bot.codegen.models import Integrations, Organization, Repository, User
from bot.commands.star import Star, Unstar
from bot.text.redaction.redacting import redact_json
from bot.web.api.endpoint import AnyRequest, ApiRequest, ApiResponse, NoParameters, PlainRequest
from bot.web.api.idempotency import execute
from bot.web.api.listing import page_of
from bot.web.api.models import OrgQuery, PageOf, PageQuery, StarredRunRequest, StarredRunResponse


async def get_users(call: ApiRequest[PageQuery, None]) -> ApiResponse[PageOf[User]]:
    """The organization's users."""
    return page_of(await call.cached("users", call.codegen.users, may_be_stale=True), call.query, call.request)


async def get_user(call: PlainRequest) -> ApiResponse[User]:
    """One of the organization's users."""
    user_id = call.ids["user_id"]
    return ApiResponse(
        document=await call.cached(f"user {user_id}", lambda: call.codegen.user(user_id), may_be_stale=True)
    )


async def get_current_user(call: PlainRequest) -> ApiResponse[User]:
    """The token's user."""
    # The request is about the token, whichever organization the client is for.
    return ApiResponse(document=await call.cached("me", call.caller.access.codegen(0).me, org_id=0, may_be_stale=True))


async def get_organizations(call: ApiRequest[PageQuery, None]) -> ApiResponse[PageOf[Organization]]:
    """The organizations that the token sees."""
    # Clients ask this first. Long responses, such as the list of runs that comes next, are redacted by a worker.
    call.services.offload.prepare(partial(redact_json, b"{}"))
    return page_of(call.caller.organizations, call.query, call.request)


async def get_repositories(call: ApiRequest[PageQuery, None]) -> ApiResponse[PageOf[Repository]]:
    """The repositories that Codegen knows."""
    return page_of(
        await call.cached("repositories", call.codegen.repositories, may_be_stale=True), call.query, call.request
    )


async def get_integrations(call: PlainRequest) -> ApiResponse[Integrations]:
    """The organization's integrations."""
    return ApiResponse(document=await call.cached("integrations", call.codegen.integrations, may_be_stale=True))


async def get_starred_runs(call: ApiRequest[OrgQuery, None]) -> ApiResponse[StarredRunResponse]:
    """The team's starred runs."""
    return await _starred_runs(call)


async def star_run(call: ApiRequest[NoParameters, StarredRunRequest]) -> ApiResponse[StarredRunResponse]:
    """Stars or unstars a run, and updates the label on its pull request."""
    run_id = call.body.agent_run_id
    await execute(call, Star(run_id) if call.body.starred else Unstar(run_id))
    return await _starred_runs(call)


async def _starred_runs(call: AnyRequest) -> ApiResponse[StarredRunResponse]:
    stars = await call.services.stars.all(call.org_id, repository=None)
    return ApiResponse(document=StarredRunResponse(agent_run_ids=[star.run_id for star in stars]))
