"""``help`` needs no account and sends no request."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from inline_snapshot import snapshot

from bot.cli.main import main
from bot.commands.registry import COMMANDS


def test_help_lists_commands_without_settings() -> None:
    result = CliRunner().invoke(main, ["help"], env={"CODEGEN_API_TOKEN": "", "GITHUB_TOKEN": ""})

    assert result.exit_code == 0
    assert [name for name in COMMANDS if f"`/codegen {name}" not in result.stdout] == []
    assert result.stdout.endswith("On the command line, each is a subcommand: `codegen-bot run --help`\n")


def test_help_shows_one_command() -> None:
    assert CliRunner().invoke(main, ["help", "runs"]).stdout == snapshot("""\
**runs**: Shows the latest runs, those of this thread marked.

`/codegen runs [--status S] [--limit N]`

| flag | meaning |
| --- | --- |
| `--status S`, `-s` | Only those in this state: `queued`, `working`, `paused`, `succeeded`, `failed`, `cancelled`, `timed-out`, `out-of-tokens`, `max-iterations`. |
| `--limit N`, `-n` | How many, 1 to 50; the default is 10. |

For example:
```text
/codegen runs --status failed --limit 20
```

Who may use it: people with write access.
""")


def test_help_json() -> None:
    result = CliRunner().invoke(main, ["help", "run", "--json"])

    assert json.loads(result.stdout)["text"].startswith("**run**: Starts an agent")


@pytest.mark.parametrize(
    ("name", "stderr"),
    [
        ("staus", "There is no command 'staus'. Did you mean `status`?\n"),
        ("qqq", "There is no command 'qqq'. `codegen-bot help` lists all commands.\n"),
    ],
)
def test_help_of_mistyped_name_gets_a_suggestion(name: str, stderr: str) -> None:
    result = CliRunner().invoke(main, ["help", name])

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", stderr)
