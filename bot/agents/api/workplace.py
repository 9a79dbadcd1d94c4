"""Which repository a new run works in, by its metadata, its `repo_id` or its prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.codegen.models import MARK
from bot.github.models import HIGHEST_NUMBER, Repository, is_repository


@dataclass(frozen=True, slots=True)
class Workplace:
    """:param pull_request: on which the run was started, if it was one"""

    repository: str | None
    pull_request: int | None = None


def marked_workplace(metadata: Mapping[str, Any] | None) -> Workplace:
    """What the bot's own mark says (`bot.execution.runs` writes it); anybody may write one, so nothing is trusted."""
    mark = (metadata or {}).get(MARK)
    if not isinstance(mark, dict):
        return Workplace(None)
    if (elsewhere := _repository(mark.get("works_in"))) is not None:
        return Workplace(elsewhere)
    repository = _repository(mark.get("repository"))
    number, url = mark.get("number"), mark.get("url")
    is_pull_request = (
        repository is not None
        and type(number) is int
        and 1 <= number <= HIGHEST_NUMBER
        and isinstance(url, str)
        and re.search(rf"/{re.escape(repository)}/pull/{number}(?![0-9])", url, re.IGNORECASE) is not None
    )
    return Workplace(repository, number if is_pull_request else None)


def named_repository(prompt: str, known: Sequence[Repository]) -> str | None:
    """The one known repository that a prompt names, as ``owner/name`` or by its address; else the only one there is."""
    words = {word.lower().rstrip(".").removesuffix(".git") for word in _NAME.findall(prompt)}
    named = [each.name for each in known if each.name.lower() in words]
    if not named:
        named = [each.name for each in known]
    return named[0] if len(named) == 1 else None


# A lookahead, because names overlap: of host/owner/name each pair is tried.
_NAME = re.compile(r"(?<![\w.-])(?=([\w-]+/[\w.-]+))", re.ASCII)


def _repository(value: object) -> str | None:
    return value if isinstance(value, str) and is_repository(value) else None
