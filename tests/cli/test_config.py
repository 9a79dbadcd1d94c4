"""``check-config`` and ``config-schema``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from inline_snapshot import snapshot
from jsonschema import Draft202012Validator

from bot.cli.main import main

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "codegen-bot.yml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(folder: Path, content: str | bytes) -> Result:
    (folder / "bot.yml").write_bytes(content.encode() if isinstance(content, str) else content)
    return CliRunner().invoke(main, ["check-config", "bot.yml"])


def test_check_config_accepts_the_example() -> None:
    result = CliRunner().invoke(main, ["check-config", str(EXAMPLE)])

    assert result.exit_code == 0
    assert result.stdout.replace(str(EXAMPLE), "FILE") == snapshot("""\
FILE is fine. It changes this:
  permissions.multi-run: maintain
  permissions.status: read
  allowed-bots.renovate[bot]: write
  defaults.agent-type: claude_code instead of null
  budgets.runs-per-person-a-day: 20 instead of null
  budgets.runs-per-thread-a-day: 10 instead of null
  budgets.cost-per-run: 5.0 instead of null
  budgets.cost-per-person-a-day: 20.0 instead of null
  budgets.cost-per-repository-a-day: 100.0 instead of null
  secret-patterns: acme_[A-Za-z0-9]{24} instead of an empty list
  prompts.fix-tests: run, Repairs the failing tests of this pull request.
  prompts.three-designs: multi-run, Has several agents propose a design.
""")


def test_check_config_shows_changes_from_defaults(folder: Path) -> None:
    result = check(
        folder,
        "prefix: /bot\nprogress: no\nlabels: {run: agent}\nbudgets: {confirm-multi-run-above: 20}\n"
        "prompts: {fix: {command: run, prompt: Repair it.}}\n",
    )

    assert result.exit_code == 0
    assert result.stdout == snapshot("""\
bot.yml is fine. It changes this:
  prefix: /bot instead of /codegen
  labels.run: agent instead of codegen:run
  progress: false instead of true
  budgets.confirm-multi-run-above: 20 instead of 5
  prompts.fix: run, Repair it.
""")


@pytest.mark.parametrize("text", ["", "prefix: /codegen\nlabels: {run: codegen:run}\n"])
def test_check_config_without_changes(text: str, folder: Path) -> None:
    result = check(folder, text)

    assert (result.exit_code, result.stdout) == (0, "bot.yml is fine. It changes nothing from the defaults.\n")


def test_check_config_notes_prompts_with_a_lowered_permission(folder: Path) -> None:
    result = check(
        folder,
        "permissions: {run: triage, multi-run: admin}\nprompts:\n"
        "  triage: {command: run, permission: read, prompt: 'Look at {link}. {rest}'}\n"
        "  same: {command: run, permission: triage, prompt: 'Look at {link}. {rest}'}\n"
        "  higher: {command: run, permission: admin, prompt: Look.}\n"
        "  own: {command: run, prompt: Look.}\n"
        "  many: {command: multi-run, permission: maintain, prompt: Look.}\n",
    )

    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line.startswith("Note")] == snapshot(
        [
            'Note: "prompts.triage" takes read access and run takes triage: everybody with read access can start an agent with this prompt, on any issue or pull request. It takes no flags and no words; its "{rest}" stays empty.',
            'Note: "prompts.many" takes maintain access and multi-run takes admin: everybody with maintain access can start an agent with this prompt, on any issue or pull request. It takes no flags and no words.',
        ]
    )


def test_check_config_shows_problems_with_lines(folder: Path) -> None:
    result = check(folder, "prefx: /bot\npermissions:\n  multirun: maintain\n  run: wirte\n")

    assert result.exit_code == 1
    assert result.stdout == snapshot("""\
bot.yml:1: There is no key "prefx". Did you mean "prefix"?
bot.yml:3: "permissions.multirun" is not a command. Did you mean "multi-run"?
bot.yml:4: "permissions.run" should be 'read', 'triage', 'write', 'maintain' or 'admin'.
""")
    assert result.stderr == ""


def test_check_config_refuses_slow_secret_patterns(folder: Path) -> None:
    result = check(folder, "secret-patterns:\n- acme_[a-z]{20}\n- (?:a|a)+b\n")

    assert result.exit_code == 1
    assert result.stdout == snapshot("""\
bot.yml:3: Entry 2 of "secret-patterns" takes more than 0.25 s on some texts of a comment's length; repeat single characters, with an upper limit, as in [a-z0-9-]{20,80}.
""")


def test_check_config_refuses_binary_file(folder: Path) -> None:
    result = check(folder, b"prefix: /bot\n# \xff\n")

    assert (result.exit_code, result.stdout) == (1, "bot.yml:2: The file is not UTF-8 text.\n")


@pytest.mark.parametrize(
    ("name", "stderr"),
    [
        ("missing.yml", "missing.yml cannot be read: No such file or directory.\n"),
        (".", ". cannot be read: Is a directory.\n"),
    ],
)
def test_check_config_of_unreadable_file(name: str, stderr: str, folder: Path) -> None:
    result = CliRunner().invoke(main, ["check-config", name])

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", stderr)


def test_config_schema_is_valid() -> None:
    result = CliRunner().invoke(main, ["config-schema"])

    assert result.exit_code == 0
    document = json.loads(result.stdout)
    Draft202012Validator.check_schema(document)
    assert "multi-run" in document["properties"]["permissions"]["properties"]


def test_check_config_json(folder: Path) -> None:
    (folder / "bot.yml").write_text("prefix: /bot\nfoo: 1\n", encoding="utf-8")
    wrong = CliRunner().invoke(main, ["check-config", "bot.yml", "--json"])
    (folder / "bot.yml").write_text("prefix: /bot\n", encoding="utf-8")
    right = CliRunner().invoke(main, ["check-config", "bot.yml", "--json"])

    assert (wrong.exit_code, right.exit_code) == (1, 0)
    document = json.loads(wrong.stdout)
    assert (document["version"], document["ok"], document["problems"][0]["line"]) == (1, False, 2)
    assert 'There is no key "foo".' in document["problems"][0]["sentence"]
    assert json.loads(right.stdout)["changes"] == ["prefix: /bot instead of /codegen"]
