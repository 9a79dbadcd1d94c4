"""From text to a config, or to every mistake with its line."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic_core import ErrorDetails

from bot.errors import BotError
from bot.execution.agent_types import CODEGEN_TYPES
from bot.execution.repository_config.model import Budgets, Defaults, Labels, NamedPrompt, RepositoryConfig
from bot.execution.repository_config.problems import MOST_PROBLEMS, ConfigProblem, ConfigProblems
from bot.execution.repository_config.reading import decode, read, sentence
from tests.execution.repository_config.problems import COMMANDS, only_problem, problems

EXAMPLE = Path(__file__).parents[3] / "examples" / "codegen-bot.yml"


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "{}", "null", "\ufeff# nothing"])
def test_empty_file_is_the_defaults(text: str) -> None:
    config = read(text, commands=COMMANDS)

    assert config == RepositoryConfig()
    assert config.model_fields_set == set()


def test_defaults() -> None:
    assert RepositoryConfig().model_dump(mode="json", by_alias=True) == snapshot(
        {
            "prefix": "/codegen",
            "permissions": {},
            "allowed-bots": {},
            "labels": {
                "run": "codegen:run",
                "multi-run": "codegen:multi-run",
                "analyze-logs": "codegen:analyze-logs",
                "remove": "codegen:remove",
                "ban-checks": "codegen:ban-checks",
                "starred": "codegen:starred",
            },
            "defaults": {"model": None, "agent-type": None, "concurrency": 3},
            "progress": True,
            "budgets": {
                "runs-per-person-a-day": None,
                "runs-per-thread-a-day": None,
                "runs-per-repository-a-day": None,
                "cost-per-run": None,
                "cost-per-person-a-day": None,
                "cost-per-thread-a-day": None,
                "cost-per-repository-a-day": None,
                "confirm-multi-run-above": 5,
                "multi-run-timeout-minutes": 180,
            },
            "checks": {"fix-commits-of-people": False},
            "secret-patterns": [],
            "prompts": {},
        }
    )


def test_every_key_is_read() -> None:
    text = """\
prefix: /bot
permissions: {run: maintain}
allowed-bots: ["renovate[bot]", ci-user]
labels: {multi-run: "several agents"}
defaults: {model: claude-sonnet-4, agent-type: claude_code, concurrency: 20}
progress: off
budgets: {runs-per-person-a-day: 1, runs-per-thread-a-day: null, confirm-multi-run-above: 0, multi-run-timeout-minutes: 5}
secret-patterns: ['acme_\\w{8}']
prompts:
  fix-tests: {command: run, prompt: "repair {branch}", description: Repairs the tests., permission: triage}
"""
    assert read(text, commands=COMMANDS) == RepositoryConfig(
        prefix="/bot",
        permissions={"run": "maintain"},
        allowed_bots={"renovate[bot]": "write", "ci-user": "write"},
        labels=Labels(multi_run="several agents"),
        defaults=Defaults(model="claude-sonnet-4", agent_type="claude_code", concurrency=20),
        progress=False,
        budgets=Budgets(runs_per_person_a_day=1, confirm_multi_run_above=0, multi_run_timeout_minutes=5),
        secret_patterns=(r"acme_\w{8}",),
        prompts={
            "fix-tests": NamedPrompt(
                command="run", prompt="repair {branch}", description="Repairs the tests.", permission="triage"
            )
        },
    )


def test_all_problems_are_reported_by_line() -> None:
    text = """\
prefx: /bot
prefix: 3
permissions:
  runn: write
  run: wirte
  fix: read
allowed-bots:
  - renovate[bot]
  - not a login
labels:
  run: codegen:remove
defaults:
  agent_type: codegen
  concurrency: 21
model: sonnet
budgets:
  runs-per-person-a-day: 0
secret-patterns:
  - '('
prompts:
  fix:
    comand: run
    prompt: |
      Look at {link}.
      Then repair {titel}.
  status:
    command: run
    prompt: go
"""
    assert "\n".join(map(str, problems(text))) == snapshot("""\
