"""A systemd unit: its directives, and systemd's own judgement of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "/opt/codegen-bot/bin/codegen-bot"

has_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


def values(text: str, name: str) -> list[str]:
    """The values of a directive, in their order."""
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


def install(unit: Path, folder: Path) -> Path:
    """A copy of the unit with a program that is there: systemd wants to see it."""
    copy = folder / unit.name
    text = unit.read_text(encoding="utf-8")
    copy.write_text(text.replace(PROGRAM, str(Path(sys.executable).with_name("codegen-bot"))), encoding="utf-8")
    return copy


def analyze(*words: str | Path) -> str:
    """What `systemd-analyze` prints; it must find nothing wrong."""
    done = subprocess.run(  # noqa: S603 - our own words
        ["systemd-analyze", *words],  # noqa: S607 - wherever it is
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
