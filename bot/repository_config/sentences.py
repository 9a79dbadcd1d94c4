"""Rewrites pydantic's errors in plain words, each with its line and the nearest valid key or value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bot.repository_config import model
from bot.repository_config.document import Document, Path, Spot
from bot.repository_config.problems import ConfigProblem, shown
from bot.repository_config.prompts import PLACEHOLDERS

_SECTIONS: dict[str, type[BaseModel]] = {
    "labels": model.Labels,
    "defaults": model.Defaults,
    "budgets": model.Budgets,
}

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a map of keys and values",
    "mapping_type": "a map of keys and values",
    "model_type": "a map of keys and values",
}

_SHAPES = {
    model.PREFIX_PATTERN: "a slash, a letter, then letters, digits, - and _, such as /codegen; at most 40 in all",
    model.LOGIN_PATTERN: "a login on GitHub, such as renovate[bot]",
    model.ONE_LINE_PATTERN: "text in one line, without blanks around it",
    model.MODEL_PATTERN: "a model's name: letters, digits and . / : @ _ -, at most 100",
    model.PROMPT_NAME_PATTERN: "small letters, digits and single hyphens, such as fix-tests",
    r"\S": "text that says something",
}


def problem(error: ErrorDetails, document: Document, names: model.Names) -> ConfigProblem:
    """Converts one error to a problem.

    :param document: what was checked; an empty one if there is no text
    """
    context: dict[str, Any] = error.get("ctx", {})
    path = error["loc"]
    # Pydantic's mark for a key of a map with free keys; a file may contain this word as a key of its own.
    is_key = len(path) == 3 and path[-1] == "[key]" and error["type"] != "extra_forbidden"
    path = path[:-1] if is_key else path
    path = (*path, *([context["at"]] if "at" in context else []))
    sentence = _sentence(error["type"], context, path, error["input"], names) or (
        f'"{_dotted(path)}" is wrong: {shown(error["msg"])}.'
    )
    spot = _nearest_spot(path, document)
    if spot is None:
        return ConfigProblem(None, None, sentence)
    at_key = is_key or error["type"] in {"missing", "extra_forbidden", "too_long"}
    return document.problem(spot.key if at_key else _value_index(spot, context, document), sentence)


def _nearest_spot(path: Path, document: Document) -> Spot | None:
    return next((document.spots[path[:n]] for n in range(len(path), 0, -1) if path[:n] in document.spots), None)


def _value_index(spot: Spot, context: dict[str, Any], document: Document) -> int:
    """Where the value begins; in a long text, where the wrong part begins."""
    if context.get("found"):
        return max(document.text.find(context["found"], spot.start, spot.end), spot.start)
    return spot.start


def _sentence(kind: str, context: dict[str, Any], path: Path, value: Any, names: model.Names) -> str | None:
    """None for error types that are not known here, as a later version of pydantic may have."""
    where = f'"{_dotted(path)}"'
    if isinstance(path[-1], int):
        where = f'Entry {path[-1] + 1} of "{_dotted(path[:-1])}"'
    match kind:
        case "extra_forbidden":
            return _unknown_key(path)
        case "unknown_command":
            return _unknown_command(str(path[-1]), names)
        case "missing":
            return f'"{_dotted(path[:-1])}" lacks the key "{path[-1]}".'
        case "literal_error":
            return _unknown_word(where, value, re.findall(r"'([^']*)'", context["expected"]))
        case "unknown_placeholder":
            near = _near(context["name"].strip(), PLACEHOLDERS)
            all_of_them = _listed([f"{{{name}}}" for name in PLACEHOLDERS])
            hint = f"Did you mean {{{near}}}?" if near else f"There are {all_of_them}."
            found = shown(context["found"])
            return f'{where}: there is no placeholder "{found}". {hint} A brace itself is {{{{ or }}}}.'
        case "lone_brace":
            return f"{where}: a single {context['found']} stands for nothing. A brace itself is {{{{ or }}}}."
        case "string_pattern_mismatch":
            return f"{where} should be {_SHAPES[context['pattern']]}."
        case "bad_pattern":
            return f"{where} {context['fault']}."
        case "same_label":
            return f'{where} is also the label of "labels.{context["other"]}". Each needs a name of its own.'
        case "bots_type":
            return (
                f"{where} should be a list of logins, or a map of logins and their permissions, {_what(value, kind)}."
            )
        case "built_in_name":
            return f"{where} has the name of a built-in command. Choose another one."
        case "string_too_long":
            return f"{where} has more than {context['max_length']} characters."
        case "too_long":
            return f"{where} has more than {context['max_length']} entries."
        case "greater_than_equal":
            return f"{where} should be {context['ge']} or more."
        case "less_than_equal":
            return f"{where} should be {context['le']} or less."
        case _ if kind in _KINDS:
            return f"{where} should be {_KINDS[kind]}, {_what(value, kind)}."
        case _:
            return None


def _dotted(path: Path) -> str:
    return shown(".".join(map(str, path)))


def _what(value: Any, wanted: str) -> str:
    """Describes the value that was found instead, and how to make it text."""
    if value is None:
        return "but nothing stands there"
    match value:
        case bool():
            found = str(value).lower()
        case str():
            return f'not the text "{shown(value)}"' if value else "not empty text"
        case dict():
            found = "a map"
        case list():
            found = "a list"
        case int() | float():
            found = f"the number {value}"
        case _:
            found = "a date"
    return f"not {found}{'. Put it in quotes' if wanted == 'string_type' else ''}"


def _unknown_word(where: str, value: Any, words: list[str]) -> str:
    near = _near(value, words) if isinstance(value, str) else None
    hint = f' Did you mean "{near}"?' if near else ""
    return f"{where} should be {_listed(words, 'or')}, {_what(value, '')}.{hint}"


def _unknown_key(path: Path) -> str:
    key, parent = str(path[-1]), path[:-1]
    keys = _keys(parent)
    where = f' in "{_dotted(parent)}"' if parent else ""
    near = _near(key, keys)
    elsewhere = next((name for name in _SECTIONS if key in _keys((name,))), None)
    if elsewhere and elsewhere not in parent:
        hint = f'It belongs under "{elsewhere}".'
    elif near:
        hint = f'Did you mean "{near}"?'
    else:
        hint = f"There are {_listed(keys)}."
    return f'There is no key "{shown(key)}"{where}. {hint}'


def _keys(path: Path) -> list[str]:
    """The valid keys of a map with fixed keys."""
    found = model.RepositoryConfig if not path else _SECTIONS.get(str(path[0]), model.NamedPrompt)
    return [field.alias or name for name, field in found.model_fields.items()]


def _unknown_command(name: str, names: model.Names) -> str:
    if name in names.prompts:
        return f'"permissions.{shown(name)}" is a named prompt; its permission is "prompts.{shown(name)}.permission".'
    near = _near(name, names.commands)
    hint = f'Did you mean "{near}"?' if near else f"There are {_listed(names.commands)}."
    return f'There is no command "{shown(name)}". {hint}'


def _near(name: str, known: Collection[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name.lower()[:40], known, n=1, cutoff=0.6)), None)


def _listed(words: Collection[str], link: str = "and") -> str:
    *first, last = words or ("none",)
    return f"{', '.join(first)} {link} {last}" if first else last
