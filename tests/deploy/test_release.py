"""The release workflow, and its notes from the changelog."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import __version__
from tests.action.test_action_yml import judge
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


def test_notes_are_the_versions_section(notes: Callable[..., str]) -> None:
    assert notes("v1.2.0", version="1.2.0", changelog=CHANGELOG) == "- New.\n- Better."
    assert notes("v1.1.0", version="1.1.0", changelog=CHANGELOG) == "- Old."


def test_tag_that_is_not_the_version_is_no_release(notes: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match=r"^The tag is v1\.2\.1, but bot/__init__\.py says 1\.2\.0"):
        notes("v1.2.1", version="1.2.0", changelog=CHANGELOG)


def test_release_needs_a_changelog_entry(notes: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match=r"has nothing under 1\.3\.0"):
        notes("v1.3.0", version="1.3.0", changelog=CHANGELOG)


def test_script_stops_the_workflow() -> None:
    """As it runs there: without the bot's packages."""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-I", "-S", SCRIPT, "v0.0.0"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"::error::The tag is v0.0.0, but bot/__init__.py says {__version__}. Change one of them.\n"


def test_version_stands_in_one_place() -> None:
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
        "trial": "build",
        "image": ["build", "attest", "trial"],
        "pypi": "image",
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
        "trial": set(),
        "image": {"packages", "id-token", "attestations"},
        "pypi": {"id-token"},
        "release": {"contents"},
    }
    assert "secrets." not in TEXT


def test_publishing_waits_for_a_reviewer() -> None:
    """The environments are named like the jobs; docs/contributing.md describes them."""
    assert {name: job["environment"] for name, job in JOBS.items() if "environment" in job} == {
        "image": "image",
        "pypi": "pypi",
        "release": "release",
    }
    page = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    section = page.partition("\n## Releases\n")[2].partition("\n## ")[0]
    assert {"image", "pypi", "release"} <= {*re.findall(r"`([a-z]+)`", section)}
    assert "ruleset" in section


def git(folder: Path, *words: str) -> str:
    return subprocess.run(  # noqa: S603 - our own words
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *words],  # noqa: S607 - wherever it is
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.strip()


def test_tag_beside_the_default_branch_is_no_release(tmp_path: Path) -> None:
    """The step's own script, on a commit of the branch and on one beside it."""
    [step] = [step for step in JOBS["build"]["steps"] if "merge-base" in step.get("run", "")]
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    git(origin, "init", "--quiet", "--initial-branch=trunk")
    git(origin, "commit", "--quiet", "--allow-empty", "--message=reviewed")
    git(origin, "checkout", "--quiet", "-b", "aside")
    git(origin, "commit", "--quiet", "--allow-empty", "--message=not reviewed")
    git(tmp_path, "clone", "--quiet", str(origin), str(clone))

    def run(commit: str) -> tuple[int, str]:
        environ = {
            "PATH": os.environ["PATH"],
            "DEFAULT_BRANCH": "trunk",
            "GITHUB_SHA": git(clone, "rev-parse", commit),
        }
        done = subprocess.run(  # noqa: S603 - the workflow's words
            ["bash", "-e", "-c", step["run"]],  # noqa: S607 - wherever it is
            cwd=clone,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout

    assert run("origin/trunk") == (0, "")
    assert run("origin/aside") == (
        1,
        "::error::The tagged commit is not on trunk. Merge it there first, then tag it.\n",
    )
    [checkout] = [step for step in JOBS["build"]["steps"] if "checkout" in step.get("uses", "")]
    assert checkout["with"]["fetch-depth"] == 0


def test_actions_are_pinned_by_commit_with_version() -> None:
    used = re.findall(r"uses: (.*)", TEXT)
    assert len(used) >= 12
    assert [each for each in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_one_action_has_one_commit_in_all_workflows() -> None:
    pins: dict[str, set[str]] = {}
    for path in PATH.parent.glob("*.yml"):
        for name, pin in re.findall(r"uses: ([\w/-]+)@(.*)", path.read_text(encoding="utf-8")):
            pins.setdefault(name, set()).add(pin)
    assert {name: pin for name, pin in pins.items() if len(pin) > 1} == {}


def test_image_that_is_pushed_is_the_one_that_was_tried() -> None:
    """There is one build, and nothing that pushes by building."""
    [build] = [step for job in JOBS.values() for step in job["steps"] if "build-push-action" in step.get("uses", "")]
    assert "push" not in build["with"]
    scripts = [step["run"] for step in JOBS["trial"]["steps"] if "run" in step]
    assert [len(re.findall("docker (run|save)", script)) for script in scripts] == [1, 1, 1]
    assert scripts[-1].startswith("docker save ")
    [pushing] = [step["run"] for step in JOBS["image"]["steps"] if "docker push" in step.get("run", "")]
    [image] = re.findall(r"docker save --output (\S+) (\S+)", scripts[-1])
    assert pushing.splitlines()[:2] == [f"docker load --input {image[0]}", f'docker tag {image[1]} "$IMAGE:$VERSION"']
    assert build["with"]["tags"] == image[1]
    arguments = re.findall(r"^(\w+)=", build["with"]["build-args"], re.MULTILINE)
    declared = re.findall(r"^ARG (\w+)=", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert arguments == declared


def test_every_kind_of_pin_is_kept_up_to_date() -> None:
    path = ROOT / ".github" / "dependabot.yml"
    judge("check-jsonschema", "--builtin-schema", "vendor.dependabot", path)
    judge("zizmor", "--offline", "--no-progress", path)
    updates = yaml.safe_load(path.read_text(encoding="utf-8"))["updates"]
    assert {each["package-ecosystem"] for each in updates} == {"pip", "github-actions", "docker", "docker-compose"}


def test_security_policy_is_where_github_looks_for_it() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "Report a vulnerability" in text
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", text)
    assert "docs/security.md" in links
    assert [link for link in links if not (ROOT / link).exists()] == []
