"""The list of checks, and how they are run: one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.cli.doctor import accounts, machine, repository
from bot.cli.doctor.session import DoctorSession, Finding, Severity, error, failure, open_session
from bot.errors import SettingsError, UpstreamError
from bot.settings.loading import PartialSettings

if TYPE_CHECKING:
    from bot.agents.config import AgentsConfig

TIMEOUT = 20.0
"""Seconds for one check; a response takes a fraction of one."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    :param subject: of the finding if a request fails
    :param fix: what to do if a service rejects a request
    :param needs_account: whether it makes sense only if the bot's GitHub account works; otherwise it would report the
        same again
    """

    subject: str
    run: Callable[[DoctorSession], Awaitable[list[Finding]]]
    fix: str = ""
    needs_account: bool = False


def checks_for(session: DoctorSession, given: PartialSettings) -> list[Check]:
    """All checks for which there are settings, in order, except those of the database, which need no session."""
    if session.is_app:
        account = Check(accounts.ACCOUNT, accounts.check_app, accounts.FIX_APP)
        hook = Check(repository.HOOK, repository.check_app_webhook, repository.FIX_APP_HOOK, needs_account=True)
    else:
        account = Check(accounts.ACCOUNT, accounts.check_token, accounts.FIX_TOKEN)
        hook = Check(repository.HOOK, repository.check_repository_webhooks, needs_account=True)
    fix = f"Give the bot access to {session.repository}."
    codegen = [Check(accounts.CODEGEN, accounts.check_codegen, accounts.FIX_CODEGEN)]
    labels = Check(repository.LABELS, repository.check_repository, fix, needs_account=True)
    return [
        *(codegen if given.has_codegen else ()),
        *((account, *((hook,) if given.is_for_a_server else ()), labels) if given.has_github else ()),
        # Last: it uses the headers of the others' responses.
        *([Check(machine.CLOCK, machine.check_clock)] if given.has_codegen or given.has_github else ()),
    ]


async def run_checks(
    given: PartialSettings,
    *,
    agents: AgentsConfig | None = None,
    repository: str | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - of each check
) -> list[Finding]:
    """Runs all checks for which there are settings. Read-only.

    :param agents: agents of one's own, to check as well
    :param repository: to check as well, ``owner/name``
    :param timeout: of each check in seconds
    """
    found: list[Finding] = []
    try:
        async with open_session(given.settings, repository=repository, now=now) as session:
            has_account = False
            for check in checks_for(session, given):
                if check.needs_account and not has_account:
                    continue
                results = await _result(check.subject, check.run(session), timeout, check.fix)
                has_account |= check.subject == accounts.ACCOUNT and results[0].level is Severity.OK
                found += results
    except SettingsError as wrong:
        found = [error(accounts.ACCOUNT, str(wrong), "Set GITHUB_PRIVATE_KEY to the App's key.")]
    if given.is_for_a_server:
        found += await _result(machine.DATABASE, machine.check_database(given.settings.database_url), timeout)
    return found if agents is None else [*found, *await _agents(agents, timeout)]


async def _agents(config: AgentsConfig, seconds: float) -> list[Finding]:
    from bot.agents.sandbox.choice import sandbox_of  # noqa: PLC0415 - only where there are agents of one's own
    from bot.cli.doctor import agents  # noqa: PLC0415

    found = await _result(agents.GIT, agents.check_git(), seconds)
    isolation = await _result(agents.SANDBOX, agents.check_sandbox(config), seconds)
    is_usable = all(each.level is not Severity.ERROR for each in isolation)
    sandbox = sandbox_of(config.sandbox) if is_usable else None
    found += isolation
    for agent in config.agents.values():
        found += await _result(agents.subject_of(agent), agents.check_agent(agent, sandbox), agents.TIMEOUT)
    return found


async def _result(subject: str, check: Awaitable[list[Finding]], seconds: float, fix: str = "") -> list[Finding]:
    try:
        async with asyncio.timeout(seconds):
            return await check
    except TimeoutError:
        fix = "Try again. If it keeps failing, check proxies and firewalls between this machine and the service."
        return [error(subject, f"No response within {seconds:g} s.", fix)]
    except UpstreamError as failed:
        return [failure(subject, failed, fix)]
