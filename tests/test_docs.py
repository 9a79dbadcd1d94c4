"""The README says what the code says: its tables are made of the same data as help and settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.main import main
from bot.commands.table import COMMANDS
from bot.config import setting_rows
from bot.outcome import ExitStatus
from bot.replies.help import WHO
from bot.web.api.examples import readme_table
from bot.web.api.table import ENDPOINTS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    """What stands between two hidden lines of the README."""
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", README, re.DOTALL)
    assert found is not None, f"the README has no section {name}"
    return found[1]


def test_the_table_of_commands_is_the_codes() -> None:
    rows = [
        f"| `{usage.form.replace('|', chr(92) + '|')}` | {usage.summary} | {WHO[usage.permission]} |"
        for usage in (command.USAGE for command in COMMANDS.values())
    ]

    assert section("commands") == "\n".join(("| command | does | who may |", "|---|---|---|", *rows))


def test_the_table_of_settings_is_the_codes() -> None:
    rows = [
        f"| `{row.variable}` | {row.sentence} | {f'`{row.default}`' if row.default else ''} |" for row in setting_rows()
    ]

    assert section("settings") == "\n".join(("| variable | what it is | default |", "|---|---|---|", *rows))


def test_the_table_of_exit_statuses_is_the_codes() -> None:
    rows = [f"| {status.value} | {status.sentence} |" for status in ExitStatus]

    assert section("exit-statuses") == "\n".join(("| status | what it means |", "|---|---|", *rows))


def test_the_table_of_endpoints_is_the_codes() -> None:
    assert section("endpoints") == readme_table(ENDPOINTS)


def test_every_file_the_readme_names_is_there() -> None:
    named = re.findall(r"^ {2}([\w./]+/?) {2,}", section("layout"), re.MULTILINE)
    assert len(named) > 10
    missing = [name for name in named if not (ROOT / "bot" / name).exists()]
    assert missing == []


def test_the_layout_shows_every_part_of_the_bot() -> None:
    parts = {
        path.name + ("/" if path.is_dir() else "")
        for path in (ROOT / "bot").iterdir()
        if path.suffix == ".py" or path.is_dir()
    }
    named = set(re.findall(r"[\w]+\.py|[\w]+/", section("layout")))
    assert parts - named == {"__init__.py", "__main__.py"} | ({"__pycache__/"} & parts)


@pytest.mark.parametrize("words", re.findall(r"`codegen-bot ([a-z ]+?)(?: --?[\w-]+[^`]*)?`", README))
def test_every_subcommand_the_readme_names_is_there(words: str) -> None:
    assert CliRunner().invoke(main, [*words.split(), "--help"]).exit_code == 0


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|^)make ([\w-]+)", README, re.MULTILINE))))
def test_every_make_target_the_readme_names_is_there(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_line_of_the_changelog_is_under_a_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (Unreleased|\d+\.\d+\.\d+)", changelog, re.MULTILINE)
