"""``codegen-bot doctor``."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from bot import log
from bot.cli.params import RepositoryName, json_option
from bot.cli.screen import json_line, say
from bot.errors import SettingsError
from bot.execution.outcome import ExitStatus
from bot.settings.environment import TRY_THE_DEMO, variables
from bot.settings.loading import load_partly

if TYPE_CHECKING:
    # Imports both clients and the database.
    from bot.cli.doctor.session import Finding

WEBHOOK_SECRET = "GITHUB_WEBHOOK_SECRET"  # noqa: S105 - its variable

VERSION = 1
"""Version of the JSON document."""


@click.command()
@click.option("--repository", type=RepositoryName(), help="Also check this repository's webhook, labels, config file.")
@json_option
def doctor(*, repository: str | None, as_json: bool) -> None:
    """Check settings and connectivity, and suggest fixes.

    Uses the settings of "serve" and checks what those that are set allow: it sends a few requests to Codegen, GitHub
    and the database, and changes nothing. Of agents of your own it checks git and the sandbox, starts each agent, and
    asks its model's API for its models.
    Exits with status 1 if there is an error; with warnings alone, 0.
    """
    log.configure(level="ERROR")
    findings = _findings(repository)
    is_ok = not any(each.level == "error" for each in findings)
    if as_json:
        json_line({"version": VERSION, "ok": is_ok, "findings": [asdict(each) for each in findings]})
    else:
        _show(findings)
    raise SystemExit(ExitStatus.OK if is_ok else ExitStatus.FAILED)


def _findings(repository: str | None) -> list[Finding]:
    # Half a second of imports, not paid by other subcommands.
    from bot.cli.doctor.checks import run_checks  # noqa: PLC0415
    from bot.cli.doctor.session import Finding, error, ok, warning  # noqa: PLC0415

    try:
        given = load_partly()
    except SettingsError as wrong:
        return [error("Settings", str(wrong).partition(f" {TRY_THE_DEMO}")[0], "Correct it, then check again.")]
    settings, found = given.settings, list[Finding]()
    for variable, problem in given.problems.items():
        if variable == WEBHOOK_SECRET:
            sentence = f"{WEBHOOK_SECRET} is missing. Only a server needs it, not the command line or the Action."
            found.append(warning("Settings", sentence, "Set it where the server runs."))
        else:
            found.append(error("Settings", problem, "Set it in the environment or in a .env file."))
    if not given.problems:
        found = [ok("Settings", "Complete.")]
    config = None
    if settings.has_own_agents:
        from bot.agents.config import of_settings  # noqa: PLC0415 - only for them

        try:
            config = of_settings(settings, variables())
        except SettingsError as wrong:
            found += [
                error("Agents", problem, "Correct it; until then the server does not start.")
                for problem in wrong.problems
            ]
        else:
            found.append(ok("Agents", f"Configured: {', '.join(config.agents)}; by default {config.default}."))
    return [*found, *asyncio.run(run_checks(given, agents=config, repository=repository))]


def _show(findings: Sequence[Finding]) -> None:
    width = max(len(each.subject) for each in findings)
    for each in findings:
        say(f"{each.level:<7}  {each.subject:<{width}}  {each.sentence}")
        if each.fix:
            say(f"{'':<{7 + 2 + width + 2}}{each.fix}")
    counts = Counter(str(each.level) for each in findings)
    say(", ".join(_count(counts[level], level) for level in ("ok", "warning", "error") if counts[level]))


def _count(number: int, level: str) -> str:
    return f"{number} {level}" if number == 1 or level == "ok" else f"{number} {level}s"
