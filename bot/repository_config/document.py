"""YAML as plain data, with the position of every key and value. Any text gives a document or `ConfigProblems`.

It accepts what ``yaml.safe_load`` does, except what no config file needs and some files misuse: aliases, tags, deep
nesting, large files, keys that are not text, duplicate keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from bot.repository_config.problems import ConfigProblem, ConfigProblems, shown

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
    :param broken: paths without a value that are in `problems` already
    :param repeated: duplicate keys; the first value is in `data`
    :param incomplete: maps with a key that is not in `data`, because it is not text
    """

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    spots: dict[Path, Spot] = field(default_factory=dict)
    broken: set[Path] = field(default_factory=set)
    repeated: set[Path] = field(default_factory=set)
    incomplete: set[Path] = field(default_factory=set)
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
    elif root is not None and not (isinstance(root, yaml.ScalarNode) and root.tag == _NULL):
        start = root.start_mark.index
        raise ConfigProblems([_problem(text, start, "The file is not a map of keys and values, such as prefix: /bot")])
    return document


_NULL = "tag:yaml.org,2002:null"
_INT = "tag:yaml.org,2002:int"
_FLAT = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp"))


def _problem(text: str, index: int, sentence: str) -> ConfigProblem:
    return ConfigProblem(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index), sentence)


class _Loader(yaml.SafeLoader):
    """Stops at the first alias or tag, before Python's stack overflows, and before it takes long."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._text = text
        self._depth = 0
        self._count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # types-PyYAML leaves the parser out
        self._count += 1
        if isinstance(event, yaml.AliasEvent):
            raise self._refusal("Aliases (*name) are not read here; write the value out.")
        if getattr(event, "tag", None) is not None:
            raise self._refusal("Tags (!name) are not read here; leave it out.")
        if self._depth > DEEPEST:
            raise self._refusal(f"It is nested more than {DEEPEST} levels deep.")
        if self._count > MOST_NODES:
            raise self._refusal(f"The file holds more than {MOST_NODES} keys and values.")
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refusal(self, sentence: str) -> ConfigProblems:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # see above
        return ConfigProblems([_problem(self._text, event.start_mark.index, sentence)])


def _compose(text: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        name = f"U+{ord(text[error.position]):04X}"
        raise ConfigProblems([_problem(text, error.position, f"YAML has no place for the character {name}.")]) from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or loader.get_mark()
        sentence = f"This is not YAML: {_yaml_fault(error)}"
        raise ConfigProblems([_problem(text, mark.index, sentence)]) from None
    except (ValueError, OverflowError):
        # PyYAML does not check "\Uffffffff" and endless version numbers.
        sentence = "This is not YAML: a number in it is too large."
        raise ConfigProblems([_problem(text, loader.get_mark().index, sentence)]) from None


def _yaml_fault(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's message, which describes what it found rather than what to do."""
    fault = error.problem or "it cannot be read"
    if error.context == "expected a single document in the stream":
        return "it holds several documents, divided by ---."
    hint = "Indent with spaces." if "'\\t'" in fault else "Text that holds : # { [ or begins with @ needs quotes."
    return f"{shown(fault)}. {hint}"


class _Builder:
    """Converts nodes to plain data; an invalid one is recorded, and the rest still converted."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._values = yaml.SafeLoader("")

    def map(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        lines: dict[str, int | None] = {}
        for key_node, value_node in node.value:
            index = key_node.start_mark.index
            key = self._key(key_node)
            if key is None:
                self._document.incomplete.add(path)
                continue
            if key in data:
                self._document.repeated.add((*path, key))
                sentence = f'The key "{shown(key)}" stands here again; it is on line {lines[key]} already.'
                self._note(index, sentence)
                continue
            lines[key] = self._document.problem(index, "").line
            data[key] = self._value(value_node, (*path, key), index)
        return data

    def _key(self, node: yaml.Node) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str" and not _halves(node.value):
            return str(node.value)
        if isinstance(node, yaml.ScalarNode) and not _halves(node.value):
            sentence = f'To YAML, the key "{shown(node.value)}" is not text. Put it in quotes.'
        else:
            sentence = "A key is text in one piece."
        self._note(node.start_mark.index, sentence)
        return None

    def _value(self, node: yaml.Node, path: Path, key: int) -> Any:
        self._document.spots[path] = Spot(key, node.start_mark.index, node.end_mark.index)
        match node:
            case yaml.MappingNode():
                return self.map(node, path)
            case yaml.SequenceNode():
                return list(self._entries(node, path))
            case _:
                return self._scalar(node, path)

    def _entries(self, node: yaml.SequenceNode, path: Path) -> Iterator[Any]:
        for number, entry in enumerate(node.value):
            yield self._value(entry, (*path, number), entry.start_mark.index)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        if _halves(node.value):
            return self._break(node, path, "holds half a character, written as an escape.")
        if node.tag not in _FLAT:
            return self._break(node, path, "has a meaning of its own in YAML. Put it in quotes.")
        if node.tag == _INT and len(node.value) > _LONGEST_NUMBER:
            return self._break(node, path, "is too large a number.")
        try:
            return self._values.construct_object(node)
        except (ValueError, OverflowError):
            return self._break(node, path, "looks like a date or a number and is none. Put it in quotes.")

    def _break(self, node: yaml.Node, path: Path, sentence: str) -> None:
        self._document.broken.add(path)
        self._note(node.start_mark.index, f'"{shown(node.value)}" {sentence}')

    def _note(self, index: int, sentence: str) -> None:
        self._document.problems.append(self._document.problem(index, sentence))


def _halves(text: str) -> bool:
    """Whether it contains a surrogate: YAML accepts one as an escape, UTF-8 cannot encode it."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)
