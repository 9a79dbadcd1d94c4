"""Checks the bot's GitHub account and permissions."""

from __future__ import annotations

from bot.doctor.finding import Finding, Severity, failed, ok, warning, wrong
from bot.doctor.needs import LABEL_EVENTS, lacking, unheard
from bot.doctor.session import DoctorSession
from bot.errors import UpstreamError
from bot.github.models import Grant, Permission

ACCOUNT, RIGHTS, EVENTS = "GitHub account", "GitHub permissions", "GitHub events"

ADDRESS = "GITHUB_API_URL"

_KEY = (
    "Is GITHUB_APP_ID the id on the App's settings page, and GITHUB_PRIVATE_KEY a key that was generated there and not "
    "deleted since? A clock that is wrong by a minute is refused too."
)
_TOKEN = "Make a token at GitHub, Settings, Developer settings, and set GITHUB_TOKEN."  # noqa: S105 - where to get one
_CLASSIC = "Give the classic token the scope repo, or public_repo where all repositories are public."


async def look(visit: DoctorSession) -> list[Finding]:
    try:
        return await (_app(visit) if visit.is_app else _token(visit))
    except UpstreamError as error:
        return [failed(ACCOUNT, error, _KEY if visit.is_app else _TOKEN, address=ADDRESS)]


async def _app(visit: DoctorSession) -> list[Finding]:
    app = await visit.github.hooks.app()
    installations = await visit.github.hooks.installations()
    holders = ", ".join(each.holder for each in installations)
    if not installations:
        found = [wrong(ACCOUNT, f"The App {app.holder} is installed nowhere.", "Install it: its page, Install App.")]
    else:
        found = [ok(ACCOUNT, f"The App is {app.holder}, installed at {holders}.")]
    suspended = [each for each in installations if each.is_suspended]
    # One of many installations is its owner's own affair.
    level = Severity.WRONG if len(suspended) == len(installations) else Severity.WARNING
    found += [_suspended(each, level) for each in suspended]
    return [*found, *_rights(app, installations), _events(app.events)]


def _suspended(installation: Grant, level: Severity) -> Finding:
    sentence = f"The installation at {installation.holder} is suspended."
    return Finding(level, ACCOUNT, sentence, "Its owner takes that back at Settings, GitHub Apps, Configure.")


def _rights(app: Grant, installations: list[Grant]) -> list[Finding]:
    if missing := lacking(app.permissions):
        fix = "Grant them at the App's settings page, Permissions & events; each installation then has to accept."
        return [wrong(RIGHTS, f"The App lacks {'; '.join(missing)}.", fix)]
    found = [
        wrong(
            RIGHTS,
            f"The installation at {each.holder} lacks {'; '.join(missing)}.",
            "Its owner has to accept the App's new permissions: Settings, GitHub Apps, Review request.",
        )
        for each in installations
        if (missing := lacking(each.permissions))
    ]
    return found or [ok(RIGHTS, "All that the bot needs is granted.")]


def _events(events: tuple[str, ...]) -> Finding:
    fix = "Tick them at the App's settings page, Permissions & events."
    return of_events(events, "The App", fix) or ok(EVENTS, "The App tells of all that can hold a command.")


def of_events(events: tuple[str, ...], name: str, fix: str) -> Finding | None:
    """The finding if a webhook lacks events, else None.

    :param name: of the webhook, or of the App
    """
    missing = unheard(events)
    if not missing:
        return None
    shown = ", ".join(missing.values())
    if LABEL_EVENTS.issuperset(missing):
        return warning(EVENTS, f"{name} does not tell of {shown}: labels there do nothing.", fix)
    return wrong(EVENTS, f"{name} does not tell of {shown}.", fix)


async def _token(visit: DoctorSession) -> list[Finding]:
    me = await visit.github.me()
    found = [ok(ACCOUNT, f"The token is {me.login}'s.")]
    scopes = visit.heard.scopes
    if scopes is not None and not scopes & {"repo", "public_repo"}:
        shown = ", ".join(sorted(scopes)) or "none"
        found.append(wrong(RIGHTS, f"The token's scopes do not let it write: {shown}.", _CLASSIC))
    elif visit.repository is None:
        fix = "Name one: codegen-bot doctor --repository OWNER/NAME."
        found.append(warning(RIGHTS, "What a token may do is seen at a repository only.", fix))
    else:
        found.append(await _rights_in(visit, visit.repository, me.login))
    return found


async def _rights_in(visit: DoctorSession, repository: str, login: str) -> Finding:
    try:
        has = await visit.github.own_permission(repository)
    except UpstreamError as error:
        fix = f"Give {login} access to it, and the token: a fine-grained one names its repositories."
        return failed(RIGHTS, error, fix, address=ADDRESS)
    if has < Permission.WRITE:
        sentence = (
            f"{login} has {has.word} in {repository}: it could comment, but neither set labels nor ask who may what."
        )
        return wrong(RIGHTS, sentence, f"Give {login} the role write there.")
    return ok(RIGHTS, f"{login} has {has.word} in {repository}.")
