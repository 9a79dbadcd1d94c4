"""The release workflow, and the notes that it takes out of the changelog."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from bot import __version__
from tests.deploy.dockerfile import ROOT

PATH = ROOT / ".github" / "workflows" / "release.yml"
TEXT = PATH.read_text(encoding="utf-8")
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["jobs"]
SCRIPT = ROOT / "deploy" / "release" / "notes.py"
CHANGELOG = (
    "# Changelog\n\n## Unreleased\n\n- Later.\n\n## 1.2.0 (2026-11-25)\n\n- New.\n- Better.\n\n## 1.1.0\n\n- Old.\n"
)


@pytest.fixture
def notes() -> Callable[..., str]:
    found: Callable[..., str] = runpy.run_path(str(SCRIPT))["notes"]
    return found


def test_the_notes_are_the_versions_section(notes: Callable[..., str]) -> None:
    assert notes("v1.2.0", version="1.2.0", changelog=CHANGELOG) == "- New.\n- Better."
    assert notes("v1.1.0", version="1.1.0", changelog=CHANGELOG) == "- Old."


def test_a_tag_that_is_not_the_version_is_no_release(notes: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match=r"^The tag is v1\.2\.1, but bot/__init__\.py says 1\.2\.0"):
        notes("v1.2.1", version="1.2.0", changelog=CHANGELOG)


def test_a_version_without_a_word_in_the_changelog_is_no_release(notes: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match=r"has nothing under 1\.3\.0"):
        notes("v1.3.0", version="1.3.0", changelog=CHANGELOG)


def test_the_script_stops_the_workflow() -> None:
    """As it runs there: without the bot's packages."""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-I", "-S", SCRIPT, "v0.0.0"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"::error::The tag is v0.0.0, but bot/__init__.py says {__version__}. Change one of them.\n"


def test_the_version_stands_in_one_place() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in project
    assert not re.search(r"^version = ", project, re.MULTILINE)


def test_kubernetes_takes_the_image_of_this_version() -> None:
    kustomization = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "kustomization.yaml").read_text(encoding="utf-8"))
    assert [each["newTag"] for each in kustomization["images"]] == [__version__]


def test_nothing_is_published_before_it_was_tested_and_attested() -> None:
    assert {name: job.get("needs") for name, job in JOBS.items()} == {
        "build": None,
        "attest": "build",
        "image": "build",
        "pypi": ["attest", "image"],
        "release": "pypi",
    }
    runs = [step.get("run") for step in JOBS["build"]["steps"]]
    assert runs.index(".ci/run") < runs.index("make dist")


def test_each_job_may_do_its_own_and_no_more() -> None:
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}
    assert {
        name: {right for right, how in job.get("permissions", {}).items() if how == "write"}
        for name, job in JOBS.items()
    } == {
        "build": set(),
        "attest": {"id-token", "attestations"},
        "image": {"packages", "id-token", "attestations"},
        "pypi": {"id-token"},
        "release": {"contents"},
    }
    assert JOBS["pypi"]["environment"] == "pypi"
    assert "secrets." not in TEXT


def test_every_action_is_pinned_by_its_commit_and_named_by_its_version() -> None:
    used = re.findall(r"uses: (.*)", TEXT)
    assert len(used) >= 12
    assert [each for each in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_one_action_has_one_commit_in_all_workflows() -> None:
    pins: dict[str, set[str]] = {}
    for path in PATH.parent.glob("*.yml"):
        for name, pin in re.findall(r"uses: ([\w/-]+)@(.*)", path.read_text(encoding="utf-8")):
            pins.setdefault(name, set()).add(pin)
    assert {name: pin for name, pin in pins.items() if len(pin) > 1} == {}


def test_the_image_is_tried_before_it_is_pushed() -> None:
    steps = JOBS["image"]["steps"]
    pushed = next(number for number, step in enumerate(steps) if step.get("with", {}).get("push"))
    tried = [number for number, step in enumerate(steps) if "docker run" in step.get("run", "")]
    assert len(tried) == 2
    assert max(tried) < pushed
    arguments = re.findall(r"^(\w+)=", steps[pushed]["with"]["build-args"], re.MULTILINE)
    declared = re.findall(r"^ARG (\w+)=", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert arguments == declared
