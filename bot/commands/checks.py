"""``checks``: shows and changes how Codegen reacts to a repository's checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.codegen.models import CheckSuiteChange, CheckSuiteSettings, Repository
from bot.commands.account import find_repository
from bot.commands.usage import Flag, Flags, ParseError, Usage, first_line, number_flag
from bot.errors import UserError
from bot.execution.context import CommandContext
from bot.execution.phrases import listed, one_line, one_word, table
from bot.execution.reply import Reply
from bot.text.markers import Stage
from bot.text.untrusted import cut, fenced, folded, inline_code

MOST_RETRIES = 10
"""Codegen's limit (CheckSuiteSettingsRequest of its API description)."""

LONGEST_NAME = 200

MOST_SHOWN = 50
"""Names in one list; a repository may have hundreds of checks."""

PROMPTS_SHOWN = 10
PROMPT_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Checks:
    """:param retries: from 0 to `MOST_RETRIES`; None: unchanged
    :param ignore: names of more checks to ignore
    :param unignore: names of checks to ignore no longer
    """

    USAGE: ClassVar[Usage] = Usage(
        "checks",
        "Shows how Codegen reacts to this repository's checks, and changes it.",
        flags=(
            Flag("--retries", "-r", "N", f"How often Codegen tries to fix a failed check, 0 to {MOST_RETRIES}."),
            Flag("--ignore", "-i", "NAME", "A check to ignore.", repeatable=True),
            Flag("--unignore", "-u", "NAME", "A check to stop ignoring.", repeatable=True),
        ),
        example_arguments='--retries 5 --ignore "nightly build"',
    )

    retries: int | None = None
    ignore: tuple[str, ...] = ()
    unignore: tuple[str, ...] = ()

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:
        """:raises ParseError: if a flag's value is invalid, or there is anything but flags"""
        if first_line(rest):
            raise ParseError("`checks` takes its flags and nothing else; put a name of several words in quotes.")
        ignore, unignore = _names(flags, "--ignore"), _names(flags, "--unignore")
        if {*ignore} & {*unignore}:
            raise ParseError("The same check cannot be in `--ignore` and in `--unignore`.")
        return cls(number_flag(flags, "--retries", 0, MOST_RETRIES), ignore, unignore)


def _names(flags: Flags, flag: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in flags.get(flag, ())))
    if not all(name.isprintable() and 0 < len(name) <= LONGEST_NAME for name in names):
        raise ParseError(f"`{flag}` takes a check's name: one line of {LONGEST_NAME} characters at most.")
    return names


async def checks(command: Checks, ctx: CommandContext) -> Reply:
    repository = await codegen_repository(ctx)
    settings = await ctx.codegen.check_suite_settings(repository.id)
    is_change = command != Checks()
    if is_change:
        await ctx.codegen.update_check_suite_settings(repository.id, _change(command, settings))
        settings = await ctx.codegen.check_suite_settings(repository.id)
    shown = await ctx.render(
        settings_reply,
        repository,
        settings,
        is_changed=is_change,
        prefix=ctx.invocation.prefix,
        has_own_agents=ctx.has_own_agents,
    )
    return shown.with_data(settings)


def _change(command: Checks, settings: CheckSuiteSettings) -> CheckSuiteChange:
    """Codegen replaces the whole list of ignored checks, so those the command does not name are sent again."""
    if not command.ignore and not command.unignore:
        return CheckSuiteChange(check_retry_count=command.retries)
    ignored = dict.fromkeys((*settings.ignored_checks, *command.ignore))
    return CheckSuiteChange(
        check_retry_count=command.retries, ignored_checks=[name for name in ignored if name not in command.unignore]
    )


async def codegen_repository(ctx: CommandContext) -> Repository:
    """:raises UserError: if Codegen does not have it, or the invocation names no repository"""
    name = ctx.invocation.require_repository()
    if (repository := find_repository(await ctx.codegen.repositories(), name)) is not None:
        return repository
    if ctx.has_own_agents:
        raise UserError(
            f"The bot's GitHub account cannot reach the repository {inline_code(name)}.\n\n"
            "Next: give it access, then give the command again in a new comment."
        )
    raise UserError(
        f"Codegen does not know the repository {inline_code(name)} in this organization.\n\n"
        "Next: whoever manages the organization must add it in Codegen's GitHub integration; then give the command "
        "again in a new comment."
    )


_OWN = "When a check fails on a commit of a run, the run is resumed to fix it. How often, in"


def settings_reply(
    repository: Repository,
    settings: CheckSuiteSettings,
    *,
    is_changed: bool = False,
    prefix: str,
    has_own_agents: bool = False,
) -> Reply:
    seen_by = "GitHub" if has_own_agents else "Codegen"
    rows = [
        ("tries to fix a failed check", str(settings.check_retry_count)),
        ("ignored checks", _list(map(_name, settings.ignored_checks)) or "none"),
        ("tries for single checks", _list(f"{_name(each)}: {n}" for each, n in settings.check_retry_counts.items())),
        ("apps whose failures count at once", _list(map(_name, settings.high_priority_apps))),
        (f"checks that {seen_by} has seen", _list(map(_name, settings.available_check_suite_names))),
    ]
    what = _OWN if has_own_agents else "How Codegen reacts to the checks of"
    hint = f'To change them: `{prefix} checks --retries 3 --ignore "nightly build"`'
    return Reply.of(
        Stage.FINISHED,
        f"{'Changed. ' if is_changed else ''}{what} {one_line(repository.full_name, 200)}:",
        table(("setting", "value"), [row for row in rows if row[1]]),
        _prompts(settings),
        "" if is_changed else hint,
    )


def _prompts(settings: CheckSuiteSettings) -> str:
    """The custom prompts for single checks."""
    prompts = [*settings.custom_prompts.items()]
    texts = [f"{_name(check)}\n\n{fenced(cut(text, PROMPT_LIMIT))}" for check, text in prompts[:PROMPTS_SHOWN]]
    if len(prompts) > PROMPTS_SHOWN:
        texts.append(f"… and {len(prompts) - PROMPTS_SHOWN} more.")
    return folded("Prompts for single checks", "\n\n".join(texts)) if texts else ""


def _list(names: Iterable[str]) -> str:
    return listed([*names], MOST_SHOWN)


def _name(name: str) -> str:
    return one_word(name) or "(nothing visible)"
