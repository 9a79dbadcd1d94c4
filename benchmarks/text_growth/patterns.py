"""The bot's regular expressions, read from its source, each with how it is used."""

from __future__ import annotations

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

APART = {
    "bot.cli.commands": "the bot's own help texts",
    "bot.cli.params": "its user's own arguments",
    "bot.settings": "the server's own settings",
    "bot.cli.demo": "emulated text",
    "bot.app.dry_run": "its user's own arguments",
    "bot.emulators": "stands in for Codegen and GitHub, and is not reachable by others",
    "bot.metrics": "status codes",
    "bot.cli.setup": "its user's own answers",
    "bot.web.api.docs_page": "the API's own description",
    "bot.web.api.openapi": "the API's own description",
}
"""Modules whose patterns see no untrusted text, and what they see instead."""

_LIBRARY = re.compile(r"\b(?:re|regex)\.")
_ANYWHERE = {"search", "finditer", "findall", "split", "sub", "subn"}
_AT_THE_START = {"match", "fullmatch"}
_FUNCTIONS = {*_ANYWHERE, *_AT_THE_START, "compile"}


@dataclass(frozen=True, slots=True)
class Use:
    """A pattern as a module uses it.

    :param name: ``module:NAME``, or ``module:function`` and the line number if it has no name
    :param way: ``match``, ``fullmatch`` or, for everything that searches at every position, ``finditer``
    """

    name: str
    pattern: re.Pattern[str] | re.Pattern[bytes]
    way: str


@cache
def uses() -> tuple[Use, ...]:
    """Every pattern that may see untrusted text."""
    return tuple(use for module in modules() for use in _of_module(module))


def unknown() -> list[str]:
    """Patterns that are not constants, as ``module:NAME``: the functions that use them have to be measured."""
    return sorted({name for module in modules() for name, pattern, _ in _calls(module) if pattern is None})


@cache
def modules() -> tuple[str, ...]:
    """All modules of the bot except `APART`."""
    paths = sorted((ROOT / "bot").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    return tuple(name for name in names if not any(f"{name}.".startswith(f"{apart}.") for apart in APART))


def _of_module(module: str) -> Iterator[Use]:
    for name in _named(module):
        pattern = getattr(importlib.import_module(module), name)
        for way in sorted(_ways(module)[name]):
            yield Use(f"{module}:{name}", pattern, way)
    for place, pattern, way in _calls(module):
        if pattern is not None:
            yield Use(place, pattern, way)


@cache
def _tree(module: str) -> ast.Module:
    """The module's syntax tree, empty if it imports no regular expressions: parsing all modules takes seconds."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    source = file.read_text()
    return ast.parse(source if _LIBRARY.search(source) else "")


def _named(module: str) -> list[str]:
    """The module's named patterns."""
    return [
        _name(statement)
        for statement in _tree(module).body
        if isinstance(statement, ast.Assign) and _function_of_re(statement.value) == "compile"
    ]


@cache
def _ways(module: str) -> dict[str, set[str]]:
    """How each name is used; one that is passed on may be used in any way."""
    tree = _tree(module)
    ways: dict[str, set[str]] = defaultdict(set)
    methods = {node.value: node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            method = methods.get(node)
            ways[node.id].add(method if method in _AT_THE_START else "finditer")
    return ways


def _calls(module: str) -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes] | None, str]]:
    """All other calls of `re`: their location, pattern (None if it is no constant), and way of use."""
    named = set(_named(module))
    for statement in _statements(_tree(module)):
        name = _name(statement)
        if name in named:
            continue
        for node in ast.walk(statement):
            function = _function_of_re(node)
            if function in _FUNCTIONS and isinstance(node, ast.Call):
                way = function if function in _AT_THE_START else "finditer"
                pattern = _constant(node)
                place = f"{module}:{name}"
                yield place if pattern is None else f"{place}:{node.lineno}", pattern, way


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of the module, and of its classes the methods."""
    for statement in tree.body:
        yield from statement.body if isinstance(statement, ast.ClassDef) else [statement]


def _name(statement: ast.stmt) -> str:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return ""


def _function_of_re(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re" | "regex"), attr=name)):
            return name
        case _:
            return None


def _constant(call: ast.Call) -> re.Pattern[str] | re.Pattern[bytes] | None:
    source = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
    flags = re.NOFLAG
    for node in (*call.args[1:], *(keyword.value for keyword in call.keywords)):
        for attribute in ast.walk(node):
            if isinstance(attribute, ast.Attribute) and isinstance(getattr(re, attribute.attr, None), re.RegexFlag):
                flags |= re.RegexFlag[attribute.attr]
    if isinstance(source, bytes):
        return re.compile(source, flags)
    return re.compile(source, flags) if isinstance(source, str) else None