Line 1: There is no key "prefx". Did you mean "prefix"?
Line 2: "prefix" should be text; put it in quotes.
Line 4: "permissions.runn" is not a command. Did you mean "run"?
Line 5: "permissions.run" should be 'read', 'triage', 'write', 'maintain' or 'admin'.
Line 6: "permissions.fix" is a named prompt; its permission is "prompts.fix.permission".
Line 9: Entry 2 of "allowed-bots" should be a login on GitHub, such as renovate[bot].
Line 11: "labels.run" is also the label of "labels.remove"; each needs a name of its own.
Line 13: There is no key "defaults.agent_type". Did you mean "agent-type"?
Line 14: "defaults.concurrency" should be less than or equal to 20.
Line 15: There is no key "model". Valid are prefix, permissions, allowed-bots, labels, defaults, progress, budgets, checks, secret-patterns, prompts.
Line 17: "budgets.runs-per-person-a-day" should be greater than or equal to 1.
Line 19: Entry 1 of "secret-patterns" is no regular expression: missing ), unterminated subpattern at position 0.
Line 21: "prompts.fix.command" is missing.
Line 22: There is no key "prompts.fix.comand". Did you mean "command"?
Line 25: "prompts.fix.prompt" contains "{titel}"; placeholders are {title}, {link}, {branch}, {rest}, and a brace itself is {{ or }}.
Line 26: "prompts.status" has the name of a built-in command; choose another one.\
""")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prefix: codegen", snapshot('Line 1: "prefix" should be a slash, a letter, then letters, digits, - and _, such as /codegen; at most 40 in all.')),
        ("prefix: /a b", snapshot('Line 1: "prefix" should be a slash, a letter, then letters, digits, - and _, such as /codegen; at most 40 in all.')),
        ("prefix:", snapshot('Line 1: "prefix" should be text; put it in quotes.')),
        ("progress: 1", snapshot('Line 1: "progress" should be a valid boolean.')),
        ("progress: maybe", snapshot('Line 1: "progress" should be a valid boolean.')),
        ("prefix: 2024-01-01", snapshot('Line 1: "prefix" should be text; put it in quotes.')),
        ("prefix: on", snapshot('Line 1: "prefix" should be text; put it in quotes.')),
        ("labels: [run]", snapshot('Line 1: "labels" should be a map of keys and values.')),
        ("labels:\n", snapshot('Line 1: "labels" should be a map of keys and values.')),
        ("labels: {run: ''}", snapshot('Line 1: "labels.run" should be text in one line, without blanks around it.')),
        ("labels: {run: ' x'}", snapshot('Line 1: "labels.run" should be text in one line, without blanks around it.')),
        ('labels: {run: "a\\nb"}', snapshot('Line 1: "labels.run" should be text in one line, without blanks around it.')),
        (f"labels: {{run: {'x' * 51}}}", snapshot('Line 1: "labels.run" should have at most 50 characters.')),
        ("labels: {run: A, remove: a}", snapshot('Line 1: "labels.remove" is also the label of "labels.run"; each needs a name of its own.')),
        ("allowed-bots: renovate", snapshot('Line 1: "allowed-bots" should be a list of logins, or a map of logins and their permissions.')),
        ("allowed-bots:", snapshot('Line 1: "allowed-bots" should be a list of logins, or a map of logins and their permissions.')),
        ("allowed-bots: {ci: admin}", snapshot('Line 1: "allowed-bots.ci" should be \'read\', \'triage\' or \'write\'.')),
        ("allowed-bots:\n  ci: read\n  a b: write", snapshot('Line 3: "allowed-bots.a b" should be a login on GitHub, such as renovate[bot].')),
        ("allowed-bots: [1]", snapshot('Line 1: Entry 1 of "allowed-bots" should be text; put it in quotes.')),
        ("defaults: {concurrency: '3'}", snapshot('Line 1: "defaults.concurrency" should be a valid integer.')),
        ("defaults: {concurrency: 3.0}", snapshot('Line 1: "defaults.concurrency" should be a valid integer.')),
        ("defaults: {concurrency: true}", snapshot('Line 1: "defaults.concurrency" should be a valid integer.')),
        ("defaults: {concurrency: .inf}", snapshot('Line 1: "defaults.concurrency" should be a valid integer.')),
        ("defaults: {model: a b}", snapshot('Line 1: "defaults.model" should be a model\'s name: letters, digits and . / : @ _ -, at most 100.')),
        ("defaults: {agent-type: /claude}", snapshot('Line 1: "defaults.agent-type" should be an agent\'s name: letters, digits and single - or _.')),
        ("runs-per-person-a-day: 3", snapshot('Line 1: There is no key "runs-per-person-a-day". Valid are prefix, permissions, allowed-bots, labels, defaults, progress, budgets, checks, secret-patterns, prompts.')),
        ("zzz: 1", snapshot('Line 1: There is no key "zzz". Valid are prefix, permissions, allowed-bots, labels, defaults, progress, budgets, checks, secret-patterns, prompts.')),
        ("budgets: {qqq: 1}", snapshot('Line 1: There is no key "budgets.qqq". Valid are runs-per-person-a-day, runs-per-thread-a-day, runs-per-repository-a-day, cost-per-run, cost-per-person-a-day, cost-per-thread-a-day, cost-per-repository-a-day, confirm-multi-run-above, multi-run-timeout-minutes.')),
        ("permissions: {zzz: read}", snapshot('Line 1: "permissions.zzz" is not a command. Valid are run, multi-run, status, help.')),
        ("prompts: {fix: }", snapshot('Line 1: "prompts.fix" should be a map of keys and values.')),
        ("prompts: {fix: {command: run}}", snapshot('Line 1: "prompts.fix.prompt" is missing.')),
        ("prompts: {fix: {command: status, prompt: x}}", snapshot('Line 1: "prompts.fix.command" should be \'run\' or \'multi-run\'.')),
        ("prompts: {fix: {command: run, prompt: ' '}}", snapshot('Line 1: "prompts.fix.prompt" should be text that says something.')),
        ("prompts: {fix: {command: run, prompt: {title}}}", snapshot('Line 1: "prompts.fix.prompt" should be text; put it in quotes.')),
        ("prompts: {fix: {command: run, prompt: '{ title'}}", snapshot('Line 1: "prompts.fix.prompt" contains "{"; placeholders are {title}, {link}, {branch}, {rest}, and a brace itself is {{ or }}.')),
        ("prompts: {fix: {command: run, prompt: '{}'}}", snapshot('Line 1: "prompts.fix.prompt" contains "{}"; placeholders are {title}, {link}, {branch}, {rest}, and a brace itself is {{ or }}.')),
        ("prompts: {Fix_It: {command: run, prompt: x}}", snapshot('Line 1: "prompts.Fix_It" should be small letters, digits and single hyphens, such as fix-tests.')),
        ("prompts: {help: {command: run, prompt: x}}", snapshot('Line 1: "prompts.help" has the name of a built-in command; choose another one.')),
        ('prompts: {fix: {command: run, prompt: x, description: "a\\nb"}}', snapshot('Line 1: "prompts.fix.description" should be text in one line, without blanks around it.')),
    ],
)  # fmt: skip
def test_wrong_value_is_reported_in_plain_words(text: str, told: str) -> None:
    assert only_problem(text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a", snapshot("Line 1: The file is not a map of keys and values, such as prefix: /bot")),
        ("hello", snapshot("Line 1: The file is not a map of keys and values, such as prefix: /bot")),
        ("a: b: c", snapshot("Line 1: The file cannot be read as YAML: mapping values are not allowed here.")),
        ("labels:\n\trun: x", snapshot("Line 2: The file cannot be read as YAML: while scanning for the next token, found character '\\t' that cannot start any token.")),
        ("prefix: /a\nlabels: {run: x", snapshot("Line 2: The file cannot be read as YAML: while parsing a flow mapping, expected ',' or '}', but got '<stream end>'.")),
        ("prefix: /a\n---\nprefix: /b", snapshot("Line 2: The file cannot be read as YAML: expected a single document in the stream, but found another document.")),
        ("prefix: @a", snapshot("Line 1: The file cannot be read as YAML: while scanning for the next token, found character '@' that cannot start any token.")),
        ("prompts: {fix: {command: run, prompt: {title} now}}", snapshot("Line 1: The file cannot be read as YAML: while parsing a flow mapping, expected ',' or '}', but got '<scalar>'.")),
        ("prefix: /a\nprogress: true\nprefix: /b", snapshot('Line 3: The key "prefix" is a duplicate.')),
        ("labels: {run: a, run: a}", snapshot('Line 1: The key "run" is a duplicate.')),
        ("on: true", snapshot('Line 1: The key "on" is not text in YAML. Put it in quotes.')),
        ("1: x", snapshot('Line 1: The key "1" is not text in YAML. Put it in quotes.')),
        ("<<: {prefix: /a}", snapshot('Line 1: The key "<<" is not text in YAML. Put it in quotes.')),
        ("? [a]\n: b", snapshot("Line 1: A key must be text.")),
        ("prefix: &a /a\nlabels: {run: *a}", snapshot("Line 2: The file cannot be read as YAML: aliases (*name) are not read here; write the value out.")),
        ("progress: !!bool true", snapshot("Line 1: The file cannot be read as YAML: tags (!name) are not read here; leave it out.")),
        ("progress: !!python/object/apply:os.getcwd []", snapshot("Line 1: The file cannot be read as YAML: tags (!name) are not read here; leave it out.")),
        ("prefix: 2024-02-31", snapshot('Line 1: "2024-02-31" is not a valid YAML value. Put it in quotes.')),
        ("prefix: =", snapshot('Line 1: "=" is not a valid YAML value. Put it in quotes.')),
        (f"defaults: {{concurrency: {'9' * 5000}}}", snapshot('Line 1: "99999999999999999999999999999999999999999999999999999999999…" is not a valid YAML value. Put it in quotes.')),
        ("# fine\nprefix: \x07", snapshot("Line 2: YAML does not allow the character U+0007.")),
        ('prefix: "\\ud800"', snapshot('Line 1: "�" is not a valid YAML value. Put it in quotes.')),
        ('prefix: "\\UFFFFFFFF"', snapshot("Line 1: The file cannot be read as YAML: a number in it is too large.")),
        (f"%YAML 1.{'9' * 5000}\n--- {{}}", snapshot("Line 1: The file cannot be read as YAML: a number in it is too large.")),
        ("a: " + "[" * 30_000, snapshot("Line 1: The file cannot be read as YAML: it is nested more than 10 levels deep.")),
        ("a: " + "- " * 30_000, snapshot("Line 1: The file cannot be read as YAML: sequence entries are not allowed here.")),
        ("a: [" + "x," * 20_000 + "]", snapshot("Line 1: The file cannot be read as YAML: it has more than 2000 keys and values.")),
        ("#" * 65_537, snapshot("Line 1: The file is larger than 64 KB.")),
        ("#" + "é" * 32_768, snapshot("Line 1: The file is larger than 64 KB.")),
    ],
)  # fmt: skip
def test_invalid_yaml_is_reported_with_its_line(text: str, told: str) -> None:
    assert only_problem(text) == told


def test_key_like_pydantics_mark_is_reported_as_key() -> None:
    """Pydantic calls the key of a map ``[key]``."""
    text = 'permissions:\n  "[key]": zzz\nprompts:\n  A:\n    "[key]": 1\n'

    assert "\n".join(map(str, problems(text))) == snapshot("""\
