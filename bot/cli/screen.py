"""Output: for a user at a terminal, for a pipe, or one JSON document for a script.

rich is imported only for a terminal. Text of models and upstreams must not control the terminal: control characters are
removed from everything printed, and JSON is written in ASCII. In a workflow the same holds for GitHub's runner, which
interprets some lines as workflow commands.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from bot.action.runner import without_commands
from bot.handlers.invocation import CommandInvocation
from bot.outcome import CommandOutcome, Conclusion, document
from bot.replies.markers import Stage
from bot.replies.reply import Reply

Told = Callable[[CommandInvocation, Reply], None]

_LAST = frozenset({Stage.FINISHED, Stage.FAILED, Stage.REFUSED})
_ENDS_WELL = frozenset({Conclusion.SUCCESS, Conclusion.SKIPPED})

_ORDERS_TERMINALS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LINK = re.compile(r"\[([^\][]*)\]\((https?://[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)\)")
_FOLD = re.compile(r"^</?details>(?:<summary>(.*)</summary>)?$", re.MULTILINE)
_HAS_TABLE = re.compile(r"^\|[ :]*-[ |:-]*\|$", re.MULTILINE)
_SINCE = re.compile(r" for (?:\d+ (?:h|min|s) ?)+(?=:)")


def harmless(text: str) -> str:
    """Removes what a terminal or GitHub's runner would interpret, or what would reorder text."""
    return harmless_to_the_runner(_ORDERS_TERMINALS.sub("", text))


def harmless_to_the_runner(text: str) -> str:
    """Disables workflow commands if the process is part of a workflow: GitHub's runner reads stdout and stderr."""
    return without_commands(text) if os.environ.get("GITHUB_ACTIONS") == "true" else text


def _json(value: Any, *, indent: int | None = None) -> str:
    """A document without workflow commands for GitHub's runner; parsing it yields the same value."""
    return json.dumps(value, indent=indent).replace("##[", "#\\u0023[")


def say(text: str, *, err: bool = False) -> None:
    """Prints a line, whether our own or untrusted text."""
    click.echo(harmless(text), err=err)


@dataclass(frozen=True, slots=True)
class Screen:
    """Shows a subcommand's progress and outcome.

    :param as_json: for a script: one JSON document, no progress
    :param is_dry: for a dry run: shows the calls, but not the outcome, which depends on invented responses
    """

    as_json: bool
    is_dry: bool = False

    @contextmanager
    def watching(self) -> Iterator[Told]:
        """Shows progress on stderr; yields a callback for every state of the reply."""
        if self.as_json or self.is_dry:
            yield lambda _invocation, _reply: None
        elif sys.stderr.isatty():
            with _moving_line() as told:
                yield told
        else:
            yield _lines()

    def show(self, outcome: CommandOutcome) -> None:
        """Shows the outcome: a result on stdout, a failure on stderr.

        A script gets its document in either case, and its user the sentence on stderr.
        """
        carried = outcome.carried
        is_error = outcome.conclusion not in _ENDS_WELL and outcome.main_run is None
        if self.as_json:
            click.echo(_json({**document(outcome), "dry_run": self.is_dry}, indent=2))
        if is_error or not (self.as_json or self.is_dry):
            _show_markdown(outcome.text, err=is_error)
        if self.is_dry:
            say("This was a dry run: nothing was sent.", err=True)
        elif carried and carried.comment_url and not self.as_json:
            say(f"On the thread: {carried.comment_url}", err=True)

    def told_dryly(self, call: str) -> None:
        """Prints a call that a dry run omits; with JSON on stderr, so that stdout has only the document."""
        say(call, err=self.as_json)


def json_line(value: Any) -> None:
    """Prints a JSON document on one line."""
    click.echo(_json(value))


def _headline(reply: Reply) -> str:
    return next((line.strip() for line in reply.text.splitlines() if line.strip()), "")


def _lines() -> Told:
    """Prints each state once, as a line."""
    shown = ""

    def told(_invocation: CommandInvocation, reply: Reply) -> None:
        nonlocal shown
        line = _LINK.sub(r"\1 (\2)", _headline(reply))
        if reply.stage not in _LAST and line != shown:
            shown = line
            say(line, err=True)

    return told


@contextmanager
def _moving_line() -> Iterator[Told]:
    """Shows the latest state and its duration on one line; the link to a run's page stays above it."""
    from rich.console import Console  # noqa: PLC0415 - see the module's docstring
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(stderr=True)
    text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    with Progress(SpinnerColumn(), text, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("Asking…", total=None)

        def told(_invocation: CommandInvocation, reply: Reply) -> None:
            line = harmless(_headline(reply))
            if reply.stage is Stage.STARTED:
                console.print(Text(_LINK.sub(r"\1 (\2)", line)), soft_wrap=True)
            if reply.stage not in _LAST:
                progress.update(task, description=_SINCE.sub("", _LINK.sub(r"\1", line)).replace("`", ""))

        yield told


def _show_markdown(text: str, *, err: bool) -> None:
    text = harmless(text)
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty():
        click.echo(text, err=err)
        return
    from rich.console import Console  # noqa: PLC0415 - see the module's docstring
    from rich.markdown import Markdown  # noqa: PLC0415

    # Not every terminal opens hidden links; but in a table a URL would leave no space for the rest.
    hides_addresses = _HAS_TABLE.search(text) is not None
    shown = Markdown(_FOLD.sub(_opened, text), code_theme="ansi_dark", hyperlinks=hides_addresses)
    Console(stderr=err).print(shown)


def _opened(fold: re.Match[str]) -> str:
    """Terminals cannot fold: the summary becomes a heading."""
    return f"**{html.unescape(fold[1])}**" if fold[1] else ""
