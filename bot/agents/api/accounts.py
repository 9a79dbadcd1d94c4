"""The operations on users, the organization and its connections."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Any

from bot.agents.api.access import ORGANIZATION, Call, check_organization, refused
from bot.agents.api.requests import OrganizationQuery, PageQuery, ProviderQuery
from bot.agents.api.responses import Json, page, page_of, user_json
from bot.errors import UpstreamError

ORGANIZATION_NAME = "codegen-bot"


async def me(call: Call) -> Json:
    return user_json(call.caller.user)


async def users(call: Call) -> Json:
    query = call.query(PageQuery)
    found, total = await call.stored(partial(call.api.users.users, skip=query.skip, limit=query.limit))
    return page([user_json(each) for each in found], total, query)


async def user(call: Call) -> Json:
    user_id = call.path_id("user_id")
    found = await call.stored(partial(call.api.users.user, user_id))
    if found is None:
        raise refused(HTTPStatus.NOT_FOUND, f"User {user_id} not found.")
    return user_json(found)


async def organizations(call: Call) -> Json:
    settings = {"enable_pr_creation": True, "enable_rules_detection": True}
    only = {"id": ORGANIZATION, "name": ORGANIZATION_NAME, "settings": settings}
    return page_of([only], call.query(PageQuery))


async def integrations(call: Call) -> Json:
    """GitHub alone: active if the bot's own account can be read now."""
    login: str | None
    try:
        login = (await call.api.github.me()).login
    except UpstreamError:
        login = None
    github = {
        "integration_type": "github",
        "active": login is not None,
        "token_id": None,
        "installation_id": None,
        "metadata": {"login": login} if login else None,
    }
    return {
        "organization_id": ORGANIZATION,
        "organization_name": ORGANIZATION_NAME,
        "integrations": [github],
        "total_active_integrations": int(login is not None),
    }


async def cli_rules(_: Call) -> Json:
    """None: agents read the rules that are in a repository (AGENTS.md, CLAUDE.md)."""
    return {"organization_rules": None, "user_custom_prompt": None}


async def mcp_providers(_: Call) -> list[Any]:
    return []


async def oauth_status(call: Call) -> list[str]:
    """The connected providers: none, because there are none to connect."""
    check_organization(call.query(OrganizationQuery).org_id)
    return []


async def revoke_oauth(call: Call) -> Json:
    query = call.query(ProviderQuery)
    check_organization(query.org_id)
    return {"message": "No token of this provider was stored."}
