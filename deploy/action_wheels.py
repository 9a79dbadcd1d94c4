# ruff: noqa: INP001 - a script of `make lock`, no module
"""Writes ``requirements-action.wheels`` from a lock file in pylock form (`make lock`): where the Action's wheels are.

With it the Action's pip need not read the index, whose pages name every file of every version. Only wheels for what
GitHub's runners are; elsewhere pip reads the index.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from bot.action.install import FILES

PYTHON = r"(?:py2\.py3|py3)-none|cp3\d+-abi3|cp(?P<minor>31[1-9])-cp(?P=minor)"
LINUX = r"(?:many|musl)linux[a-z0-9_.]+_(?:x86_64|aarch64)"
SYSTEM = rf"any|{LINUX}|macosx_\d+_\d+_(?:arm64|x86_64|universal2)|win_(?:amd64|arm64)"
WANTED = re.compile(rf".+-(?:{PYTHON})-(?:{SYSTEM})\.whl")


def main(lock: Path, written: Path) -> None:
    """:raises ValueError: if a wheel is elsewhere, or a package has none"""
    lines = []
    for package in tomllib.loads(lock.read_text(encoding="utf-8"))["packages"]:
        urls = [wheel["url"] for wheel in package.get("wheels", ()) if WANTED.fullmatch(wheel["url"])]
        if not urls or not all(url.startswith(FILES) for url in urls):
            raise ValueError(f"{package['name']} has no wheels there")
        lines += [url.removeprefix(FILES) for url in urls]
    written.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
