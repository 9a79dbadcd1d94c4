"""The subjects of commits: an area, and what was done to it. The same pattern holds them in a hook of pre-commit."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache

import pytest
import yaml

from tests.harness.documents import ROOT, page

LAST = 30
"""Commits that are looked at, where the clone has as many."""


@cache
def pattern() -> re.Pattern[str]:
    hooks = yaml.safe_load(page(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    [entry] = [hook["entry"] for hook in hooks if hook["id"] == "commit-subject"]
    return re.compile(entry, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "message",
    ["engine: store a job once", "repository config: report all problems\n\nWhy.\n", f"tests: {'x' * 58}"],
)
def test_subject_pattern_accepts_area_and_imperative(message: str) -> None:
    assert pattern().search(message)


@pytest.mark.parametrize(
    "message",
    ["x", "Store a job once", "engine: Store a job once", "engine:store", f"tests: {'x' * 59}", "x\n\nengine: store"],
)
def test_subject_pattern_refuses_other_messages(message: str) -> None:
    assert not pattern().search(message)


def test_subjects_of_last_commits_fit_the_pattern() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no history is here")
    command = [git, "-C", str(ROOT), "log", "--no-merges", f"--max-count={LAST}", "--format=%s"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        pytest.skip(f"git reads no history: {done.stderr.strip()}")
    assert [subject for subject in done.stdout.splitlines() if not pattern().search(subject)] == []
