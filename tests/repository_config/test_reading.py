"""From text to a config, or to every mistake with its line."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic_core import ErrorDetails

from bot.errors import BotError
from bot.repository_config import sentences
from bot.repository_config.document import Document
from bot.repository_config.model import Budgets, Defaults, Labels, NamedPrompt, Names, RepositoryConfig
from bot.repository_config.problems import MOST_PROBLEMS, ConfigProblem, ConfigProblems
from bot.repository_config.reading import decode, read
from tests.repository_config.problems import COMMANDS, only_problem, problems

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "codegen-bot.yml"


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "{}", "null", "\ufeff# nothing"])
def test_an_empty_file_is_the_defaults(text: str) -> None:
    config = read(text, commands=COMMANDS)

    assert config == RepositoryConfig()
    assert config.model_fields_set == set()


def test_the_defaults() -> None:
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
                "confirm-multi-run-above": 5,
                "multi-run-timeout-minutes": 180,
            },
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


def test_everything_that_is_wrong_is_reported_at_once_in_the_order_of_lines() -> None:
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
Line 2: "prefix" should be text, not the number 3. Put it in quotes.
Line 4: There is no command "runn". Did you mean "run"?
Line 5: "permissions.run" should be read, triage, write, maintain or admin, not the text "wirte". Did you mean "write"?
Line 6: "permissions.fix" is a named prompt; its permission is "prompts.fix.permission".
Line 9: Entry 2 of "allowed-bots" should be a login on GitHub, such as renovate[bot].
Line 11: "labels.run" is also the label of "labels.remove". Each needs a name of its own.
Line 13: There is no key "agent_type" in "defaults". Did you mean "agent-type"?
Line 14: "defaults.concurrency" should be 20 or less.
Line 15: There is no key "model". It belongs under "defaults".
Line 17: "budgets.runs-per-person-a-day" should be 1 or more.
Line 19: Entry 1 of "secret-patterns" is no regular expression: missing ), unterminated subpattern at position 0.
Line 21: "prompts.fix" lacks the key "command".
Line 22: There is no key "comand" in "prompts.fix". Did you mean "command"?
Line 25: "prompts.fix.prompt": there is no placeholder "{titel}". Did you mean {title}? A brace itself is {{ or }}.
Line 26: "prompts.status" has the name of a built-in command. Choose another one.\
""")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prefix: codegen", snapshot('Line 1: "prefix" should be a slash, a letter, then letters, digits, - and _, such as /codegen; at most 40 in all.')),
        ("prefix: /a b", snapshot('Line 1: "prefix" should be a slash, a letter, then letters, digits, - and _, such as /codegen; at most 40 in all.')),
        ("prefix:", snapshot('Line 1: "prefix" should be text, but nothing stands there.')),
        ("progress: 1", snapshot('Line 1: "progress" should be true or false, not the number 1.')),
        ("progress: maybe", snapshot('Line 1: "progress" should be true or false, not the text "maybe".')),
        ("prefix: 2024-01-01", snapshot('Line 1: "prefix" should be text, not a date. Put it in quotes.')),
        ("prefix: on", snapshot('Line 1: "prefix" should be text, not true. Put it in quotes.')),
        ("labels: [run]", snapshot('Line 1: "labels" should be a map of keys and values, not a list.')),
        ("labels:\n", snapshot('Line 1: "labels" should be a map of keys and values, but nothing stands there.')),
        ("labels: {run: ''}", snapshot('Line 1: "labels.run" should be text in one line, without blanks around it.')),
        ("labels: {run: ' x'}", snapshot('Line 1: "labels.run" should be text in one line, without blanks around it.')),
        ('labels: {run: "a\\nb"}', snapshot('Line 1: "labels.run" should be text in one line, without blanks around it.')),
        (f"labels: {{run: {'x' * 51}}}", snapshot('Line 1: "labels.run" has more than 50 characters.')),
        ("labels: {run: A, remove: a}", snapshot('Line 1: "labels.remove" is also the label of "labels.run". Each needs a name of its own.')),
        ("allowed-bots: renovate", snapshot('Line 1: "allowed-bots" should be a list of logins, or a map of logins and their permissions, not the text "renovate".')),
        ("allowed-bots:", snapshot('Line 1: "allowed-bots" should be a list of logins, or a map of logins and their permissions, but nothing stands there.')),
        ("allowed-bots: {ci: admin}", snapshot('Line 1: "allowed-bots.ci" should be read, triage or write, not the text "admin".')),
        ("allowed-bots:\n  ci: read\n  a b: write", snapshot('Line 3: "allowed-bots.a b" should be a login on GitHub, such as renovate[bot].')),
        ("allowed-bots: [1]", snapshot('Line 1: Entry 1 of "allowed-bots" should be text, not the number 1. Put it in quotes.')),
        ("defaults: {concurrency: '3'}", snapshot('Line 1: "defaults.concurrency" should be a whole number, not the text "3".')),
        ("defaults: {concurrency: 3.0}", snapshot('Line 1: "defaults.concurrency" should be a whole number, not the number 3.0.')),
        ("defaults: {concurrency: true}", snapshot('Line 1: "defaults.concurrency" should be a whole number, not true.')),
        ("defaults: {concurrency: .inf}", snapshot('Line 1: "defaults.concurrency" should be a whole number, not the number inf.')),
        ("defaults: {model: a b}", snapshot('Line 1: "defaults.model" should be a model\'s name: letters, digits and . / : @ _ -, at most 100.')),
        ("defaults: {agent-type: claude}", snapshot('Line 1: "defaults.agent-type" should be codegen or claude_code, not the text "claude". Did you mean "claude_code"?')),
        ("runs-per-person-a-day: 3", snapshot('Line 1: There is no key "runs-per-person-a-day". It belongs under "budgets".')),
        ("zzz: 1", snapshot('Line 1: There is no key "zzz". There are prefix, permissions, allowed-bots, labels, defaults, progress, budgets, secret-patterns and prompts.')),
        ("budgets: {qqq: 1}", snapshot('Line 1: There is no key "qqq" in "budgets". There are runs-per-person-a-day, runs-per-thread-a-day, runs-per-repository-a-day, confirm-multi-run-above and multi-run-timeout-minutes.')),
        ("permissions: {zzz: read}", snapshot('Line 1: There is no command "zzz". There are run, multi-run, status and help.')),
        ("prompts: {fix: }", snapshot('Line 1: "prompts.fix" should be a map of keys and values, but nothing stands there.')),
        ("prompts: {fix: {command: run}}", snapshot('Line 1: "prompts.fix" lacks the key "prompt".')),
        ("prompts: {fix: {command: status, prompt: x}}", snapshot('Line 1: "prompts.fix.command" should be run or multi-run, not the text "status".')),
        ("prompts: {fix: {command: run, prompt: ' '}}", snapshot('Line 1: "prompts.fix.prompt" should be text that says something.')),
        ("prompts: {fix: {command: run, prompt: {title}}}", snapshot('Line 1: "prompts.fix.prompt" should be text, not a map. Put it in quotes.')),
        ("prompts: {fix: {command: run, prompt: '{ title'}}", snapshot('Line 1: "prompts.fix.prompt": a single { stands for nothing. A brace itself is {{ or }}.')),
        ("prompts: {fix: {command: run, prompt: '{}'}}", snapshot('Line 1: "prompts.fix.prompt": there is no placeholder "{}". There are {title}, {link}, {branch} and {rest}. A brace itself is {{ or }}.')),
        ("prompts: {Fix_It: {command: run, prompt: x}}", snapshot('Line 1: "prompts.Fix_It" should be small letters, digits and single hyphens, such as fix-tests.')),
        ("prompts: {help: {command: run, prompt: x}}", snapshot('Line 1: "prompts.help" has the name of a built-in command. Choose another one.')),
        ('prompts: {fix: {command: run, prompt: x, description: "a\\nb"}}', snapshot('Line 1: "prompts.fix.description" should be text in one line, without blanks around it.')),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_in_plain_words(text: str, told: str) -> None:
    assert only_problem(text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a", snapshot("Line 1: The file is not a map of keys and values, such as prefix: /bot")),
        ("hello", snapshot("Line 1: The file is not a map of keys and values, such as prefix: /bot")),
        ("a: b: c", snapshot("Line 1: This is not YAML: mapping values are not allowed here. Text that holds : # { [ or begins with @ needs quotes.")),
        ("labels:\n\trun: x", snapshot("Line 2: This is not YAML: found character '\\t' that cannot start any token. Indent with spaces.")),
        ("prefix: /a\nlabels: {run: x", snapshot("Line 2: This is not YAML: expected ',' or '}', but got '<stream end>'. Text that holds : # { [ or begins with @ needs quotes.")),
        ("prefix: /a\n---\nprefix: /b", snapshot("Line 2: This is not YAML: it holds several documents, divided by ---.")),
        ("prefix: @a", snapshot("Line 1: This is not YAML: found character '@' that cannot start any token. Text that holds : # { [ or begins with @ needs quotes.")),
        ("prompts: {fix: {command: run, prompt: {title} now}}", snapshot("Line 1: This is not YAML: expected ',' or '}', but got '<scalar>'. Text that holds : # { [ or begins with @ needs quotes.")),
        ("prefix: /a\nprogress: true\nprefix: /b", snapshot('Line 3: The key "prefix" stands here again; it is on line 1 already.')),
        ("labels: {run: a, run: a}", snapshot('Line 1: The key "run" stands here again; it is on line 1 already.')),
        ("on: true", snapshot('Line 1: To YAML, the key "on" is not text. Put it in quotes.')),
        ("1: x", snapshot('Line 1: To YAML, the key "1" is not text. Put it in quotes.')),
        ("<<: {prefix: /a}", snapshot('Line 1: To YAML, the key "<<" is not text. Put it in quotes.')),
        ("? [a]\n: b", snapshot("Line 1: A key is text in one piece.")),
        ("prefix: &a /a\nlabels: {run: *a}", snapshot("Line 2: Aliases (*name) are not read here; write the value out.")),
        ("progress: !!bool true", snapshot("Line 1: Tags (!name) are not read here; leave it out.")),
        ("progress: !!python/object/apply:os.getcwd []", snapshot("Line 1: Tags (!name) are not read here; leave it out.")),
        ("prefix: 2024-02-31", snapshot('Line 1: "2024-02-31" looks like a date or a number and is none. Put it in quotes.')),
        ("prefix: =", snapshot('Line 1: "=" has a meaning of its own in YAML. Put it in quotes.')),
        (f"defaults: {{concurrency: {'9' * 5000}}}", snapshot('Line 1: "99999999999999999999999999999999999999999999999999999999999…" is too large a number.')),
        ("# fine\nprefix: \x07", snapshot("Line 2: YAML has no place for the character U+0007.")),
        ('prefix: "\\ud800"', snapshot('Line 1: "�" holds half a character, written as an escape.')),
        ('prefix: "\\UFFFFFFFF"', snapshot("Line 1: This is not YAML: a number in it is too large.")),
        (f"%YAML 1.{'9' * 5000}\n--- {{}}", snapshot("Line 1: This is not YAML: a number in it is too large.")),
        ("a: " + "[" * 30_000, snapshot("Line 1: It is nested more than 10 levels deep.")),
        ("a: " + "- " * 30_000, snapshot("Line 1: This is not YAML: sequence entries are not allowed here. Text that holds : # { [ or begins with @ needs quotes.")),
        ("a: [" + "x," * 20_000 + "]", snapshot("Line 1: The file holds more than 2000 keys and values.")),
        ("#" * 65_537, snapshot("Line 1: The file is larger than 64 KB.")),
        ("#" + "é" * 32_768, snapshot("Line 1: The file is larger than 64 KB.")),
    ],
)  # fmt: skip
def test_what_is_no_config_file_is_told_with_its_line(text: str, told: str) -> None:
    assert only_problem(text) == told


