"""docs/setup.md agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from bot.cli.main import main
from bot.github.permissions import TITLES, needed, reasons
from bot.metrics import READ_EVENTS

DOCS = (Path(__file__).parents[3] / "docs" / "setup.md").read_text(encoding="utf-8")


def test_docs_permissions_table_is_the_codes() -> None:
    rows = [f"| {TITLES[name]} | {level.words} | {', '.join(reasons(name))} |" for name, level in needed().items()]
    table = "\n".join(("| permission | level | so that the bot |", "|---|---|---|", *rows))
    assert f"<!-- permissions -->\n{table}\n<!-- /permissions -->" in DOCS


def test_docs_name_every_event() -> None:
    (sentence,) = re.findall(r"subscribes to these events: (.*?)\.\n", DOCS, re.DOTALL)
    assert re.findall(r"`(\w+)`", sentence) == [*READ_EVENTS]


def test_docs_explain_every_option() -> None:
    shown = CliRunner().invoke(main, ["setup", "--help"]).stdout
    options = {*re.findall(r"--[a-z-]+", shown)} - {"--help", "--url"}
    explained = {*re.findall(r"--[a-z-]+", "\n".join(re.findall(r"^\| `--.*$", DOCS, re.MULTILINE)))}
    assert options == explained
