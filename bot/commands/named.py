"""Prompts that a repository has given a name: commands of its own, each made of `run` or `multi-run`."""

from __future__ import annotations

from dataclasses import dataclass

from bot.commands.multi_run import MultiRun
from bot.commands.run import Run


@dataclass(frozen=True, slots=True)
class Named:
    """A named prompt, as somebody used it.

    :param command: with the flags that were given
    :param template: the prompt with its placeholders
    :param rest: what followed the name and its flags
    """

    name: str
    command: Run | MultiRun
    template: str
    rest: str
