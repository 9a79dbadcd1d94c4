"""No text whatever does anything but give a config or say what is wrong with it."""

from __future__ import annotations

import math
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.execution.repository_config import document
from bot.execution.repository_config.display import changes, schema
from bot.execution.repository_config.merging import merge
from bot.execution.repository_config.model import RepositoryConfig
from bot.execution.repository_config.problems import ConfigProblems
from bot.execution.repository_config.reading import decode, read
from tests.execution.repository_config.problems import COMMANDS
from tests.harness import EXAMPLES

KEYS = [field.alias or name for name, field in RepositoryConfig.model_fields.items()]
INNER = ["run", "multi-run", "model", "concurrency", "agent-type", "runs-per-thread-a-day", "prompt", "command", "fix"]
VALUES = [
    "write",
    "/bot",
    "3",
    "21",
    "0x_",
    "1:1",
    "yes",
    "null",
    "~",
    ".nan",
    "2024-02-31",
    "codegen",
    "(a+)+",
    "{rest}",
]
MARKS = [
    "&a ",
    "*a",
    "!!int ",
    "!x ",
    "!<x> ",
    "<<",
    "=",
    "? ",
    "- ",
    ": ",
    ":",
    ",",
    "[",
    "]",
    "{",
    "}",
    "'",
    '"',
    "|",
    ">-",
]
BREAKS = [
    "\n",
    "\n  ",
    "\n    ",
    "\r\n",
    "\r",
    "\t",
    " ",
    "---\n",
    "...",
    "%YAML 1.1\n",
    "%TAG ! x\n",
    "#",
    "\u2028",
    "\x85",
]
ODD = ["\ufeff", "\x00", "\ud800", "\\ud800", "\\Uffffffff", "\\x", "\U0001f600", "é", "`", "@", "%"]

pieces = st.lists(st.sampled_from([*KEYS, *INNER, *VALUES, *MARKS, *BREAKS, *ODD]), max_size=40).map("".join)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.sampled_from(VALUES)
keys = st.sampled_from([*KEYS, *INNER]) | st.text(max_size=5) | st.integers() | st.booleans()
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)
levels = st.sampled_from(["read", "triage", "write", "maintain", "admin"])
names = st.sampled_from(["fix-tests", "a", "b2"])
labels = st.sampled_from(["A", "a", "b", "c", "codegen:run"])
bots = st.sampled_from(["renovate[bot]", "ci"])
likely = st.fixed_dictionaries(
    {},
    optional={
        "prefix": st.sampled_from(["/bot", "/Code-gen_2"]),
        "permissions": st.dictionaries(st.sampled_from(COMMANDS), levels),
        "allowed-bots": st.lists(bots, max_size=3) | st.dictionaries(bots, st.sampled_from(["read", "write"])),
        "labels": st.dictionaries(st.sampled_from(["run", "multi-run", "remove", "starred"]), labels),
        "defaults": st.fixed_dictionaries({}, optional={"model": st.none() | st.just("m"), "concurrency": st.integers(1, 20)}),
        "progress": st.booleans(),
        "budgets": st.fixed_dictionaries({}, optional={"runs-per-thread-a-day": st.none() | st.integers(1, 9)}),
        "secret-patterns": st.lists(st.sampled_from(["a+", r"x\d{3}"]), max_size=2),
        "prompts": st.dictionaries(
            names,
            st.fixed_dictionaries(
                {"command": st.sampled_from(["run", "multi-run"]), "prompt": st.just("go {rest}")},
                optional={"permission": st.none() | levels},
            ),
        ),
    },
)  # fmt: skip


def check(text: str) -> RepositoryConfig | None:
    """Whatever the text, an answer that can be shown."""
    try:
        config = read(text, commands=COMMANDS)
    except ConfigProblems as error:
        told = error.problems
    else:
        assert all(line.isprintable() for line in changes(config))
        return config
    assert told
    for problem in told:
        assert problem.line is not None
        assert 1 <= problem.line <= text.count("\n") + 1
        assert problem.column is None or problem.column >= 1
        assert problem.sentence.isprintable()
        assert problem.sentence.endswith((".", "?", "/bot"))
    return None


@given(st.text())
def test_any_text(text: str) -> None:
    check(text)


@settings(max_examples=5 * EXAMPLES)
@given(pieces)
@example("!<tag:%FF> a")
@example("a: &a &b c")
@example("%YAML 2.0\n--- a")
@example("?")
@example("labels: {? run}")
@example("\ufeffprefix: /a")
def test_any_pieces_of_yaml(text: str) -> None:
    check(text)


@given(value=documents, flow=st.booleans())
@example(value={"[key]": 1}, flow=False)
@example(value={"permissions": {"[key]": 1}, "prompts": {"[key]": 1, "A": {"[key]": 1}}}, flow=True)
def test_any_document(*, value: Any, flow: bool) -> None:
    check(yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True))


@given(st.binary())
def test_any_bytes(content: bytes) -> None:
    try:
        text = decode(content)
    except ConfigProblems:
        return
    check(text)


@settings(max_examples=3 * EXAMPLES)
@given(pieces | documents.map(yaml.safe_dump))
def test_what_is_read_is_what_safe_load_reads(text: str) -> None:
    try:
        loaded = document.load(text)
    except ConfigProblems:
        return
    if not loaded.problems:
        assert same(loaded.data, yaml.safe_load(text) or {})


def same(one: Any, other: Any) -> bool:
    """Equal in type too, and a number that is none equals itself."""
    match one:
        case dict():
            return isinstance(other, dict) and [*one] == [*other] and all(same(one[key], other[key]) for key in one)
        case list():
            return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
        case float():
            return isinstance(other, float) and (one == other or (math.isnan(one) and math.isnan(other)))
        case _:
            return type(one) is type(other) and bool(one == other)


@given(likely | documents)
def test_schema_takes_every_file_that_is_taken(value: Any) -> None:
    text = yaml.safe_dump(value)
    if check(text) is not None:
        Draft202012Validator(schema(commands=COMMANDS)).validate(yaml.safe_load(text) or {})


@given(likely, likely)
def test_both_files_are_merged_or_refused(organization: Any, repository: Any) -> None:
    one, other = (check(yaml.safe_dump(value)) for value in (organization, repository))
    try:
        merged = merge(one, other)
    except ConfigProblems as error:
        told = error.problems
    else:
        assert merge(None, merged) == merged
        assert merged.model_fields_set == {name for each in (one, other) if each for name in each.model_fields_set}
        return
    assert all("labels" in str(problem) and problem.line is None for problem in told)
