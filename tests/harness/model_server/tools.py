"""Chooses an agent's tool for a scripted step, by the schemas that the agent sends."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.harness.model_server.steps import Edit, Read, Run, Write

_COMMAND = ("command", "cmd", "commands", "script")
_PATH = ("filePath", "file_path", "absolute_path", "path")
_TEXT = ("content", "file_text", "text")
_OLD = ("oldString", "old_string", "old_str", "search")
_NEW = ("newString", "new_string", "new_str", "replace")
_SHELL_NAME = re.compile(r"bash|shell|exec|terminal|command", re.IGNORECASE)
_READ_NAME = re.compile(r"(read|view)(_?file)?$", re.IGNORECASE)
_UNFIT_NAME = re.compile(r"notebook|memory|todo|task|background|stdin|output|agent", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of an agent.

    :param schema: of its arguments, as JSON Schema
    """

    name: str
    schema: Mapping[str, Any]

    def first_of(self, names: Sequence[str]) -> str | None:
        """The first of these arguments that the tool has."""
        properties = self.schema.get("properties") or {}
        return next((name for name in names if name in properties), None)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool."""

    name: str
    arguments: Mapping[str, Any]


def call_for(step: Run | Read | Write | Edit, tools: Sequence[Tool]) -> Call:
    """How an agent with these tools does the step.

    :raises LookupError: if none of the tools can
    """
    match step:
        case Run(command):
            return _shell(command, tools)
        case Read(path):
            return next(_readers(path, tools), None) or _shell(shlex.join(["cat", path]), tools)
        case Write(path, text):
            return next(_writers(path, text, tools), None) or _shell(_writing(path, text), tools)
        case Edit(path, old, new):
            return next(_editors(path, old, new, tools), None) or _shell(_editing(path, old, new), tools)


def _shell(command: str, tools: Sequence[Tool]) -> Call:
    fitting = [tool for tool in tools if _SHELL_NAME.search(tool.name) and tool.first_of(_COMMAND)]
    fitting.sort(key=lambda tool: bool(_UNFIT_NAME.search(tool.name)))
    if not fitting:
        raise LookupError(f"no shell tool among {[tool.name for tool in tools]}")
    tool = fitting[0]
    argument = tool.first_of(_COMMAND)
    assert argument
    is_list = _type_of(tool, argument) == "array"
    words = ["bash", "-c", command] if argument == "command" else [command]
    return _call(tool, {argument: words if is_list else command})


def _readers(path: str, tools: Sequence[Tool]) -> Iterator[Call]:
    for tool in tools:
        target = tool.first_of(_PATH)
        if target and _READ_NAME.match(tool.name):
            yield _call(tool, {target: path})


def _writers(path: str, text: str, tools: Sequence[Tool]) -> Iterator[Call]:
    for tool in tools:
        target, content = tool.first_of(_PATH), tool.first_of(_TEXT)
        if target and content and not tool.first_of(_OLD) and not _UNFIT_NAME.search(tool.name):
            yield _call(tool, {target: path, content: text})


def _editors(path: str, old: str, new: str, tools: Sequence[Tool]) -> Iterator[Call]:
    for tool in tools:
        target, before, after = tool.first_of(_PATH), tool.first_of(_OLD), tool.first_of(_NEW)
        if target and before and after and not _UNFIT_NAME.search(tool.name):
            yield _call(tool, {target: path, before: old, after: new})


def _writing(path: str, text: str) -> str:
    return f"printf %s {shlex.quote(text)} > {shlex.quote(path)}"


def _editing(path: str, old: str, new: str) -> str:
    program = "import sys; from pathlib import Path; f = Path(sys.argv[1]); f.write_text(f.read_text().replace(*sys.argv[2:]))"
    return shlex.join(["python3", "-c", program, path, old, new])


def _type_of(tool: Tool, argument: str) -> str:
    return str(tool.schema["properties"][argument].get("type", "string")).lower()


def _call(tool: Tool, arguments: dict[str, Any]) -> Call:
    """With something for every other argument that the tool requires."""
    for name in tool.schema.get("required") or ():
        if name not in arguments:
            arguments[name] = _anything(tool.schema["properties"].get(name) or {})
    return Call(tool.name, arguments)


def _anything(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    match str(schema.get("type", "string")).lower():
        case "boolean":
            return False
        case "integer" | "number":
            return schema.get("minimum", 60_000)
        case "array":
            return []
        case "object":
            return {}
        case _:
            return "one step"
