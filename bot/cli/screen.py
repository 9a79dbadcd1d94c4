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
from dataclasses import dataclass, field
from typing import Any

import click

from bot.cli.lean import clear_start
from bot.errors import ErrorKind, UpstreamError
from bot.execution.invocation import CommandInvocation
from bot.execution.outcome import NOTHING_WRITTEN, CommandOutcome, Conclusion, document, of_dry_run
from bot.execution.phrases import whole_sentence
from bot.execution.reply import REASONS_OF_ERRORS, Reply
from bot.text.markers import Stage
from bot.text.workflow_commands import without_commands

OnReply = Callable[[CommandInvocation, Reply], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where progress is reported.

    :param on_reply: called with every state of the reply
    :param on_notice: called with a sentence on what is waited for
    """

    on_reply: OnReply
    on_notice: Callable[[str], None]


_LAST = frozenset({Stage.FINISHED, Stage.FAILED, Stage.REFUSED})
_SUCCESSFUL = frozenset({Conclusion.SUCCESS, Conclusion.SKIPPED})

_CONTROLS_TERMINALS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LINK = re.compile(r"\[([^\][]*)\]\((https?://[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)\)")
_FOLD = re.compile(r"^</?details>(?:<summary>(.*)</summary>)?$", re.MULTILINE)
_BLANKS = re.compile(r"\n{3,}")
_HAS_TABLE = re.compile(r"^\|[ :]*-[ |:-]*\|$", re.MULTILINE)
_SINCE = re.compile(r" since \d\d:\d\d UTC(?=:)")


def harmless(text: str) -> str:
    """Removes what a terminal or GitHub's runner would interpret, or what would reorder text."""
    return harmless_to_the_runner(_CONTROLS_TERMINALS.sub("", text))


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
    :param is_stream: whether the outcome follows a stream of JSON lines, and is one of them
    :param is_dry: for a dry run: shows the writes, and a reply only if there are none whose responses it depends on
    :param calls: the writes that were shown
    """

    as_json: bool
    is_dry: bool = False
    is_stream: bool = False
    calls: list[str] = field(default_factory=list)

    @contextmanager
    def watching(self) -> Iterator[Progress]:
        """Shows progress on stderr."""
        if self.as_json or self.is_dry:
            yield Progress(lambda _invocation, _reply: None, lambda _notice: None)
        elif sys.stderr.isatty():
            with _moving_line() as progress:
                yield progress
        else:
            yield Progress(_lines(), lambda notice: say(notice, err=True))

    def show(self, outcome: CommandOutcome) -> None:
        """Shows the outcome: a result on stdout, a failure on stderr.

        A script gets its document in either case, and its user the sentence on stderr.
        """
        clear_start()
        if self.is_dry:
            outcome = of_dry_run(outcome, has_writes=bool(self.calls))
        result = outcome.result
        is_error = outcome.conclusion not in _SUCCESSFUL and (
            outcome.main_run is None or outcome.conclusion is Conclusion.REFUSED or outcome.reason in REASONS_OF_ERRORS
        )
        if self.as_json:
            self.print_document(outcome)
        if is_error or not (self.as_json or self.calls):
            show_markdown(outcome.text, err=is_error)
        if self.is_dry:
            say(NOTHING_WRITTEN, err=True)
        elif result and result.comment_url and not self.as_json:
            say(f"On the thread: {result.comment_url}", err=True)

    def print_document(self, outcome: CommandOutcome) -> None:
        """Prints the JSON document alone."""
        indent = None if self.is_stream else 2
        click.echo(_json({**document(outcome), "dry_run": self.is_dry}, indent=indent))

    def show_call(self, call: str) -> None:
        """Prints a write that a dry run omits; with JSON on stderr, so that stdout has only the document."""
        if not self.calls:
            clear_start()
        self.calls.append(call)
        say(call, err=self.as_json)


_HAPPENED = {
    ErrorKind.UNAUTHORIZED: "does not accept the credential",
    ErrorKind.QUOTA_USED_UP: "has no agent runs left in the plan",
    ErrorKind.FORBIDDEN: "does not allow this",
    ErrorKind.NOT_FOUND: "did not find it",
    ErrorKind.INVALID: "refused the request",
    ErrorKind.RATE_LIMITED: "has had too many requests",
    ErrorKind.SERVER_FAULT: "failed",
    ErrorKind.NETWORK: "cannot be reached",
    ErrorKind.BAD_ANSWER: "sent a response that cannot be read",
}


def in_words(error: UpstreamError) -> str:
    """What GitHub or Codegen did not do, with its own message, in one sentence of plain text."""
    status = f" ({error.status})" if error.status else ""
    detail = f": {error.detail}" if error.detail else ""
    return whole_sentence(f"{error.name} {_HAPPENED[error.kind]}{status}{detail}")


def json_line(value: Any) -> None:
    """Prints a JSON document on one line."""
    click.echo(_json(value))


def _headline(reply: Reply) -> str:
    return next((line.strip() for line in reply.text.splitlines() if line.strip()), "")


def _lines() -> OnReply:
    """Prints each state once, as a line."""
    shown = ""

    def show(_invocation: CommandInvocation, reply: Reply) -> None:
        nonlocal shown
        line = _LINK.sub(r"\1 (\2)", _headline(reply))
        if reply.stage not in _LAST and line != shown:
            shown = line
            say(line, err=True)

    return show


@contextmanager
def _moving_line() -> Iterator[Progress]:
    """Shows the latest state and its duration on one line; the link to a run's page stays above it."""
    from rich.console import Console  # noqa: PLC0415 - see the module's docstring
    from rich.progress import Progress as Line  # noqa: PLC0415
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(stderr=True)
    text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    with Line(SpinnerColumn(), text, TimeElapsedColumn(), console=console, transient=True) as moving:
        task = moving.add_task("Starting…", total=None)

        def show(_invocation: CommandInvocation, reply: Reply) -> None:
            line = harmless(_headline(reply))
            if reply.stage is Stage.STARTED:
                console.print(Text(_LINK.sub(r"\1 (\2)", line)), soft_wrap=True)
            if reply.stage not in _LAST:
                moving.update(task, description=_SINCE.sub("", _LINK.sub(r"\1", line)).replace("`", ""))

        yield Progress(show, lambda notice: moving.update(task, description=harmless(notice)))


def show_heading(text: str) -> None:
    """Prints a line across the terminal with this text in it."""
    from rich.console import Console  # noqa: PLC0415 - see the module's docstring
    from rich.rule import Rule  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    Console().print(Rule(Text(harmless(text)), align="left", style="dim"))


def show_markdown(text: str, *, err: bool = False) -> None:
    """Prints Markdown, rendered where there is a terminal."""
    text = harmless(text)
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty():
        click.echo(_BLANKS.sub("\n\n", _FOLD.sub(_unfolded, text)).strip("\n"), err=err)
        return
    from rich.console import Console  # noqa: PLC0415 - see the module's docstring
    from rich.markdown import Markdown  # noqa: PLC0415

    # Not every terminal opens hidden links; but in a table a URL would leave no space for the rest.
    hides_addresses = _HAS_TABLE.search(text) is not None
    shown = Markdown(_FOLD.sub(_opened, text), code_theme="ansi_dark", hyperlinks=hides_addresses)
    Console(stderr=err).print(shown)


def _unfolded(fold: re.Match[str]) -> str:
    """A pipe has no folds either: the summary becomes a line of its own."""
    return f"{html.unescape(fold[1])}:" if fold[1] else ""


def _opened(fold: re.Match[str]) -> str:
    """Terminals cannot fold: the summary becomes a heading."""
    return f"**{html.unescape(fold[1])}**" if fold[1] else ""
