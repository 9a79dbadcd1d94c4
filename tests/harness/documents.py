"""The documentation's pages and their generated sections."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def page(path: str) -> str:
    """The text of a page, by its path from the project's root."""
    return (ROOT / path).read_text(encoding="utf-8")


def section(path: str, name: str) -> str:
    """The part of a page between the comments ``<!-- name -->`` and ``<!-- /name -->``."""
    found = re.findall(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", page(path), re.DOTALL)
    assert len(found) == 1, f"{path} has {len(found)} sections {name}"
    text: str = found[0]
    return text
