"""Checks one repository: its labels and its config file."""

from __future__ import annotations

import asyncio

from bot.commands.labels import LabelRole, label_of
from bot.doctor.finding import Finding, failed, ok, warning, wrong
from bot.doctor.github import ADDRESS
from bot.doctor.session import DoctorSession
from bot.errors import UpstreamError
from bot.handlers.config_loader import ConfigLoader
from bot.handlers.effective_config import EffectiveConfig
from bot.repository_config.pattern_speed import SLOW, is_slow
from bot.stateless.config_files import RememberedConfigFiles

CONFIG, LABELS = "Config file", "Labels"


async def look(visit: DoctorSession) -> list[Finding]:
    if visit.repository is None:
        return []
    configs = ConfigLoader(visit.github, RememberedConfigFiles(), usual_prefix=visit.settings.command_prefix)
    try:
        has = {each.name.lower() for each in await visit.github.repository_labels(visit.repository)}
        effective = await configs.of(visit.repository)
    except UpstreamError as error:
        return [failed(LABELS, error, f"Give the bot access to {visit.repository}.", address=ADDRESS)]
    finally:
        await configs.aclose()
    if effective.unread is not None:
        needed = f"Give the bot read access to the contents of {visit.repository}; until then it does nothing there."
        return [failed(CONFIG, effective.unread.error, needed, address=ADDRESS)]
    slow = await asyncio.to_thread(_slow_patterns, effective)
    return [*_config(effective, visit.repository), *slow, _labels(effective, has, visit.repository)]


def _config(effective: EffectiveConfig, repository: str) -> list[Finding]:
    if effective.wrong is None:
        return [ok(CONFIG, f"Nothing is wrong with {repository}'s, or it has none.")]
    path = effective.wrong.path
    fix = "Fix it on the default branch; codegen-bot check-config says the same before it is pushed."
    return [wrong(CONFIG, f"{path}: {problem}", fix) for problem in effective.wrong.problems.problems]


def _slow_patterns(effective: EffectiveConfig) -> list[Finding]:
    """Takes up to seconds per pattern."""
    return [
        warning(
            CONFIG,
            f"Entry {position} of secret-patterns {SLOW}.",
            "Make it simpler: a text on which it exceeds the limit is withheld as a whole.",
        )
        for position, pattern in enumerate(effective.config.secret_patterns, 1)
        if is_slow(pattern)
    ]


def _labels(effective: EffectiveConfig, has: set[str], repository: str) -> Finding:
    wanted = [label_of(role, effective.config.labels).name for role in LabelRole]
    if missing := [name for name in wanted if name.lower() not in has]:
        sentence = f"{repository} lacks {', '.join(missing)}: nobody can put them on."
        return warning(LABELS, sentence, f"codegen-bot labels sync {repository} makes them.")
    return ok(LABELS, f"{repository} has all {len(wanted)}.")
