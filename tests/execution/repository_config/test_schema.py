"""The schema for editors says of good and bad files what the bot says of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from bot.commands.registry import COMMANDS
from bot.execution.repository_config.display import schema
from bot.execution.repository_config.reading import read
from tests.execution.repository_config.problems import problems

EXAMPLE = Path(__file__).parents[3] / "examples" / "codegen-bot.yml"
FEW = ("run", "multi-run", "status", "help")

GOOD = [
    "{}",
    "prefix: /bot",
    "permissions: {multi-run: maintain}",
    "allowed-bots: ['renovate[bot]']",
    "allowed-bots: {'renovate[bot]': triage, ci: write}",
    "labels: {ban-checks: x}",
    "defaults: {model: null, agent-type: codegen, concurrency: 1}",
    "budgets: {runs-per-person-a-day: null, runs-per-thread-a-day: 3}",
    "secret-patterns: ['(?P<a>x)']",
    "prompts: {fix-2: {command: run, prompt: '{title}', permission: admin}}",
]

BAD = [
    "zzz: 1",
    "prefix: bot",
    "progress: 1",
    "permissions: {zzz: read}",
    "permissions: {run: none}",
    "allowed-bots: [a b]",
    "allowed-bots: ci",
    "allowed-bots: {ci: admin}",
    "allowed-bots: {a b: write}",
    "labels: {zzz: x}",
    "labels: {run: ''}",
    "labels: {run: ' x'}",
    f"labels: {{run: {'x' * 51}}}",
    "defaults: {concurrency: 0}",
    "defaults: {concurrency: 21}",
    "defaults: {agent-type: not/claude}",
    "defaults: {agent_type: codegen}",
    "budgets: {runs-per-person-a-day: 0}",
    "budgets: {confirm-multi-run-above: null}",
    "secret-patterns: ['']",
    f"secret-patterns: [{'x' * 201}]",
    "prompts: {fix: {command: run}}",
    "prompts: {fix: {command: status, prompt: x}}",
    "prompts: {fix: {command: run, prompt: ' '}}",
    "prompts: {Fix: {command: run, prompt: x}}",
    "prompts: {help: {command: run, prompt: x}}",
]


def validate(text: str) -> None:
    Draft202012Validator(schema(commands=FEW)).validate(yaml.safe_load(text))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())
    Draft202012Validator.check_schema(schema(commands=COMMANDS))


@pytest.mark.parametrize("text", GOOD)
def test_good_file_is_good_to_both(text: str) -> None:
    validate(text)
    read(text, commands=FEW)


@pytest.mark.parametrize("text", BAD)
def test_bad_file_is_bad_to_both(text: str) -> None:
    with pytest.raises(ValidationError):
        validate(text)
    assert problems(text)


def test_without_the_commands_any_name_will_do() -> None:
    Draft202012Validator(schema()).validate({"permissions": {"zzz": "read"}})


def test_example_is_good_to_both() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")

    Draft202012Validator(schema(commands=COMMANDS)).validate(yaml.safe_load(text))
    read(text, commands=COMMANDS)


def test_example_shows_every_key() -> None:
    shown = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    document = schema()

    assert [*shown] == [*document["properties"]]
    for key, part in (("labels", "Labels"), ("defaults", "Defaults"), ("budgets", "Budgets")):
        assert [*shown[key]] == [*document["$defs"][part]["properties"]]
    prompts = [set(prompt) for prompt in shown["prompts"].values()]
    assert set().union(*prompts) == {*document["$defs"]["NamedPrompt"]["properties"]}


def properties(part: Any) -> Iterator[dict[str, Any]]:
    for each in part.get("properties", {}).values():
        yield each
    for each in part.get("$defs", {}).values():
        yield from properties(each)


def test_every_key_has_its_sentence_and_its_title() -> None:
    document = schema()

    for part in properties(document):
        described = part if "$ref" not in part else part | document["$defs"][part["$ref"].rpartition("/")[2]]
        assert described["title"]
        assert described["description"].endswith(".")
    assert document["title"] == "codegen-bot's config file"