def test_a_key_that_looks_like_pydantics_own_mark_is_told_as_a_key() -> None:
    """Pydantic calls the key of a map ``[key]``."""
    text = 'permissions:\n  "[key]": zzz\nprompts:\n  A:\n    "[key]": 1\n'

    assert "\n".join(map(str, problems(text))) == snapshot("""\
Line 2: There is no command "[key]". There are run, multi-run, status and help.
Line 2: "permissions.[key]" should be read, triage, write, maintain or admin, not the text "zzz".
Line 4: "prompts.A" should be small letters, digits and single hyphens, such as fix-tests.
Line 4: "prompts.A" lacks the key "command".
Line 4: "prompts.A" lacks the key "prompt".
Line 5: There is no key "[key]" in "prompts.A". There are command, prompt, description and permission.\
""")


def test_64_kilobytes_are_read() -> None:
    assert read("#" * 65_536, commands=COMMANDS) == RepositoryConfig()


def test_a_bomb_of_aliases_is_refused_at_its_first_alias() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{b}: &{b} [{','.join(9 * ['*' + a])}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]

    assert only_problem("\n".join(lines)) == "Line 2: Aliases (*name) are not read here; write the value out."


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_and_columns_are_those_that_an_editor_shows(end: str) -> None:
    """A line separator within a text is no new line to GitHub and to most editors."""
    text = end.join(['prompts: {a: {command: run, prompt: "x \u2028 \x85 y"}}', "labels:", "  zzz: x", ""])

    (problem,) = problems(text)

    assert (problem.line, problem.column) == (3, 3)


