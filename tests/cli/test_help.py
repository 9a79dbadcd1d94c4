"""``help`` needs no account and asks nobody."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from inline_snapshot import snapshot

from bot.cli.main import main
from bot.commands.table import COMMANDS


def test_all_that_can_be_said_is_shown_without_any_setting() -> None:
    result = CliRunner().invoke(main, ["help"], env={"CODEGEN_API_TOKEN": "", "GITHUB_TOKEN": ""})

    assert result.exit_code == 0
    assert [name for name in COMMANDS if f"`/codegen {name}" not in result.stdout] == []
    assert result.stdout.endswith("On the command line, each is a subcommand: `codegen-bot run --help`\n")


def test_one_command_is_shown_in_full() -> None:
    assert CliRunner().invoke(main, ["help", "runs"]).stdout == snapshot("""\
**runs**: Shows the latest runs, those of this thread marked.

`/codegen runs [--status S] [--limit N]`

| flag | meaning |
|---|---|
| `--status S`, `-s` | Only those in this state: `queued`, `working`, `succeeded`, `failed`, `cancelled`, `timed-out`, `out-of-tokens`, `max-iterations`. |
| `--limit N`, `-n` | How many, 1 to 50; 10 without it. |

For example:
```text
/codegen runs --status failed --limit 20
```

Who may: people with write access.
""")


def test_a_script_gets_a_document() -> None:
    result = CliRunner().invoke(main, ["help", "run", "--json"])

    assert json.loads(result.stdout)["text"].startswith("**run**: Starts an agent")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("staus", "There is no command 'staus'. Did you mean `status`?\n"),
        ("qqq", "There is no command 'qqq'. `codegen-bot help` lists all commands.\n"),
    ],
)
def test_a_mistyped_name_gets_the_nearest_one(name: str, told: str) -> None:
    result = CliRunner().invoke(main, ["help", name])

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", told)
