"""Checks both accounts: Codegen's token, and the GitHub App or token with its permissions and events."""

from __future__ import annotations

from collections.abc import Mapping

from bot.cli.doctor.session import DoctorSession, Finding, Severity, error, failure, ok, warning
from bot.errors import ErrorKind, UpstreamError
from bot.github.hooks import Grant
from bot.github.models import Permission
from bot.github.permissions import TITLES, AccessLevel, holds, needed
from bot.metrics import CHECK_EVENTS, READ_EVENTS

CODEGEN, ACCOUNT, PERMISSIONS, EVENTS = "Codegen", "GitHub account", "GitHub permissions", "GitHub events"

LABEL_EVENTS = frozenset({"issues", "pull_request"})
"""The events needed for labels only."""

FIX_CODEGEN = "Get a token at codegen.com, Settings, API token, and set CODEGEN_API_TOKEN."
FIX_TOKEN = "Create a token on GitHub, Settings, Developer settings, and set GITHUB_TOKEN."  # noqa: S105 - how to get one
FIX_APP = (
    "Check that GITHUB_APP_ID is the id on the App's settings page, and GITHUB_PRIVATE_KEY a key generated there that "
    "still exists. GitHub also rejects keys if this machine's clock is off by a minute."
)
_FIX_SCOPES = "Give the classic token the scope repo, or public_repo if all repositories are public."
_FIX_GRANTS = "Change them on the App's settings page, Permissions & events"


async def check_codegen(session: DoctorSession) -> list[Finding]:
    codegen = session.clients.codegen
    me = await codegen.me()
    names = {each.id: each.name for each in await codegen.organizations()}
    org_id = session.settings.codegen_org_id
    if org_id not in names:
        shown = ", ".join(f"{number} ({name})" for number, name in names.items()) or "none"
        if not org_id:
            sentence = f"The token belongs to {me.github_username} and has access to: {shown}."
            return [warning(CODEGEN, sentence, "Set CODEGEN_ORG_ID to one of those.")]
        sentence = (
            f"The token of {me.github_username} has no access to organization {org_id}. It has access to: {shown}."
        )
        return [error(CODEGEN, sentence, "Set CODEGEN_ORG_ID to one of those, or use a token of that organization.")]
    sentence = f"The token belongs to {me.github_username} and has access to organization {org_id} ({names[org_id]})."
    return [ok(CODEGEN, sentence)]


async def check_app(session: DoctorSession) -> list[Finding]:
    app = await session.github.hooks.app()
    installations = await session.github.hooks.installations()
    holders = ", ".join(each.holder for each in installations)
    if not installations:
        fix = "Install it: its settings page, Install App."
        found = [error(ACCOUNT, f"The App {app.holder} is not installed anywhere.", fix)]
    else:
        found = [ok(ACCOUNT, f"The App is {app.holder}, installed for {holders}.")]
    suspended = [each.holder for each in installations if each.is_suspended]
    # One of many installations is its owner's own affair.
    level = Severity.ERROR if len(suspended) == len(installations) else Severity.WARNING
    fix = "Its owner can unsuspend it at Settings, GitHub Apps, Configure."
    found += [Finding(level, ACCOUNT, f"The installation for {name} is suspended.", fix) for name in suspended]
    events = missing_events(app.events, "The App", f"{_FIX_GRANTS}.")
    permissions = _permissions(app, installations, needed(own_agents=session.settings.has_own_agents))
    if events is None and session.settings.has_own_agents and not {"*", *CHECK_EVENTS} & {*app.events}:
        events = warning(
            EVENTS, "The App does not send the event Check suite: failed checks are not fixed.", f"{_FIX_GRANTS}."
        )
    return [*found, *permissions, events or ok(EVENTS, "The App receives all needed events.")]


def _permissions(app: Grant, installations: list[Grant], needs: Mapping[str, AccessLevel]) -> list[Finding]:
    if missing := _missing_permissions(app.permissions, needs):
        fix = f"{_FIX_GRANTS}; then each installation has to accept them."
        return [error(PERMISSIONS, f"The App lacks {'; '.join(missing)}.", fix)]
    fix = "Its owner has to accept the App's new permissions: Settings, GitHub Apps, Review request."
    found = [
        error(PERMISSIONS, f"The installation for {each.holder} lacks {'; '.join(missing)}.", fix)
        for each in installations
        if (missing := _missing_permissions(each.permissions, needs))
    ]
    return found or [ok(PERMISSIONS, "All needed permissions are granted.")]


def _missing_permissions(permissions: Mapping[str, str], needs: Mapping[str, AccessLevel]) -> list[str]:
    """In the words of GitHub's settings pages."""
    return [
        f"{TITLES[name]}: {least.words}" for name, least in needs.items() if not holds(permissions.get(name, ""), least)
    ]


def missing_events(events: tuple[str, ...], sender: str, fix: str) -> Finding | None:
    """:param events: the events that are sent, by the names of ``X-GitHub-Event``; ``*`` for all"""
    missing = [] if "*" in events else [name for name in READ_EVENTS if name not in events]
    if not missing:
        return None
    # GitHub's settings pages name them like this.
    sentence = f"{sender} does not send the events {', '.join(name.replace('_', ' ').capitalize() for name in missing)}"
    if LABEL_EVENTS.issuperset(missing):
        return warning(EVENTS, f"{sentence}: labels have no effect there.", fix)
    return error(EVENTS, f"{sentence}.", fix)


async def check_token(session: DoctorSession) -> list[Finding]:
    me = await session.github.me()
    found = [ok(ACCOUNT, f"The token belongs to {me.login}.")]
    scopes = session.headers.scopes
    if scopes is not None and not scopes & {"repo", "public_repo"}:
        shown = ", ".join(sorted(scopes)) or "none"
        found.append(error(PERMISSIONS, f"The token's scopes do not allow writing: {shown}.", _FIX_SCOPES))
    elif session.repository is None:
        fix = "Name one: codegen-bot doctor --repository OWNER/NAME."
        found.append(warning(PERMISSIONS, "A token's permissions can only be checked for a repository.", fix))
    else:
        found.append(await _permission_in(session, session.repository, me.login))
    return found


async def _permission_in(session: DoctorSession, repository: str, login: str) -> Finding:
    try:
        has = await session.github.own_permission(repository)
    except UpstreamError as failed:
        fix = f"Give {login} access to it, and the token as well: a fine-grained one lists its repositories."
        if failed.kind is ErrorKind.NOT_FOUND:
            sentence = f"{login} cannot see {repository}, or there is no such repository."
            return error(PERMISSIONS, sentence, f"Check its name. {fix}")
        return failure(PERMISSIONS, failed, fix)
    sentence = f"{login} has {has.word} access to {repository}"
    if has < Permission.WRITE:
        sentence += ": it can comment, but neither set labels nor read who may give commands."
        return error(PERMISSIONS, sentence, f"Give {login} the role write there.")
    return ok(PERMISSIONS, f"{sentence}.")
