"""Parameter types for threads, repositories and prompts, and an option of several subcommands."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

import click

from bot.commands.usage import ParseError

DRY_RUN = "Print what would be written to GitHub and Codegen instead of writing it; reads are made."

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for scripts.")

_REPOSITORY = r"[A-Za-z0-9][\w.-]*/[\w.-]+"
_THREAD = re.compile(rf"({_REPOSITORY})#([1-9][0-9]{{0,9}})", re.ASCII)
_ADDRESS = re.compile(rf"https?://[^/\s]+/({_REPOSITORY})/(?:issues|pull)/([1-9][0-9]{{0,9}})(?:[/?#]\S*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ThreadName:
    """An issue or a pull request, as named on the command line."""

    repository: str
    number: int

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"


class GitHubThread(click.ParamType[ThreadName]):
    """``octo/shop#7`` or the URL of its page."""

    name = "OWNER/NAME#N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ThreadName:
        found = _THREAD.fullmatch(str(value)) or _ADDRESS.fullmatch(str(value))
        if found is None:
            self.fail("Expected OWNER/NAME#N, or the URL of an issue or a pull request.", param, ctx)
        return ThreadName(found[1], int(found[2]))


class RepositoryName(click.ParamType[str]):
    """``octo/shop``."""

    name = "OWNER/NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(_REPOSITORY, str(value), re.ASCII):
            self.fail(f"{value!r} is not of the form OWNER/NAME.", param, ctx)
        return str(value)


def the_prompt(words: Sequence[str], file: IO[str] | None, *, takes_run: bool) -> str:
    """The text after the flags: the words, standard input for ``-``, or a file's content.

    :param takes_run: whether a run's number may precede the prompt
    :raises ParseError: if the prompt is given twice, or its file is not text
    """
    before = 1 if takes_run else 0
    if file is None and len(words) - 1 in range(before + 1) and words[-1] == "-":
        file, words = sys.stdin, words[:-1]
    if file is None:
        return " ".join(words)
    if len(words) > before:
        raise ParseError("Give the prompt as words or from a file, not both.")
    try:
        return " ".join((*words, file.read()))
    except UnicodeDecodeError:
        raise ParseError("The prompt is not UTF-8 text.") from None