Line 2: "permissions.[key]" is not a command. Valid are run, multi-run, status, help.
Line 2: "permissions.[key]" should be 'read', 'triage', 'write', 'maintain' or 'admin'.
Line 4: "prompts.A" should be small letters, digits and single hyphens, such as fix-tests.
Line 4: "prompts.A.command" is missing.
Line 4: "prompts.A.prompt" is missing.
Line 5: There is no key "prompts.A.[key]". Valid are command, prompt, description, permission.\
""")


def test_64_kilobytes_are_read() -> None:
    assert read("#" * 65_536, commands=COMMANDS) == RepositoryConfig()


def test_bomb_of_aliases_is_refused_at_its_first_alias() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{b}: &{b} [{','.join(9 * ['*' + a])}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]

    assert only_problem("\n".join(lines)) == snapshot(
        "Line 2: The file cannot be read as YAML: aliases (*name) are not read here; write the value out."
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_and_columns_are_those_that_an_editor_shows(end: str) -> None:
    """A line separator within a text is no new line to GitHub and to most editors."""
    text = end.join(['prompts: {a: {command: run, prompt: "x \u2028 \x85 y"}}', "labels:", "  zzz: x", ""])

    (problem,) = problems(text)

    assert (problem.line, problem.column) == (3, 3)


def test_problem_has_the_position_of_its_value() -> None:
    assert [problem.line for problem in problems("prefix:\n  # why\n  3\n")] == [3]


def test_wrong_placeholder_is_reported_on_its_line() -> None:
    text = "prompts:\n  fix:\n    command: run\n    prompt: |\n      {title}\n      {titel}\n"

    assert [problem.line for problem in problems(text)] == [6]


def test_too_many_entries_are_reported_at_their_key() -> None:
    text = "progress: true\nsecret-patterns:\n" + "  - x\n" * 51

    assert only_problem(text) == snapshot(
        'Line 2: "secret-patterns" should have at most 50 items after validation, not 51.'
    )


def test_where_there_are_no_commands_that_is_reported() -> None:
    with pytest.raises(ConfigProblems, match=r'"permissions\.run" is not a command\. Valid are none\.'):
        read("permissions: {run: read}", commands=())


def test_unknown_pydantic_error_keeps_its_message() -> None:
    found = ErrorDetails(type="of_later", loc=("prefix",), msg="Input should be blue", input=1)

    assert sentence(found) == '"prefix" should be blue.'


def test_broken_value_is_reported_once() -> None:
    """Not a second time as something that is missing or no text."""
    text = "prompts: {fix: {command: run, prompt: 2024-02-31}}"

    assert only_problem(text) == snapshot('Line 1: "2024-02-31" is not a valid YAML value. Put it in quotes.')


def test_many_problems_are_cut_to_a_few() -> None:
    told = problems("".join(f"k{number}: x\n" for number in range(500)))

    assert len(told) == MOST_PROBLEMS + 1
    assert str(told[-1]) == "Line 21: 480 more problems from here on."


def test_one_problem_beyond_the_limit_is_reported() -> None:
    told = problems("".join(f"k{number}: x\n" for number in range(MOST_PROBLEMS + 1)))

    assert [problem.line for problem in told] == list(range(1, MOST_PROBLEMS + 2))


def test_quoted_values_are_short_and_visible() -> None:
    sentence = problems(f'"a\\n\\e[31m\\u202e{"x" * 500}": 1')[0].sentence

    assert sentence.startswith('There is no key "a \N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}xxx')
    assert "\n" not in sentence
    assert len(sentence) < 300


def test_problems_survive_pickling() -> None:
    error = ConfigProblems([ConfigProblem(1, 2, "so"), ConfigProblem(None, None, "and so")])

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert isinstance(error, BotError)
    assert (type(copy), copy.problems, str(copy)) == (ConfigProblems, error.problems, str(error))


def test_config_survives_pickle_and_json() -> None:
    config = read(EXAMPLE.read_text(encoding="utf-8"), commands=COMMANDS)

    pickled = pickle.loads(pickle.dumps(config))  # noqa: S301 - our own bytes
    written = RepositoryConfig.model_validate_json(config.model_dump_json(by_alias=True, exclude_unset=True))

    for copy in (pickled, written):
        assert copy == config
        assert copy.labels.model_fields_set == config.labels.model_fields_set


def test_invalid_utf_8_is_reported_with_its_line() -> None:
    with pytest.raises(ConfigProblems) as caught:
        decode(b"# one\n# two\n# \xff\n")

    assert str(caught.value) == "Line 3: The file is not UTF-8 text."


def test_bytes_are_decoded_as_they_are() -> None:
    assert decode("prefix: /ä\r\n".encode()) == "prefix: /ä\r\n"


def test_agent_type_is_one_of_the_known_agents() -> None:
    text = "defaults: {agent-type: claude}"
    assert read(text, commands=COMMANDS, agents=("claude", "codex")).defaults.agent_type == "claude"
    with pytest.raises(ConfigProblems) as caught:
        read(text, commands=COMMANDS, agents=CODEGEN_TYPES)
    assert str(caught.value) == "Line 1: \"defaults.agent-type\" should be 'codegen' or 'claude_code'."


def test_agent_type_is_any_name_where_agents_are_unknown() -> None:
    assert read("defaults: {agent-type: my-agent}", commands=COMMANDS).defaults.agent_type == "my-agent"
