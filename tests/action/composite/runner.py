"""GitHub's runner as far as a composite action sees it: expressions resolved, each step a bash of its own, files read.

Strict on purpose: an expression that it does not know fails the test, as a mistyped one is an empty text on GitHub.
https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax#runs-for-composite-actions
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.action.expressions import evaluate_in

ROOT = Path(__file__).parents[3]

WORKFLOW_REF = "octo/shop/.github/workflows/codegen.yml@refs/heads/main"
SHELLS = {"bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail")}
"""The commands for ``shell``, from GitHub's documentation."""


def load(path: Path) -> dict[str, Any]:
    """:raises AssertionError: where it holds no mapping"""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def copy_repository(to: Path) -> Path:
    """Copies the files that git tracks or would add: no caches, no virtual environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    return to


@dataclass(slots=True)
class Job:
    """One job on one runner. Its folders last as long as the test, the tool cache longer.

    :param action: the folder in which `action.yml` is
    :param environ: what this job sets besides
    """

    folder: Path
    action: Path
    tool_cache: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    event: tuple[str, Mapping[str, Any]] = ("workflow_dispatch", {})
    log: str = ""
    summary: str = ""
    exit_status: int = 0
    running: asyncio.subprocess.Process | None = None

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    async def use(self, **inputs: str) -> dict[str, str]:
        """Runs the action as ``uses:`` does; keywords are its inputs, with underscores. Returns its outputs."""
        definition = load(self.action / "action.yml")
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() <= definition["inputs"].keys()
        known = {
            "github.token": "actions-token",
            "strategy.job-index": "0",
            "job.check_run_id": "4712",
            "job.workflow_ref": WORKFLOW_REF,
        }
        for name, declared in definition["inputs"].items():
            known[f"inputs.{name}"] = given.get(name, resolve(str(declared.get("default", "")), known))
        for number, step in enumerate(definition["runs"]["steps"]):
            if not self.exit_status and evaluate_in(step.get("if", "true"), _contexts(known)):
                outputs = await self._step(step, number, known)
                known |= {f"steps.{step['id']}.outputs.{name}": value for name, value in outputs.items()}
            # What a step did not set is empty on GitHub as well.
            own = {"python", "reactions", "eyes", *definition["outputs"]}
            known = {f"steps.{step['id']}.outputs.{name}": "" for name in own} | known
        return {name: resolve(each["value"], known) for name, each in definition["outputs"].items()}

    async def _step(self, step: Mapping[str, Any], number: int, known: Mapping[str, str]) -> dict[str, str]:
        assert step.keys() <= {"name", "id", "if", "shell", "run", "env"}
        script = self.folder / f"step-{number}.sh"
        script.write_text(step["run"], encoding="utf-8")
        files = {
            name: self.folder / f"{name.lower()}-{number}"
            for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
        }
        for path in files.values():
            path.write_bytes(b"")
        self.workspace.mkdir(exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *(*SHELLS[step["shell"]], str(script)),
            env={
                **self._own(),
                **{name: str(path) for name, path in files.items()},
                **{name: resolve(str(value), known) for name, value in step.get("env", {}).items()},
            },
            cwd=self.workspace,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.running = process
        printed, _ = await process.communicate()
        self.log += printed.decode()
        self.exit_status = process.returncode or 0
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        assert files["GITHUB_ENV"].read_bytes() == b"", "nothing of this Action is meant for the steps after it"
        return parse_file(files["GITHUB_OUTPUT"].read_text(encoding="utf-8"))

    def _own(self) -> dict[str, str]:
        """The environment of every step."""
        event_path = self.folder / "event.json"
        event_path.write_text(json.dumps(self.event[1]), encoding="utf-8")
        temp = self.folder / "temp"
        temp.mkdir(exist_ok=True)
        of_machine = ("LANG", "PIP_CERT", "PIP_CONFIG_FILE", "PIP_DEFAULT_TIMEOUT", "PIP_FIND_LINKS", "PIP_INDEX_URL")
        return {
            # How this machine reaches its registry and where its pip keeps what it has.
            **{name: os.environ[name] for name in (*of_machine, "HOME", "SSL_CERT_FILE") if name in os.environ},
            # Python of the tests first, as actions/setup-python does it.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "CI": "true",
            "GITHUB_ACTION": "codegen",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_EVENT_NAME": self.event[0],
            "GITHUB_EVENT_PATH": str(event_path),
            "GITHUB_JOB": "codegen",
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_WORKFLOW_REF": WORKFLOW_REF,
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(temp),
            "RUNNER_TOOL_CACHE": str(self.tool_cache),
            **self.environ,
        }


EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


def resolve(text: str, known: Mapping[str, str]) -> str:
    """:raises KeyError: where an expression is not known; ``a || b`` is the first that is not empty"""

    def value(expression: str) -> str:
        values = [known[name.strip()] for name in expression.split("||")]
        return next((each for each in values if each), "")

    return EXPRESSION.sub(lambda found: value(found[1]), text)


def _contexts(known: Mapping[str, str]) -> dict[str, Any]:
    """What a step's ``if:`` can refer to."""
    contexts: dict[str, Any] = {"true": True}
    for name, value in known.items():
        *parents, last = name.split(".")
        place = contexts
        for each in parents:
            place = place.setdefault(each, {})
        place[last] = value
    return contexts


def parse_file(text: str) -> dict[str, str]:
    """A file of ``name=value`` lines and ``name<<END`` blocks, read as the runner reads it."""
    values: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, sign, rest = re.split("(=|<<)", line, maxsplit=1)
        if sign == "=":
            values[name] = rest
            continue
        block: list[str] = []
        # A block without an end raises StopIteration's error, as it fails the step on GitHub.
        for each in lines:
            if each == rest:
                break
            block.append(each)
        else:
            raise ValueError(f"the block {name} has no end")
        values[name] = "\n".join(block)
    return values
