"""Runs all checks, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from bot.doctor import clock, codegen, database, github, repository, webhook
from bot.doctor.finding import Finding, Severity, wrong
from bot.doctor.session import visiting
from bot.errors import SettingsError
from bot.settings import Settings

PATIENCE = 20.0
"""Seconds for one check; a response takes a fraction of one."""


async def examine(
    settings: Settings,
    *,
    about: str | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    patience: float = PATIENCE,
) -> list[Finding]:
    """Runs all checks. Read-only.

    :param about: a repository to check, ``owner/name``
    :param patience: timeout of each check in seconds
    """

    async def soon(name: str, inspection: Awaitable[list[Finding]]) -> list[Finding]:
        try:
            async with asyncio.timeout(patience):
                return await inspection
        except TimeoutError:
            fix = "Try again; where it stays so, something between this machine and there swallows what is sent."
            return [wrong(name, f"No answer came within {patience:g} s.", fix)]

    try:
        async with visiting(settings, repository=about, now=now) as visit:
            found = await soon(codegen.CODEGEN, codegen.look(visit))
            account = await soon(github.ACCOUNT, github.look(visit))
            found += account
            if account[0].level is Severity.OK:
                # Otherwise all further checks would report the same again.
                found += await soon(webhook.HOOK, webhook.look(visit))
                found += await soon(repository.CONFIG, repository.look(visit))
            found += clock.look(visit)
    except SettingsError as error:
        found = [wrong(github.ACCOUNT, str(error), "Set GITHUB_PRIVATE_KEY to it.")]
    return [*found, *await soon(database.DATABASE, database.examine(settings.database_url))]
