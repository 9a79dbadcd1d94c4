"""docs/operating.md: its commands work, its files exist, and its alerts are those of the rules."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from bot.settings.model import setting_rows
from tests.chaos.process import AS_SERVED, Bot
from tests.chaos.user_actions import first_day
from tests.chaos.worlds import both_worlds, settled
from tests.deploy.dockerfile import ROOT
from tests.deploy.test_dockerfile import LONGEST_STOP
from tests.harness.documents import section

PATH = ROOT / "docs" / "operating.md"
PAGE = PATH.read_text(encoding="utf-8")
FILE = "codegen-bot.sqlite"


def back_up(folder: Path) -> Path:
    """Executes the page's command with the tests' Python."""
    [line] = re.findall(r"^python3 .*$", section("docs/operating.md", "backup-sqlite"), re.MULTILINE)
    _, *words = shlex.split(line)
    subprocess.run([sys.executable, *words], cwd=folder, timeout=60, check=True)  # noqa: S603 - the page's words
    return folder / words[-1]


async def test_backup_made_while_the_bot_runs_is_one_to_go_on_from(tmp_path: Path) -> None:
    """Runs are started and a copy is made; another bot on the copy reports the results, once."""
    begun, restored = tmp_path / "begun", tmp_path / "restored"
    for folder in (begun, restored):
        folder.mkdir()
    async with both_worlds(timing=3.0) as worlds:
        first = Bot(worlds, begun, module=AS_SERVED)
        async with first.reporting(0):
            await first.start()
            worlds.perform(next(first_day()))
            await worlds.codegen.run_created(3)
            await worlds.github.until(worlds.replies)
            back_up(begun).rename(restored / FILE)
        second = Bot(worlds, restored, module=AS_SERVED)
        async with second.reporting(0):
            await second.start()
            await settled(worlds, seconds=60)
            await second.stop()
        assert second.broken() == []


def test_alerts_are_those_of_the_rules() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    named = re.findall(r"^\| `(\w+)` \|", section("docs/operating.md", "alerts"), re.MULTILINE)
    assert named == [rule["alert"] for group in rules["groups"] for rule in group["rules"]]


def test_log_lines_that_it_names_are_written_by_the_code() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot").rglob("*.py"))
    named = re.findall(r"`([a-z_]+\.[a-z_]+)`", section("docs/operating.md", "alerts"))
    assert len(named) >= 6
    assert [name for name in named if f'"{name}"' not in source] == []


def test_settings_that_it_names_are_there() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+|HOST|PORT)`", PAGE))
    assert named - {row.variable for row in setting_rows()} == set()


def test_files_that_it_names_are_there() -> None:
    named = {*re.findall(r"(?:deploy|tests)/[\w./-]+\w", PAGE)}
    assert len(named) >= 8
    assert [name for name in named if not (ROOT / name).exists()] == []
    links = re.findall(r"\]\((?!#)([^)#]+)", PAGE)
    assert [link for link in links if not (PATH.parent / link).exists()] == []


def test_it_promises_an_end_that_the_bot_keeps() -> None:
    promised = re.search(r"at the\s+most (\d+): hence (\d+)", PAGE)
    assert promised is not None
    assert LONGEST_STOP < float(promised[1]) < float(promised[2])
    assert f"--stop-timeout {promised[2]}" in PAGE


def test_containers_line_is_as_strict_as_compose() -> None:
    for option in (
        "--read-only",
        "--tmpfs /tmp",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--pids-limit 256",
        "127.0.0.1:8080:8080",
    ):
        assert option in PAGE
