"""All looks, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from bot.config import Settings
from bot.doctor import clock, codegen, database, github, repository, webhook
from bot.doctor.finding import Finding, Level, wrong
from bot.doctor.visit import visiting
from bot.errors import SettingsError


async def examine(
    settings: Settings, *, about: str | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[Finding]:
    """Looks at all there is. Nothing is changed anywhere.

    :param about: a repository to look at, ``owner/name``
    """
    try:
        async with visiting(settings, repository=about, now=now) as visit:
            found = await codegen.look(visit)
            account = await github.look(visit)
            found += account
            if account[0].level is Level.OK:
                # Else all further answers would say the same once more.
                found += [*await webhook.look(visit), *await repository.look(visit)]
            found += clock.look(visit)
    except SettingsError as error:
        found = [wrong(github.ACCOUNT, str(error), "Set GITHUB_PRIVATE_KEY to it.")]
    return [*found, *await database.examine(settings.database_url)]
