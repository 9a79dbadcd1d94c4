"""The README and docs/ say what the code says: their tables are made of the same data as help and settings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from bot.agents.preset import Preset
from bot.agents.presets import PRESETS
from bot.cli.main import main
from bot.commands.help import WHO
from bot.commands.registry import COMMANDS
from bot.execution.outcome import ExitStatus
from bot.settings.model import setting_rows
from bot.web.api.openapi import curl_line
from bot.web.api.routes import ENDPOINTS
from tests.harness.documents import ROOT, page, section

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]

LONGEST_README = 300
"""Lines: what is read in three minutes."""


def in_backticks(text: str, start: str) -> Iterator[str]:
    """What starts like this in inline code, and the lines that do in blocks of shell."""
    yield from re.findall(rf"`({start}[^`\n]*)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from re.findall(rf"^{start}.*", block, re.MULTILINE)


def test_readme_is_short() -> None:
    assert len(page("README.md").splitlines()) <= LONGEST_README


def test_readme_names_commands_that_exist() -> None:
    text = page("README.md")
    forms = [form for row in section("README.md", "commands").splitlines() for form in re.findall(r"`([^`]+)`", row)]
    assert len(forms) > 10
    assert [form for form in forms if form.split()[0] not in COMMANDS] == []
    assert f"[All {len(COMMANDS)} commands](docs/commands.md)" in text


def test_commands_table_is_the_codes() -> None:
    rows = [
        f"| `{usage.form.replace('|', chr(92) + '|')}` | {usage.summary} | {WHO[usage.permission]} |"
        for usage in (command.USAGE for command in COMMANDS.values())
    ]
    head = ("| command | what it does | who may use it |", "|---|---|---|")
    assert section("docs/commands.md", "commands") == "\n".join((*head, *rows))


def test_settings_table_is_the_codes() -> None:
    rows = [
        f"| `{row.variable}` | {row.sentence} | {f'`{row.default}`' if row.default else ''} |" for row in setting_rows()
    ]
    head = ("| variable | what it is | default |", "|---|---|---|")
    assert section("docs/settings.md", "settings") == "\n".join((*head, *rows))


def test_presets_table_is_the_codes() -> None:
    rows = [
        f"| `{preset.name}` | `{preset.install}` | {preset.api} | `{preset.key_variable}` | {_model_of(preset)} |"
        for preset in PRESETS.values()
        if preset.key_variable
    ]
    head = ("| preset | install | model's API | key from | model |", "|---|---|---|---|---|")
    assert section("docs/agents.md", "presets") == "\n".join((*head, *rows))


def _model_of(preset: Preset) -> str:
    if preset.needs_model and not preset.model:
        return "required"
    return f"`{preset.model}`" if preset.model else "its own choice"


def test_exit_statuses_table_is_the_codes() -> None:
    rows = [f"| {status.value} | {status.sentence} |" for status in ExitStatus]
    assert section("docs/cli.md", "exit-statuses") == "\n".join(("| status | meaning |", "|---|---|", *rows))


def test_endpoints_table_is_the_codes() -> None:
    rows = [f"| `{each.method} {each.path}` | {each.summary} |" for each in ENDPOINTS]
    assert section("docs/api.md", "endpoints") == "\n".join(("| endpoint | what it does |", "|---|---|", *rows))
    assert section("docs/api.md", "curl") == "\n".join(("```sh", *map(curl_line, ENDPOINTS), "```"))


def test_layout_names_files_that_exist() -> None:
    named = re.findall(r"^ {2}([\w./]+/?) {2,}", section("docs/contributing.md", "layout"), re.MULTILINE)
    assert len(named) > 10
    missing = [name for name in named if not (ROOT / "bot" / name).exists()]
    assert missing == []


def test_layout_shows_every_part_of_the_bot() -> None:
    parts = {
        path.name + ("/" if path.is_dir() else "")
        for path in (ROOT / "bot").iterdir()
        if path.suffix == ".py" or path.is_dir()
    }
    named = set(re.findall(r"[\w]+\.py|[\w]+/", section("docs/contributing.md", "layout")))
    assert parts - named == {"__init__.py", "__main__.py"} | ({"__pycache__/"} & parts)


def command_lines() -> list[str]:
    """What the pages say of `codegen-bot`, without comments and redirections."""
    found = {line for path in PAGES for line in in_backticks(page(path), "codegen-bot ")}
    return sorted(re.split(r"\s+[#>|]", line)[0] for line in found)


@pytest.mark.parametrize("line", command_lines())
def test_documented_command_line_is_understood(line: str) -> None:
    """Down to its flags: help is only shown where all of them exist."""
    _, *words = shlex.split(line)
    done = CliRunner().invoke(main, [*words, "--help"])
    assert done.exit_code == 0, done.output


def make_targets() -> list[str]:
    found = {target for path in PAGES for line in in_backticks(page(path), "make ") for target in line.split()[1:2]}
    return sorted(found)


@pytest.mark.parametrize("target", make_targets())
def test_documented_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_line_of_the_changelog_is_under_a_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (Unreleased|\d+\.\d+\.\d+)", changelog, re.MULTILINE)
