"""The organization's file is the default where the repository's file does not say."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.execution.repository_config.merging import merge
from bot.execution.repository_config.model import RepositoryConfig
from bot.execution.repository_config.problems import ConfigProblems
from bot.execution.repository_config.reading import read
from tests.execution.repository_config.problems import COMMANDS


def merged(organization: str, repository: str) -> RepositoryConfig:
    return merge(read(organization, commands=COMMANDS), read(repository, commands=COMMANDS))


def test_without_any_file_there_are_the_defaults() -> None:
    assert merge(None, None) == RepositoryConfig()


@pytest.mark.parametrize("alone", ["prefix: /a", "labels: {run: x}", "prompts: {fix: {command: run, prompt: x}}"])
def test_one_file_alone_says_everything(alone: str) -> None:
    config = read(alone, commands=COMMANDS)

    assert merge(config, None) == merge(None, config) == config


def test_repository_file_overrides_organization_file() -> None:
    config = merged("prefix: /org\nprogress: false", "prefix: /repo")

    assert (config.prefix, config.progress) == ("/repo", False)


def test_explicit_default_overrides_organization_file() -> None:
    config = merged(
        "prefix: /org\nprogress: false\nbudgets: {runs-per-person-a-day: 3}\nallowed-bots: [ci]",
        "prefix: /codegen\nprogress: true\nbudgets: {runs-per-person-a-day: null}\nallowed-bots: []",
    )

    assert config == RepositoryConfig()


def test_maps_are_merged_key_by_key() -> None:
    config = merged(
        "permissions: {run: admin, status: write}\nlabels: {run: org-run, starred: org-star}\n"
        "defaults: {model: m, concurrency: 7}\nbudgets: {runs-per-person-a-day: 3, confirm-multi-run-above: 1}",
        "permissions: {run: triage}\nlabels: {run: repo-run}\n"
        "defaults: {concurrency: 2}\nbudgets: {runs-per-person-a-day: 4}",
    )

    assert config.permissions == {"run": "triage", "status": "write"}
    assert (config.labels.run, config.labels.starred, config.labels.remove) == (
        "repo-run",
        "org-star",
        "codegen:remove",
    )
    assert (config.defaults.model, config.defaults.concurrency) == ("m", 2)
    assert (config.budgets.runs_per_person_a_day, config.budgets.confirm_multi_run_above) == (4, 1)


def test_empty_map_takes_nothing_away() -> None:
    config = merged("permissions: {run: admin}", "permissions: {}")

    assert config.permissions == {"run": "admin"}


def test_named_prompt_is_one_value() -> None:
    """Half of the organization's prompt under the repository's would be nobody's."""
    config = merged(
        "prompts: {fix: {command: run, prompt: a, permission: admin}, tidy: {command: run, prompt: t}}",
        "prompts: {fix: {command: multi-run, prompt: b}, more: {command: run, prompt: m}}",
    )

    assert {name: prompt.prompt for name, prompt in config.prompts.items()} == {"fix": "b", "tidy": "t", "more": "m"}
    assert config.prompts["fix"].permission is None


def test_list_is_one_value() -> None:
    config = merged("allowed-bots: [a, b]\nsecret-patterns: [x]", "allowed-bots: [c]")

    assert (config.allowed_bots, config.secret_patterns) == ({"c": "write"}, ("x",))


def test_merge_takes_allowed_bots_as_one_value() -> None:
    """Else a repository could not leave out a bot that its organization allows."""
    config = merged("allowed-bots: {a: write, b: read}", "allowed-bots: {b: triage}")

    assert config.allowed_bots == {"b": "triage"}


def test_labels_that_two_files_give_the_same_name_are_reported() -> None:
    with pytest.raises(ConfigProblems) as caught:
        merged("labels: {run: agent}", "labels: {remove: Agent}")

    assert str(caught.value) == snapshot(
        'Together with the organization\'s file: "labels.remove" is also the label of "labels.run"; each needs a name of its own.'
    )
    assert caught.value.problems[0].line is None


def test_too_many_prompts_in_two_files_are_reported() -> None:
    one, other = (
        "prompts:" + "".join(f"\n  {letter}{number}: {{command: run, prompt: x}}" for number in range(30))
        for letter in "ab"
    )

    with pytest.raises(ConfigProblems) as caught:
        merged(one, other)

    assert str(caught.value) == snapshot(
        'Together with the organization\'s file: "prompts" should have at most 50 items after validation, not more.'
    )
