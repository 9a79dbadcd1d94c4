"""One subcommand for each comment command, generated from the same usage and parsed by the same class."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import click

from bot.cli.completing import of_flag, of_run
from bot.cli.lean import clear_start, end_of_start
from bot.cli.params import DRY_RUN, GitHubThread, RepositoryName, the_prompt
from bot.cli.screen import Screen
from bot.commands.registry import COMMANDS, Command
from bot.commands.usage import Flag, ParseError
from bot.execution.outcome import CommandOutcome
from bot.execution.reply import Reason

WAITING = frozenset({"run", "resume", "multi-run", "analyze-logs", "setup-commands"})
"""The commands that start agent runs."""

OF_THE_ORGANIZATION = frozenset({"users", "orgs", "repos", "integrations"})
"""The commands that concern no thread: the help does not show them options for one, which work all the same."""

OF_A_REPOSITORY = frozenset({"run", "multi-run", "analyze-logs", "setup-commands", "checks", "starred", "whoami"})
"""The commands to which the repository makes a difference where there is no thread."""

FOLLOWED = "logs"
"""The command with ``--follow``."""


def subcommand(name: str) -> click.Command:
    """:param name: of `COMMANDS`"""
    usage = COMMANDS[name].USAGE
    words = usage.arguments
    params: list[click.Parameter] = [_option(flag) for flag in usage.flags]
    if words:
        complete = of_run if words.startswith("[RUN]") else None
        params.append(
            click.Argument(["words"], nargs=-1, metavar=words, type=click.UNPROCESSED, shell_complete=complete)
        )
    if "PROMPT" in words:
        params.append(
            click.Option(["--prompt-file"], type=click.File(encoding="utf-8"), help="Read the prompt from a file.")
        )
    return click.Command(
        name,
        params=[*params, *_common(name)],
        callback=lambda **given: _invoke(name, given),
        help=f"{usage.summary}\n\nFor example: codegen-bot {usage.example}{_STDIN if 'PROMPT' in words else ''}",
        short_help=usage.summary,
    )


_STDIN = '\n\n"-" instead of the prompt reads it from the standard input.'


_JSON, _JSON_LINES = "Print one JSON document, for scripts", "; with --follow, a line of JSON for each entry."


def _option(flag: Flag) -> click.Option:
    # All may be repeated: the command itself reports best which may not.
    spellings = [flag.name, flag.short, _variable(flag)]
    return click.Option(
        spellings,
        multiple=True,
        metavar=flag.value,
        help=flag.description.replace("`", ""),
        shell_complete=of_flag,
    )


def _variable(flag: Flag) -> str:
    return f"flag_{flag.name.strip('-').replace('-', '_')}"


def _common(name: str) -> list[click.Parameter]:
    """The options specific to the command line; long ones only, because the short ones belong to the commands."""
    options: list[click.Parameter] = [
        click.Option(
            ["--thread"],
            type=GitHubThread(),
            help="The issue or pull request, as OWNER/NAME#N or URL.",
            hidden=name in OF_THE_ORGANIZATION,
        ),
        click.Option(
            ["--repository"],
            type=RepositoryName(),
            help="The repository, if there is no thread.",
            hidden=name not in OF_A_REPOSITORY,
        ),
        click.Option(
            ["--comment/--no-comment"],
            default=False,
            help="Also post a status comment on the thread.",
            hidden=name in OF_THE_ORGANIZATION,
        ),
    ]
    if name in WAITING:
        options += [
            click.Option(["--wait/--no-wait"], default=True, help="Follow the run until it ends (default)."),
            click.Option(
                ["--timeout-minutes"],
                type=click.FloatRange(0, 10_000, min_open=True),
                metavar="N",
                help="The longest time to wait.",
            ),
        ]
    if name == FOLLOWED:
        options.append(
            click.Option(["--follow"], is_flag=True, help="Print entries as they arrive, until the run ends.")
        )
    return [
        *options,
        click.Option(["--json", "as_json"], is_flag=True, help=_JSON + (_JSON_LINES if name == FOLLOWED else ".")),
        click.Option(["--dry-run"], is_flag=True, help=DRY_RUN, hidden=name in OF_THE_ORGANIZATION),
    ]


def _invoke(name: str, given: dict[str, Any]) -> None:
    screen = Screen(given["as_json"], is_dry=given["dry_run"], is_stream=bool(given.get("follow")))
    try:
        outcome = _outcome(name, given, screen)
    except ParseError as error:
        example = f"For example: codegen-bot {COMMANDS[name].USAGE.example}"
        outcome = CommandOutcome(reason=Reason.BAD_INPUT, sentence=f"{error}\n{example}")
    except (click.ClickException, click.Abort, BrokenPipeError):
        clear_start()
        # click handles both: an error message of ours, or a reader that closed the pipe.
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, users get a sentence and scripts a document
        from bot import log  # noqa: PLC0415 - only if there is something to log: it imports rich

        log.configure(level="ERROR")
        log.get(__name__).exception("command-line.broken")
        sentence = f"The bot itself failed: {type(error).__name__}. The lines above say where."
        outcome = CommandOutcome(reason=Reason.INTERNAL_ERROR, sentence=sentence)
    if outcome is not None:
        try:
            screen.show(outcome)
        except BrokenPipeError:
            raise
        except OSError as error:
            # Such as a full disk. What is still buffered would fail once more at the end of the process.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.ClickException(f"The output cannot be written: {error.strerror}.") from None
        raise SystemExit(outcome.exit_status)


def _outcome(name: str, given: Mapping[str, Any], screen: Screen) -> CommandOutcome | None:
    """The outcome to show; None if everything has been shown.

    :raises ParseError: if an argument does not match the command
    """
    command = _read(name, given)
    thread, repository = given["thread"], given["repository"]
    if thread and repository:
        raise ParseError(f"`--thread {thread}` already names the repository: leave out `--repository`.")
    if given["comment"] and thread is None:
        raise ParseError("`--comment` needs a thread: `--thread octo/shop#7`.")
    if math.isnan(given.get("timeout_minutes") or 0.0):
        # NaN passes every range check.
        raise ParseError("`--timeout-minutes` takes a number of minutes, more than 0.")
    from bot.cli.execute import CliInvocation, execute  # noqa: PLC0415 - usage errors first, then slow imports

    end_of_start()
    typed = CliInvocation(
        command=command,
        thread=thread,
        repository=repository,
        posts=given["comment"],
        waits=given.get("wait", True),
        timeout_minutes=given.get("timeout_minutes"),
    )
    if given.get("follow"):
        from bot.cli.follow import follow  # noqa: PLC0415 - not paid by other commands
        from bot.commands.logs import Logs  # noqa: PLC0415 - the only command with --follow

        last = command.last if given["flag_last"] and isinstance(command, Logs) else None
        return follow(typed, screen, last=last)
    return execute(typed, screen)


def _read(name: str, given: Mapping[str, Any]) -> Command:
    known = COMMANDS[name]
    flags: dict[str, Sequence[str]] = {}
    for flag in known.USAGE.flags:
        values = given[_variable(flag)]
        if len(values) > 1 and not flag.repeatable:
            raise ParseError(f"`{flag.name}` was given {len(values)} times.")
        if values:
            flags[flag.name] = [*values]
    rest = the_prompt(given.get("words", ()), given.get("prompt_file"), takes_run=name == "resume")
    command: Command = known.read(flags, rest)
    return command
