"""docs/ says what is so: its links lead somewhere, its tables are the code's, and the code on its pages is the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bot.commands.labels import is_state, label_of
from bot.commands.registry import COMMANDS
from bot.execution.repository_config.model import LabelRole, Labels
from tests.execution.repository_config.reference import reference
from tests.harness.documents import ROOT, page, section

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings: small, without signs, hyphens for blanks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return LINK.findall(re.sub(r"`[^`\n]*`", "", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        # The last is the repository's page on GitHub, whoever owns it.
        if link.startswith(("https://", "mailto:", "../../actions/")):
            continue
        address, _, anchor = link.partition("#")
        target = (page.parent / address).resolve() if address else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    """However many links it takes."""
    known, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        known.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link]
        waiting += [each for each in targets if each.suffix == ".md" and each.is_file() and each not in known]
    assert {page for page in PAGES if page.parent != ROOT} - known == set()


def test_config_reference_is_the_codes() -> None:
    assert section("docs/config.md", "config") == reference(commands=COMMANDS)


def test_example_config_holds_every_key_of_the_reference() -> None:
    example = yaml.safe_load((ROOT / "examples" / "codegen-bot.yml").read_text(encoding="utf-8"))
    keys = re.findall(r"^\| `([^`]+)`", reference(commands=COMMANDS), re.MULTILINE)
    assert {key.split(".")[0] for key in keys} == {*example}


def test_table_of_labels_is_the_codes() -> None:
    made = [(role, label_of(role, Labels())) for role in LabelRole]
    rows = [
        f"| `{label.name}` | {label.description}. | {'kept in sync' if is_state(role) else 'removed after use'} |"
        for role, label in made
    ]
    assert section("docs/commands.md", "labels") == "\n".join(
        ("| label | what it does | afterwards |", "|---|---|---|", *rows)
    )


def test_code_in_contributing_is_the_code() -> None:
    shown = re.findall(r"<!-- code: (\S+) -->\n```python\n(.*?)```", page("docs/contributing.md"), re.DOTALL)
    assert len(shown) >= 4
    for path, code in shown:
        assert code in (ROOT / path).read_text(encoding="utf-8"), path
