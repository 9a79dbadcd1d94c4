"""YAML as plain data, with the position of every key and value. Any text gives a document or `ConfigProblems`.

It accepts what ``yaml.safe_load`` does, except what no config file needs and some files misuse: aliases, tags, deep
nesting, large files, keys that are not text, duplicate keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from bot.execution.repository_config.problems import ConfigProblem, ConfigProblems, shown

LARGEST = 64 * 1024
"""Bytes of one file."""

DEEPEST = 10
"""Nesting depth of maps and lists; a config file has three."""

MOST_NODES = 2_000
"""Keys and values; it limits the time that parsing takes."""

_LONGEST_NUMBER = 40

Path = tuple[str | int, ...]
"""The path of a value in a document: keys and list positions."""


@dataclass(frozen=True, slots=True)
class Spot:
    """The position of a value in the text, in characters.

    :param key: where its key begins, or the list's entry
    :param start: where its value begins
    :param end: where its value has ended
    """

    key: int
    start: int
    end: int


@dataclass(slots=True)
class Document:
    """A text that is a map.

    :param data: strings, numbers, booleans, dates, None, lists and maps with text keys
    :param unreadable: paths of keys and values that are in `problems` already; of a duplicate key, the first value is
        in `data`
    """

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    spots: dict[Path, Spot] = field(default_factory=dict)
    unreadable: set[Path] = field(default_factory=set)
    problems: list[ConfigProblem] = field(default_factory=list)

    def problem(self, index: int, sentence: str) -> ConfigProblem:
        """:param index: its position, in characters"""
        return _problem(self.text, index, sentence)


def load(text: str) -> Document:
    """:raises ConfigProblems: if it is not YAML, not a map, or exceeds the limits of a config file"""
    if len(text) > LARGEST or len(text.encode(errors="surrogatepass")) > LARGEST:
        raise ConfigProblems([ConfigProblem(1, None, f"The file is larger than {LARGEST // 1024} KB.")])
    document = Document(text)
    root = _compose(text)
    if isinstance(root, yaml.MappingNode):
        document.data = _Builder(document).map(root, ())
    elif root is not None and root.tag != _NULL:
        start = root.start_mark.index
        raise ConfigProblems([_problem(text, start, "The file is not a map of keys and values, such as prefix: /bot")])
    return document


_STR, _INT, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("str", "int", "null"))
_FLAT = {_STR, _INT, _NULL, *(f"tag:yaml.org,2002:{name}" for name in ("float", "bool", "timestamp"))}


def _problem(text: str, index: int, sentence: str) -> ConfigProblem:
    return ConfigProblem(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index), sentence)


class _Loader(yaml.SafeLoader):
    """Stops at the first alias or tag, before Python's stack overflows, and before it takes long."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # types-PyYAML leaves the parser out
        self._count += 1
        if isinstance(event, yaml.AliasEvent):
            self._refuse("aliases (*name) are not read here; write the value out")
        if getattr(event, "tag", None) is not None:
            self._refuse("tags (!name) are not read here; leave it out")
        if self._depth > DEEPEST:
            self._refuse(f"it is nested more than {DEEPEST} levels deep")
        if self._count > MOST_NODES:
            self._refuse(f"it has more than {MOST_NODES} keys and values")
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refuse(self, problem: str) -> NoReturn:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # see above
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _compose(text: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        name = f"U+{ord(text[error.position]):04X}"
        raise ConfigProblems([_problem(text, error.position, f"YAML does not allow the character {name}.")]) from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or loader.get_mark()
        reason = ", ".join(filter(None, (error.context, error.problem)))
    except (ValueError, OverflowError):
        # PyYAML does not check "\Uffffffff" and endless version numbers.
        mark, reason = loader.get_mark(), "a number in it is too large"
    raise ConfigProblems([_problem(text, mark.index, f"The file cannot be read as YAML: {shown(reason, 200)}.")])


class _Builder:
    """Converts nodes to plain data; an unreadable one is recorded, and the rest still converted."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._values = yaml.SafeLoader("")

    def map(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            index = key_node.start_mark.index
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigProblems([self._document.problem(index, "A key must be text.")])
            key = str(key_node.value).encode(errors="replace").decode()
            if key_node.tag != _STR or key != key_node.value:
                self._note((*path, key), index, f'The key "{shown(key)}" is not text in YAML. Put it in quotes.')
            elif key in data:
                self._note((*path, key), index, f'The key "{shown(key)}" is a duplicate.')
                continue
            data[key] = self._value(value_node, (*path, key), index)
        return data

    def _value(self, node: yaml.Node, path: Path, key: int) -> Any:
        self._document.spots[path] = Spot(key, node.start_mark.index, node.end_mark.index)
        match node:
            case yaml.MappingNode():
                return self.map(node, path)
            case yaml.SequenceNode():
                return [self._value(each, (*path, n), each.start_mark.index) for n, each in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        is_long_number = node.tag == _INT and len(node.value) > _LONGEST_NUMBER
        if node.tag in _FLAT and not is_long_number and not _has_surrogates(node.value):
            try:
                return self._values.construct_object(node)
            except (ValueError, OverflowError):
                pass  # a date or a number in form only
        self._note(path, node.start_mark.index, f'"{shown(node.value)}" is not a valid YAML value. Put it in quotes.')
        return None

    def _note(self, path: Path, index: int, sentence: str) -> None:
        self._document.unreadable.add(path)
        self._document.problems.append(self._document.problem(index, sentence))


def _has_surrogates(text: str) -> bool:
    """YAML accepts them as escapes, UTF-8 cannot encode them."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)