def test_a_value_is_told_where_it_stands_and_not_where_its_key_does() -> None:
    assert [problem.line for problem in problems("prefix:\n  # why\n  3\n")] == [3]


def test_a_wrong_placeholder_is_told_on_its_own_line() -> None:
    text = "prompts:\n  fix:\n    command: run\n    prompt: |\n      {title}\n      {titel}\n"

    assert [problem.line for problem in problems(text)] == [6]


def test_too_many_entries_are_told_at_their_key() -> None:
    text = "progress: true\nsecret-patterns:\n" + "  - x\n" * 51

    assert only_problem(text) == 'Line 2: "secret-patterns" has more than 50 entries.'


def test_where_there_are_no_commands_that_is_reported() -> None:
    with pytest.raises(ConfigProblems, match=r'There is no command "run"\. There are none\.'):
        read("permissions: {run: read}", commands=())


def test_what_a_later_pydantic_finds_is_told_in_its_words() -> None:
    found = ErrorDetails(type="of_later", loc=("prefix",), msg="Input should be blue", input=1)

    told = sentences.problem(found, Document(""), Names(commands=()))

    assert str(told) == '"prefix" is wrong: Input should be blue.'


def test_a_broken_value_is_reported_once() -> None:
    """Not a second time as something that is missing or no text."""
    text = "prompts: {fix: {command: run, prompt: 2024-02-31}}"

    assert only_problem(text) == snapshot(
        'Line 1: "2024-02-31" looks like a date or a number and is none. Put it in quotes.'
    )


