# ruff: noqa: INP001 - a script, run by its path
"""Prints a release's notes: the changelog's section of the tag's version. Fails where the three differ.

The release workflow runs this file by its path, with nothing installed: it imports the standard library only, and reads
the version without importing the bot.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def notes(tag: str, *, version: str, changelog: str) -> str:
    """The section of the version, without its heading.

    :param tag: as pushed, ``v1.2.3``
    :param version: what ``bot/__init__.py`` says
    :raises ValueError: in a sentence that says what to do
    """
    if tag != f"v{version}":
        raise ValueError(f"The tag is {tag}, but bot/__init__.py says {version}. Change one of them.")
    found = re.search(rf"^## {re.escape(version)}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    if found is None or not found[1].strip():
        raise ValueError(f"CHANGELOG.md has nothing under {version}. Give what stands under Unreleased that heading.")
    return found[1].strip()


def read_version(root: Path) -> str:
    """:raises ValueError: where there is none"""
    found = re.search(r'^__version__ = "([^"]+)"$', (root / "bot" / "__init__.py").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError("bot/__init__.py has no __version__.")
    return found[1]


def main() -> int:
    try:
        changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
        print(notes(sys.argv[1], version=read_version(ROOT), changelog=changelog))  # noqa: T201 - for the workflow
    except ValueError as error:
        print(f"::error::{error}", file=sys.stderr)  # noqa: T201 - GitHub shows it beside the step
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
