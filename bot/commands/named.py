"""Named prompts: a repository's own commands, each based on `run` or `multi-run`."""

from __future__ import annotations

from dataclasses import dataclass

from bot.commands.multi_run import MultiRun
from bot.commands.run import Run


@dataclass(frozen=True, slots=True)
class Named:
    """One use of a named prompt.

    :param command: with the flags that were given
    :param template: the prompt with its placeholders
    :param rest: the text after the name and its flags
    """

    name: str
    command: Run | MultiRun
    template: str
    rest: str
