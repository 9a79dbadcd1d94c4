"""Of two configs, whatever restricts more."""

from __future__ import annotations

from typing import get_args

import yaml
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from bot.execution.repository_config.merging import strictest, tightened
from bot.execution.repository_config.model import Level, RepositoryConfig
from bot.execution.repository_config.reading import read
from tests.execution.repository_config.problems import COMMANDS

USUAL: dict[str, Level] = dict.fromkeys(COMMANDS, "write")


def after(base: str, now: str) -> str:
    """What holds, as a config file would say it."""
    one, other = (read(text, commands=COMMANDS) for text in (base, now))
    said = tightened(one, other, usual=USUAL).model_dump(mode="json", by_alias=True, exclude_unset=True)
    default = RepositoryConfig().model_dump(mode="json", by_alias=True)
    return yaml.safe_dump({key: value for key, value in said.items() if value != default[key]}, sort_keys=False)


def test_tightened_takes_the_higher_permission() -> None:
    assert after(
        "permissions: {run: maintain, multi-run: admin, status: read, help: triage}",
        "permissions: {run: admin, multi-run: read, help: read}",
    ) == snapshot("""\
permissions:
  run: admin
  multi-run: admin
  status: write
  help: triage
""")


def test_tightened_takes_the_lower_budget() -> None:
    assert after(
        "budgets: {runs-per-person-a-day: 5, runs-per-thread-a-day: 5, cost-per-run: 2.5, multi-run-timeout-minutes: 10}",
        "budgets: {runs-per-person-a-day: 9, runs-per-repository-a-day: 7, cost-per-run: 4, confirm-multi-run-above: 1}",
    ) == snapshot("""\
budgets:
  runs-per-person-a-day: 5
  runs-per-thread-a-day: 5
  runs-per-repository-a-day: 7
  cost-per-run: 2.5
  cost-per-person-a-day: null
  cost-per-thread-a-day: null
  cost-per-repository-a-day: null
  confirm-multi-run-above: 1
  multi-run-timeout-minutes: 10
""")


def test_tightened_takes_out_what_either_takes_out() -> None:
    assert after("secret-patterns: [a, b]", "secret-patterns: [b, c]") == snapshot("""\
secret-patterns:
- a
- b
- c
""")


def test_tightened_keeps_the_bots_that_both_allow() -> None:
    assert after("allowed-bots: ['Renovate[bot]', ci]", "allowed-bots: ['renovate[bot]', other]") == snapshot("""\
allowed-bots:
  Renovate[bot]: write
""")


def test_tightened_keeps_the_prompts_that_both_have() -> None:
    base = """
        prompts:
          gone: {command: run, prompt: x}
          fix: {command: run, prompt: x, permission: read}
          try: {command: multi-run, prompt: x, permission: admin}
    """
    now = """
        permissions: {run: maintain}
        prompts:
          fix: {command: run, prompt: another}
          try: {command: multi-run, prompt: x, permission: read}
    """
    assert after(base, now) == snapshot("""\
permissions:
  run: maintain
prompts:
  fix:
    command: run
    prompt: x
    permission: maintain
  try:
    command: multi-run
    prompt: x
    permission: admin
""")


def test_tightened_leaves_names_and_defaults_alone() -> None:
    base = "prefix: /a\nlabels: {run: go}\ndefaults: {model: m}\nprogress: false"
    assert after(base, "prefix: /b\nlabels: {run: other}\ndefaults: {model: n}\nprogress: true") == snapshot("""\
prefix: /a
labels:
  run: go
defaults:
  model: m
progress: false
""")


def test_strictest_keeps_what_restricts_nothing() -> None:
    now = read(
        """
        prefix: /a
        permissions: {run: read}
        allowed-bots: [ci]
        labels: {run: go}
        budgets: {multi-run-timeout-minutes: 7}
        secret-patterns: [a]
        prompts: {fix: {command: run, prompt: x}}
        """,
        commands=COMMANDS,
    )
    config = strictest(now, commands=["run", "logs"])
    assert config.model_dump(mode="json", by_alias=True, exclude_unset=True) == snapshot(
        {
            "prefix": "/a",
            "permissions": {"run": "admin", "logs": "admin"},
            "allowed-bots": {},
            "labels": {"run": "go"},
            "budgets": {
                "runs-per-person-a-day": 1,
                "runs-per-thread-a-day": 1,
                "runs-per-repository-a-day": 1,
                "confirm-multi-run-above": 0,
                "multi-run-timeout-minutes": 7,
            },
            "secret-patterns": ["a"],
            "prompts": {},
        }
    )


levels = st.sampled_from(get_args(Level))
configs = st.fixed_dictionaries(
    {},
    optional={
        "permissions": st.dictionaries(st.sampled_from(COMMANDS), levels),
        "allowed-bots": st.lists(st.sampled_from(["renovate[bot]", "ci"]), max_size=3),
        "budgets": st.fixed_dictionaries({}, optional={"runs-per-thread-a-day": st.none() | st.integers(1, 9)}),
        "secret-patterns": st.lists(st.sampled_from(["a+", "b+", "c+"]), max_size=3),
        "prompts": st.dictionaries(
            st.sampled_from(["fix", "go"]),
            st.fixed_dictionaries(
                {"command": st.sampled_from(["run", "multi-run"]), "prompt": st.just("go")},
                optional={"permission": st.none() | levels},
            ),
        ),
    },
).map(lambda value: read(yaml.safe_dump(value), commands=COMMANDS))


@given(base=configs, now=configs)
def test_tightened_never_allows_more_than_either(base: RepositoryConfig, now: RepositoryConfig) -> None:
    rank = get_args(Level).index
    both = tightened(base, now, usual=USUAL)
    for each in (base, now):
        for name in COMMANDS:
            assert rank(both.permission_for(name, USUAL[name])) >= rank(each.permission_for(name, USUAL[name]))
        for name, prompt in both.prompts.items():
            level = each.permission_for(name, USUAL[each.prompts[name].command])
            assert rank(both.permission_for(name, USUAL[prompt.command])) >= rank(level)
        assert {*both.allowed_bots} <= {*each.allowed_bots}
        assert {*both.secret_patterns} >= {*each.secret_patterns}
        limits = [config.budgets.runs_per_thread_a_day or 10 for config in (both, each)]
        assert limits[0] <= limits[1]