def test_a_file_full_of_mistakes_is_told_in_few_sentences() -> None:
    told = problems("".join(f"k{number}: x\n" for number in range(500)))

    assert len(told) == MOST_PROBLEMS + 1
    assert str(told[-1]) == "Line 21: 480 more problems from here on."


def test_one_mistake_more_than_are_told_is_told_as_well() -> None:
    told = problems("".join(f"k{number}: x\n" for number in range(MOST_PROBLEMS + 1)))

    assert [problem.line for problem in told] == list(range(1, MOST_PROBLEMS + 2))


def test_words_of_the_file_are_shown_short_in_one_line_and_visible() -> None:
    sentence = problems(f'"a\\n\\e[31m\\u202e{"x" * 500}": 1')[0].sentence

    assert sentence.startswith('There is no key "a \N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}xxx')
    assert "\n" not in sentence
    assert len(sentence) < 300


def test_problems_survive_pickling() -> None:
    error = ConfigProblems([ConfigProblem(1, 2, "so"), ConfigProblem(None, None, "and so")])

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert isinstance(error, BotError)
    assert (type(copy), copy.problems, str(copy)) == (ConfigProblems, error.problems, str(error))


def test_a_config_survives_pickling_and_plain_json_with_what_was_said() -> None:
    config = read(EXAMPLE.read_text(encoding="utf-8"), commands=COMMANDS)

    pickled = pickle.loads(pickle.dumps(config))  # noqa: S301 - our own bytes
    written = RepositoryConfig.model_validate_json(config.model_dump_json(by_alias=True, exclude_unset=True))

    for copy in (pickled, written):
        assert copy == config
        assert copy.labels.model_fields_set == config.labels.model_fields_set


def test_bytes_that_are_no_utf_8_are_told_with_their_line() -> None:
    with pytest.raises(ConfigProblems) as caught:
        decode(b"# one\n# two\n# \xff\n")

    assert str(caught.value) == "Line 3: The file is not UTF-8 text."


def test_bytes_are_decoded_as_they_are() -> None:
    assert decode("prefix: /ä\r\n".encode()) == "prefix: /ä\r\n"
