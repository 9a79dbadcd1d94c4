"""Checks the Codegen token and its access to the organization."""

from __future__ import annotations

from bot.doctor.finding import Finding, failed, ok, wrong
from bot.doctor.session import DoctorSession
from bot.errors import UpstreamError

CODEGEN = "Codegen"

_TOKEN = "Get a token at codegen.com, Settings, API token, and set CODEGEN_API_TOKEN."  # noqa: S105 - where to get one


async def look(visit: DoctorSession) -> list[Finding]:
    try:
        me = await visit.codegen.me()
        organizations = await visit.codegen.organizations()
    except UpstreamError as error:
        return [failed(CODEGEN, error, _TOKEN, address="CODEGEN_API_BASE_URL")]
    org_id = visit.settings.codegen_org_id
    names = {each.id: each.name for each in organizations}
    if org_id not in names:
        shown = ", ".join(f"{number} ({name})" for number, name in names.items()) or "none"
        sentence = f"The token of {me.github_username} does not see organization {org_id}; it sees: {shown}."
        return [wrong(CODEGEN, sentence, "Set CODEGEN_ORG_ID to one of those, or take a token of that organization.")]
    return [ok(CODEGEN, f"The token is {me.github_username}'s, and sees organization {org_id} ({names[org_id]}).")]
