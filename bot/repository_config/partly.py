"""Reads the valid parts of an invalid config file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bot.repository_config import document
from bot.repository_config.document import Path
from bot.repository_config.model import Names, RepositoryConfig
from bot.repository_config.problems import ConfigProblems

_KEYS = frozenset(field.alias or name for name, field in RepositoryConfig.model_fields.items())


@dataclass(frozen=True, slots=True)
class Readable:
    """The readable parts of one file.

    :param config: its ``model_fields_set`` are the keys that could be read, in whole or in part
    :param has_all_patterns: whether no secret pattern is among the unreadable parts
    """

    config: RepositoryConfig
    has_all_patterns: bool


def read_partly(text: str, *, commands: Collection[str], last: RepositoryConfig | None = None) -> Readable | None:
    """Reads as much as is valid. Unreadable parts are taken from the last valid version, or left out.

    :param commands: the names of the built-in commands
    :param last: the last valid version of the file
    :returns: None if the text is not YAML at all
    """
    try:
        loaded = document.load(text)
    except ConfigProblems:
        return None
    parts = _Parts(loaded.data, last.model_dump(by_alias=True, exclude_unset=True) if last else {})
    parts.leave_out(loaded.broken | loaded.repeated)
    parts.left_out |= {str(path[0]) if path else "" for path in loaded.incomplete}
    while True:
        prompts = parts.data.get("prompts")
        names = Names(commands=commands, prompts=prompts.keys() if isinstance(prompts, dict) else ())
        try:
            config = RepositoryConfig.model_validate(parts.data, by_alias=True, by_name=False, context=names)
        except ValidationError as error:
            if not parts.leave_out({_path(each["loc"]) for each in error.errors(include_url=False)}):
                return None
        else:
            return Readable(config, has_all_patterns=parts.left_out <= _KEYS - {"secret-patterns"})


def _path(loc: Path) -> Path:
    """The path of an error; pydantic marks the key of a map with an extra element."""
    return loc[:-1] if len(loc) == 3 and loc[-1] == "[key]" else loc


class _Parts:
    """A document from which unreadable parts are removed.

    :param data: modified in place
    :param last: the last valid version
    """

    def __init__(self, data: dict[str, Any], last: dict[str, Any]) -> None:
        self.data = data
        self._last = last
        self._restored: set[Path] = set()
        self.left_out: set[str] = set()
        """The top-level keys with a part left out; the empty string: something at the top level itself."""

    def leave_out(self, paths: Collection[Path]) -> bool:
        """:returns: whether anything has changed"""
        self.left_out |= {str(path[0]) if path else "" for path in paths}
        # From the back: removing an entry of a list moves the later ones.
        ordered = sorted(paths, key=lambda each: [(isinstance(part, str), part) for part in each], reverse=True)
        changes = [self._leave_out(path) for path in ordered]
        return any(changes)

    def _leave_out(self, path: Path) -> bool:
        """If the part itself is missing, the part that lacks it is removed."""
        for place in (path, path[:-1]):
            holder = _at(self.data, place[:-1]) if place else None
            if isinstance(holder, dict) and place[-1] in holder:
                self._restore(holder, place)
                return True
            if isinstance(holder, list) and isinstance(place[-1], int) and place[-1] < len(holder):
                del holder[place[-1]]
                return True
        return False

    def _restore(self, holder: dict[str, Any], place: Path) -> None:
        """Replaces an unreadable value by the last valid one, once."""
        key = str(place[-1])
        before = _at(self._last, place[:-1])
        if isinstance(before, dict) and key in before and place not in self._restored:
            holder[key] = before[key]
            self._restored.add(place)
        else:
            del holder[key]


def _at(data: Any, path: Path) -> Any:
    """The value at a path; None if there is none."""
    for part in path:
        if isinstance(data, dict):
            data = data.get(str(part))
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data
