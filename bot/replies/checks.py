"""What the bot says of Codegen's check-suite settings.

A list, not a table: a check's name may hold any letters, and a bar or a backslash would break a table's row.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.codegen.models import CheckSuiteSettings, Repository
from bot.replies.markers import Stage
from bot.replies.reply import Reply
from bot.replies.untrusted import cut, fenced, folded, inline_code

MOST_SHOWN = 50

_PROMPT_KEPT = 2_000
_PROMPTS_SHOWN = 10


def shown(repository: Repository, settings: CheckSuiteSettings, *, prefix: str) -> Reply:
    head = f"How Codegen reacts to the checks of {inline_code(repository.full_name)}:"
    example = f'Change it: `{prefix} checks --retries 5 --ignore "nightly build"`'
    return _reply(head, settings, example)


def changed(repository: Repository, settings: CheckSuiteSettings, *, prefix: str) -> Reply:
    """:param settings: as Codegen has them after the change"""
    head = f"Changed. How Codegen reacts to the checks of {inline_code(repository.full_name)} now:"
    return _reply(head, settings, f"More: `{prefix} help checks`")


def _reply(head: str, settings: CheckSuiteSettings, last: str) -> Reply:
    count = settings.check_retry_count
    retries = [f"{_code(name)}: {number}" for name, number in settings.check_retry_counts.items()]
    lines = [
        f"- Tries again after a failed check: {f'{count} time' if count == 1 else f'{count} times'}",
        f"- Ignored checks: {_all(map(_code, settings.ignored_checks))}",
    ]
    if retries:
        lines.append(f"- Tries for single checks: {_all(retries)}")
    if settings.high_priority_apps:
        lines.append(f"- Reacts at once to failures of: {_all(map(_code, settings.high_priority_apps))}")
    if settings.available_check_suite_names:
        lines.append(f"- Check suites it has seen here: {_all(map(_code, settings.available_check_suite_names))}")
    parts = (head, "\n".join(lines), _prompts(settings), last)
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part))


def _prompts(settings: CheckSuiteSettings) -> str:
    """What Codegen is told to do about single checks."""
    prompts = [
        f"{_code(name)}\n\n{fenced(cut(prompt, _PROMPT_KEPT))}"
        for name, prompt in [*settings.custom_prompts.items()][:_PROMPTS_SHOWN]
    ]
    if len(settings.custom_prompts) > _PROMPTS_SHOWN:
        prompts.append(f"… and {len(settings.custom_prompts) - _PROMPTS_SHOWN} more")
    return folded("Prompts for single checks", "\n\n".join(prompts)) if prompts else ""


def _all(names: Iterable[str]) -> str:
    """``a, b … and 7 more``; ``none``."""
    known = [*names]
    more = f" … and {len(known) - MOST_SHOWN} more" if len(known) > MOST_SHOWN else ""
    return f"{', '.join(known[:MOST_SHOWN]) or 'none'}{more}"


def _code(name: str) -> str:
    return inline_code(name[:200]) or "(a name without letters)"
