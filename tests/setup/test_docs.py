"""docs/setup.md says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from bot.cli.main import main
from bot.github.permissions import TITLES, needed, reasons
from bot.measures import READ_EVENTS

DOCS = (Path(__file__).parents[2] / "docs" / "setup.md").read_text(encoding="utf-8")


def test_the_table_of_permissions_is_the_codes() -> None:
    rows = [f"| {TITLES[name]} | {level.words} | {', '.join(reasons(name))} |" for name, level in needed().items()]
    table = "\n".join(("| permission | level | so that the bot |", "|---|---|---|", *rows))
    assert f"<!-- permissions -->\n{table}\n<!-- /permissions -->" in DOCS


def test_every_event_is_named() -> None:
    (sentence,) = re.findall(r"subscribes to these events: (.*?)\.\n", DOCS, re.DOTALL)
    assert re.findall(r"`(\w+)`", sentence) == [*READ_EVENTS]


def test_every_option_is_explained() -> None:
    shown = CliRunner().invoke(main, ["setup", "--help"]).stdout
    options = {*re.findall(r"--[a-z-]+", shown)} - {"--help", "--url"}
    explained = {*re.findall(r"--[a-z-]+", "\n".join(re.findall(r"^\| `--.*$", DOCS, re.MULTILINE)))}
    assert options == explained
