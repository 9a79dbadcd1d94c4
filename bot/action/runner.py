"""GitHub's runner: output through workflow commands in the log, and through files.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.errors import os_reason

LARGEST_OUTPUT = 100_000
"""Bytes of one output: all outputs of a job together may have a megabyte, and Linux starts no program with an
environment variable of 128 KiB, which is how an output gets into a script.
"""

LARGEST_SUMMARY = 1_000_000
"""Bytes of the step's summary; GitHub accepts 1 MiB and shows nothing of a larger one."""

CUT = "\n\n… cut."


class Runner:
    """Writes the step's log, annotations, outputs and summary.

    :param environ: as the runner sets it; outside of a runner nothing is masked and no file is written
    :param say: prints a line
    """

    def __init__(self, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._environ = environ
        self._say = say
        self.is_there = environ.get("GITHUB_ACTIONS") == "true"

    def mask(self, secret: str) -> None:
        """Makes the runner hide it from now on. This line must go to the runner only."""
        if self.is_there and secret:
            self._say(f"::add-mask::{_data(secret)}")

    def line(self, text: str) -> None:
        """Prints a line of the log, never interpreted as a workflow command."""
        for each in text.splitlines():
            self._say(without_commands(each))

    def group(self, title: str) -> None:
        if self.is_there:
            self._say(f"::group::{_data(title)}")
        else:
            self._say(title)

    def end_group(self) -> None:
        if self.is_there:
            self._say("::endgroup::")

    def annotate(self, level: str, text: str) -> None:
        """:param level: ``error``, ``warning`` or ``notice``"""
        if self.is_there:
            self._say(f"::{level} title=codegen-bot::{_data(text)}")
        else:
            self._say(f"{level}: {text}")

    def outputs(self, values: Mapping[str, str]) -> None:
        """Sets the step's outputs."""
        path = self._environ.get("GITHUB_OUTPUT")
        if not path:
            return
        parts = [_output(name, value) for name, value in values.items()]
        self._append("GITHUB_OUTPUT", path, "".join(parts))

    def summary(self, markdown: str) -> None:
        """Appends to the workflow run's page."""
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        if not path:
            return
        self._append("GITHUB_STEP_SUMMARY", path, f"{_within(markdown, LARGEST_SUMMARY)}\n\n")

    def _append(self, variable: str, path: str, text: str) -> None:
        try:
            with Path(path).open("a", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            # The command has been executed, and the log still shows its outcome.
            self.annotate("warning", f"{variable} names {path}, which cannot be written: {os_reason(error)}.")


def without_commands(text: str) -> str:
    """Text for a step's stdout or stderr, in which the runner finds no workflow command."""
    lines = (f"| {line.replace('##[', '## [')}" if _COMMAND.search(line) else line for line in text.splitlines())
    return "\n".join(lines)


_COMMAND = re.compile(r"^\s*::|##\[")
"""What the runner parses: two colons at a line's beginning, and the old form anywhere."""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _output(name: str, value: str) -> str:
    value = _within(value, LARGEST_OUTPUT)
    # Random, so that no value can contain its own delimiter.
    delimiter = f"ghadelimiter_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _within(text: str, most: int) -> str:
    """:param most: bytes"""
    raw = text.encode("utf-8", errors="replace")
    if len(raw) <= most:
        return raw.decode()
    return raw[: most - len(CUT.encode())].decode(errors="ignore") + CUT
