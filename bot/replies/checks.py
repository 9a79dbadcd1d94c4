"""Replies about Codegen's check-suite settings."""

from __future__ import annotations

from collections.abc import Iterable

from bot.codegen.models import CheckSuiteSettings, Repository
from bot.replies.markers import Stage
from bot.replies.phrases import one_line, one_word, table
from bot.replies.reply import Reply
from bot.replies.untrusted import cut, fenced, folded, inline_code

MOST_SHOWN = 50
"""Names in one list; a repository may have hundreds of checks."""

PROMPTS_SHOWN = 10
PROMPT_KEPT = 2_000


def shown(repository: Repository, settings: CheckSuiteSettings, *, prefix: str) -> Reply:
    return _reply("", repository, settings, f'To change them: `{prefix} checks --retries 3 --ignore "nightly build"`')


def changed(repository: Repository, settings: CheckSuiteSettings) -> Reply:
    """:param settings: after the change, as returned by Codegen"""
    return _reply("Changed. ", repository, settings, "")


def repository_not_known(repository: str) -> str:
    """:param repository: ``owner/name``"""
    return (
        f"Codegen does not know the repository {inline_code(repository)} in this organization. Somebody who manages "
        "it adds the repository in Codegen's GitHub integration; then give the command again in a new comment."
    )


def _reply(done: str, repository: Repository, settings: CheckSuiteSettings, last: str) -> Reply:
    rows = [
        ("tries to repair a failed check", str(settings.check_retry_count)),
        ("ignored checks", _all(map(_name, settings.ignored_checks))),
        ("tries for single checks", _all(f"{_name(each)}: {n}" for each, n in settings.check_retry_counts.items())),
        ("apps whose failures count at once", _all(map(_name, settings.high_priority_apps))),
        ("checks that Codegen has seen", _all(map(_name, settings.available_check_suite_names))),
    ]
    parts = (
        f"{done}How Codegen reacts to the checks of {one_line(repository.full_name, 200)}:",
        table(("setting", "value"), [row for row in rows if row[0] in _ALWAYS or row[1] != _NONE]),
        _prompts(settings),
        last,
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part))


_NONE = "none"
_ALWAYS = frozenset({"tries to repair a failed check", "ignored checks"})
"""Rows that are shown even if they are empty."""


def _prompts(settings: CheckSuiteSettings) -> str:
    """The custom prompts for single checks."""
    prompts = [*settings.custom_prompts.items()]
    texts = [f"{_name(check)}\n\n{fenced(cut(text, PROMPT_KEPT))}" for check, text in prompts[:PROMPTS_SHOWN]]
    if len(prompts) > PROMPTS_SHOWN:
        texts.append(f"… and {len(prompts) - PROMPTS_SHOWN} more.")
    return folded("Prompts for single checks", "\n\n".join(texts)) if texts else ""


def _all(names: Iterable[str]) -> str:
    known = [*names]
    more = f" … and {len(known) - MOST_SHOWN} more" if len(known) > MOST_SHOWN else ""
    return f"{', '.join(known[:MOST_SHOWN]) or _NONE}{more}"


def _name(name: str) -> str:
    return one_word(name) or "(nothing that can be seen)"
