"""``codegen-bot doctor``."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from bot import log
from bot.cli.screen import json_line, say
from bot.errors import SettingsError
from bot.outcome import ExitStatus
from bot.settings import load, problems_of

if TYPE_CHECKING:
    # Imports both clients and the database.
    from bot.doctor.finding import Finding

VERSION = 1
"""Version of the JSON document."""


@click.command()
@click.option(
    "--repository", metavar="OWNER/NAME", help="Also check this repository's webhook, labels and config file."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for scripts.")
def doctor(*, repository: str | None, as_json: bool) -> None:
    """Check settings and connectivity, and suggest fixes.

    Uses the settings of "serve" and sends a few requests to Codegen, GitHub and the database; nothing is changed.
    Exits with status 1 if something is wrong; with warnings alone, 0.
    """
    if repository is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
        raise click.BadParameter(f"{repository} is not of the form OWNER/NAME.", param_hint="--repository")
    log.configure(level="ERROR")
    found = _examined(repository)
    is_wrong = any(each.level == "wrong" for each in found)
    if as_json:
        json_line({"version": VERSION, "ok": not is_wrong, "findings": [asdict(each) for each in found]})
    else:
        _show(found)
    raise SystemExit(ExitStatus.FAILED if is_wrong else ExitStatus.OK)


def _examined(repository: str | None) -> list[Finding]:
    from bot.doctor.examine import examine  # noqa: PLC0415 - half a second of imports, not paid by other subcommands
    from bot.doctor.finding import ok, wrong  # noqa: PLC0415

    try:
        settings = load()
    except SettingsError as error:
        fix = "Set it in the environment or in a file .env; all other checks need it."
        return [wrong("Settings", problem, fix) for problem in problems_of(error)]
    found = [ok("Settings", "Nothing is missing.")]
    return [*found, *asyncio.run(examine(settings, about=repository))]


def _show(found: Sequence[Finding]) -> None:
    width = max(len(each.about) for each in found)
    for each in found:
        say(f"{each.level:<7}  {each.about:<{width}}  {each.sentence}")
        if each.fix:
            say(f"{'':<{7 + 2 + width + 2}}{each.fix}")
    counts = Counter(str(each.level) for each in found)
    say(", ".join(f"{counts[level]} {level}" for level in ("ok", "warning", "wrong") if counts[level]))
