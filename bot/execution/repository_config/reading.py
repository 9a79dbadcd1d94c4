"""Parses a config file's text, or reports everything that is wrong with it; of an invalid file, it reads the rest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.execution.agent_types import NAME_PATTERN, KnownAgents
from bot.execution.repository_config import model
from bot.execution.repository_config.model import Names, RepositoryConfig
from bot.execution.repository_config.problems import MESSAGES, ConfigProblem, ConfigProblems, shown, value_sentence

if TYPE_CHECKING:
    # Imports yaml, which is needed once there is a file.
    from bot.execution.repository_config.document import Document, Path


def read(
    text: str, *, commands: Collection[str], agents: KnownAgents = None, measures: bool = False
) -> RepositoryConfig:
    """Parses a config file; an empty one sets nothing.

    :param commands: the names of the built-in commands
    :param agents: the agents that a run may name
    :param measures: refuses secret patterns that take too long on hostile texts; trying them takes up to seconds
    :returns: a config whose ``model_fields_set`` are the keys in the file
    :raises ConfigProblems: for any invalid text, with all the problems that can be found at once
    """
    from bot.execution.repository_config import document  # noqa: PLC0415 - see above

    loaded = document.load(text)
    try:
        config = _validated(loaded.data, commands, agents, measures=measures)
    except ValidationError as error:
        found = [_problem(each, loaded) for each in error.errors() if not _is_known(each, loaded)]
        raise ConfigProblems(loaded.problems + found) from None
    if loaded.problems:
        raise ConfigProblems(loaded.problems)
    return config


def decode(content: bytes) -> str:
    """A config file's bytes as text.

    :raises ConfigProblems: if it is not UTF-8
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigProblems([ConfigProblem(line, None, "The file is not UTF-8 text.")]) from None


@dataclass(frozen=True, slots=True)
class Readable:
    """The readable parts of one file.

    :param config: its ``model_fields_set`` are the keys that could be read, in whole or in part
    :param has_all_patterns: whether no secret pattern is among the unreadable parts
    """

    config: RepositoryConfig
    has_all_patterns: bool


def read_partly(
    text: str, *, commands: Collection[str], agents: KnownAgents = None, last: RepositoryConfig | None = None
) -> Readable | None:
    """Reads as much as is valid. Unreadable parts are taken from the last valid version, or left out.

    :param commands: the names of the built-in commands
    :param agents: the agents that a run may name
    :param last: the last valid version of the file
    :returns: None if the text is not YAML at all
    """
    from bot.execution.repository_config import document  # noqa: PLC0415 - see above

    try:
        loaded = document.load(text)
    except ConfigProblems:
        return None
    before = last.model_dump(by_alias=True, exclude_unset=True) if last else {}
    wrong, left_out = loaded.unreadable, set[str]()
    restored: set[Path] = set()
    while True:
        # The top-level keys with a part left out; the empty string: something at the top level itself.
        left_out |= {str(path[0]) if path else "" for path in wrong}
        # From the back: removing an entry of a list moves the later ones.
        ordered = sorted(wrong, key=lambda each: [(isinstance(part, str), part) for part in each], reverse=True)
        changes = [_leave_out(path, loaded.data, before, restored) for path in ordered]
        if wrong and not any(changes):
            return None
        try:
            config = _validated(loaded.data, commands, agents)
        except ValidationError as error:
            wrong = {_path(each) for each in error.errors()}
        else:
            return Readable(config, has_all_patterns=left_out <= {*_keys_of(())} - {"secret-patterns"})


def _leave_out(path: Path, data: dict[str, Any], before: dict[str, Any], restored: set[Path]) -> bool:
    """Replaces a part by the last valid one, once, or removes it. If the part itself is missing, the part that lacks it
    is removed.

    :returns: whether anything has changed
    """
    for place in (path, path[:-1]):
        holder = _at(data, place[:-1]) if place else None
        if isinstance(holder, dict) and place[-1] in holder:
            key, last = str(place[-1]), _at(before, place[:-1])
            if isinstance(last, dict) and key in last and place not in restored:
                holder[key] = last[key]
                restored.add(place)
            else:
                del holder[key]
            return True
        if isinstance(holder, list) and isinstance(place[-1], int) and place[-1] < len(holder):
            del holder[place[-1]]
            return True
    return False


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


def _validated(
    data: dict[str, Any], commands: Collection[str], agents: KnownAgents, *, measures: bool = False
) -> RepositoryConfig:
    prompts = data.get("prompts")
    names = Names(
        commands, prompts=prompts.keys() if isinstance(prompts, dict) else (), agents=agents, measures=measures
    )
    return RepositoryConfig.model_validate(data, by_alias=True, by_name=False, context=names)


# Problems


def _is_known(error: ErrorDetails, loaded: Document) -> bool:
    return any(error["loc"][:length] in loaded.unreadable for length in range(1, len(error["loc"]) + 1))


def _is_about_key(error: ErrorDetails) -> bool:
    """Pydantic marks the key of a map with an extra element; a file may contain this word as a key of its own."""
    return len(error["loc"]) == 3 and error["loc"][-1] == "[key]" and error["type"] != "extra_forbidden"


def _path(error: ErrorDetails) -> Path:
    """The path of the value to leave out."""
    return error["loc"][:-1] if _is_about_key(error) else error["loc"]


def _place(error: ErrorDetails) -> Path:
    """The path to report."""
    return (*_path(error), *error.get("ctx", {}).get("at", ()))


def _problem(error: ErrorDetails, loaded: Document) -> ConfigProblem:
    path = _place(error)
    is_key = _is_about_key(error) or error["type"] in {"missing", "extra_forbidden", "too_long"}
    spot = next(spot for length in range(len(path), 0, -1) if (spot := loaded.spots.get(path[:length])))
    index = spot.key if is_key else spot.start
    if found := error.get("ctx", {}).get("found"):
        index = max(loaded.text.find(found, spot.start, spot.end), spot.start)  # in a long text, the wrong part
    return loaded.problem(index, sentence(error))


_SHAPES = {
    model.PREFIX_PATTERN: "a slash, a letter, then letters, digits, - and _, such as /codegen; at most 40 in all",
    model.LOGIN_PATTERN: "a login on GitHub, such as renovate[bot]",
    model.ONE_LINE_PATTERN: "text in one line, without blanks around it",
    NAME_PATTERN: "an agent's name: letters, digits and single - or _",
    model.MODEL_PATTERN: "a model's name: letters, digits and . / : @ _ -, at most 100",
    model.PROMPT_NAME_PATTERN: "small letters, digits and single hyphens, such as fix-tests",
    model.SOME_TEXT_PATTERN: "text that says something",
}


def sentence(error: ErrorDetails) -> str:
    """Pydantic's error in one sentence, or two."""
    path = _place(error)
    if error["type"] == "extra_forbidden":
        return f'There is no key "{shown(".".join(map(str, path)))}". {model.hint(str(path[-1]), _keys_of(path[:-1]))}'
    return value_sentence(error, path, messages=MESSAGES, shapes=_SHAPES)


def _keys_of(path: Path) -> list[str]:
    """The valid keys of a map with fixed keys."""
    sections: dict[str, type[BaseModel]] = {
        "labels": model.Labels,
        "defaults": model.Defaults,
        "budgets": model.Budgets,
        "checks": model.CheckFixes,
        "prompts": model.NamedPrompt,
    }
    found = sections[str(path[0])] if path else RepositoryConfig
    return [field.alias or name for name, field in found.model_fields.items()]
