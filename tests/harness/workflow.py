"""A workflow's job as GitHub's runner runs it: the Action as a process, the environment, the files, the log.

The process's output is parsed as the runner does: workflow commands from the log, outputs and summary from files.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.action.main import run
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import Comment, GitHubEmulator
from bot.emulators.github.model import ACTIONS_LOGIN
from bot.emulators.github.webhooks import Delivery
from tests.harness import TIMEOUT
from tests.harness.forks import ROOT, python_m
from tests.harness.server import emulators, quick_timing

CODEGEN_TOKEN = "sk-org1-workflow"
GITHUB_TOKEN = "actions-token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The result of a job.

    :param log: as users see it, without workflow commands
    :param annotations: level and text
    """

    status: int
    log: list[str]
    annotations: list[tuple[str, str]]
    masks: list[str]
    groups: list[str]
    outputs: dict[str, str]
    summary: str
    raw: str

    @property
    def document(self) -> dict[str, Any]:
        """The output `json`."""
        document: dict[str, Any] = json.loads(self.outputs["json"])
        return document


@dataclass(slots=True)
class Job:
    """A running job."""

    process: Process
    folder: Path
    output: list[str] = field(default_factory=list)

    async def until_printed(self, words: str) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(TIMEOUT):
            async for line in self.process.stdout:
                self.output.append(line.decode())
                if words in self.output[-1]:
                    return
        raise AssertionError(f"never printed {words}: {''.join(self.output)}")

    def cancel(self, number: signal.Signals = signal.SIGINT) -> None:
        """As the runner cancels a job: SIGINT, and SIGTERM later."""
        self.process.send_signal(number)

    async def ended(self) -> Ended:
        async with asyncio.timeout(TIMEOUT):
            out, _ = await self.process.communicate()
        assert self.process.returncode is not None
        return _read("".join(self.output) + out.decode(), self.folder, self.process.returncode)


@dataclass(slots=True)
class InProcessJob:
    """A job in this process, in a twentieth of the time."""

    environ: dict[str, str]
    folder: Path

    async def ended(self) -> Ended:
        output: list[str] = []
        _, status = await run(self.environ, say=output.append, timing=quick_timing())
        return _read("\n".join(output), self.folder, status)


class Workflow:
    """A repository with the bot as its Action.

    :param in_process: whether jobs run here, and not as processes of their own
    """

    def __init__(
        self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path, *, in_process: bool = False
    ) -> None:
        self._in_process = in_process
        self.github = github
        self.codegen = codegen
        self.folder = folder
        self._jobs = 0

    async def on(self, delivery: Delivery, **more: Any) -> Ended:
        """Runs the job that an event starts."""
        return await (await self.begin(delivery.event, delivery.payload, **more)).ended()

    async def begun_on(self, delivery: Delivery, **more: Any) -> Job:
        """Starts that job as a process that can be killed."""
        job = await self.begin(delivery.event, delivery.payload, **more)
        assert isinstance(job, Job)
        return job

    async def on_comment(self, login: str, text: str, *, number: int = 1, **more: Any) -> Ended:
        """Writes a comment, and runs the workflow on it."""
        return await self.on(self.commented(login, text, number=number), **more)

    def commented(self, login: str, text: str, *, number: int = 1) -> Delivery:
        self.github.comment(login, number, text)
        return self.github.deliveries[-1]

    async def step(self, event: str = "workflow_dispatch", payload: Any = None, **more: Any) -> Ended:
        """Runs a job whose step names its command."""
        return await (await self.begin(event, payload or {}, **more)).ended()

    async def begin(
        self,
        event: str,
        payload: Any,
        *,
        inputs: dict[str, str] | None = None,
        environ: dict[str, str] | None = None,
        run_id: str = "77",
        attempt: int = 1,
        folder: Path | None = None,
    ) -> Job | InProcessJob:
        """:param inputs: as a workflow writes them
        :param environ: what else the runner sets; an empty text takes something away
        :param folder: of the job, for another step of one that there is
        """
        self._jobs += 1
        folder = folder or self.folder / f"job-{self._jobs}"
        (folder / "workspace").mkdir(parents=True, exist_ok=True)
        (folder / "temp").mkdir(exist_ok=True)
        (folder / "event.json").write_text(json.dumps(payload))
        for name in ("output", "summary"):
            (folder / name).write_text("")
        given = {
            "codegen-api-token": CODEGEN_TOKEN,
            "codegen-org-id": "1",
            "github-token": GITHUB_TOKEN,
            **(inputs or {}),
        }
        environ = self._environ(event, folder, run_id, attempt) | {
            **{f"INPUT_{name.upper().replace('-', '_')}": value for name, value in given.items()},
            **(environ or {}),
        }
        if self._in_process:
            return InProcessJob(environ, folder)
        process = await asyncio.create_subprocess_exec(
            *python_m("bot", "action", environ=environ),
            cwd=folder / "workspace",
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=2**20,
        )
        return Job(process, folder)

    def _environ(self, event: str, folder: Path, run_id: str, attempt: int) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION": "__run",
            "GITHUB_ACTOR": "bob",
            "GITHUB_API_URL": self.github.url,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_JOB": "codegen",
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "GITHUB_RUN_ID": run_id,
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "GITHUB_WORKSPACE": str(folder / "workspace"),
            "RUNNER_TEMP": str(folder / "temp"),
            "CODEGEN_API_BASE_URL": self.codegen.url,
        }

    def replies(self, number: int = 1) -> list[Comment]:
        return [comment for comment in self.github.comments(number) if comment.author == ACTIONS_LOGIN]


@asynccontextmanager
async def workflow_in(folder: Path, *, timing: float | None = 0.0, in_process: bool = False) -> AsyncIterator[Workflow]:
    """:param timing: seconds that a run takes; None: until it is moved"""
    async with emulators(codegen=CodegenEmulator(run_seconds=timing, limits=False)) as (github, codegen):
        yield Workflow(github, codegen, folder, in_process=in_process)


def _read(raw: str, folder: Path, status: int) -> Ended:
    log, annotations, masks, groups = [], [], [], []
    for line in _timeless(raw).splitlines():
        # The runner looks behind blanks, too.
        found = re.match(r"\s*::([\w-]+)(?: ([^:]*))?::(.*)", line)
        assert "##[" not in line
        match found and found[1]:
            case None:
                log.append(line)
            case "add-mask":
                masks.append(_data(found[3]) if found else "")
            case "group":
                groups.append(_data(found[3]) if found else "")
            case "endgroup":
                pass
            case level:
                annotations.append((str(level), _data(found[3]) if found else ""))
    return Ended(
        status=status,
        log=log,
        annotations=annotations,
        masks=masks,
        groups=groups,
        outputs=_outputs((folder / "output").read_text(encoding="utf-8")),
        summary=_timeless((folder / "summary").read_text(encoding="utf-8")),
        raw=raw,
    )


def _timeless(text: str) -> str:
    """Durations differ from run to run."""
    return re.sub(r"\b\d+ s\b", "N s", text)


def _data(text: str) -> str:
    return text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")


def _outputs(text: str) -> dict[str, str]:
    """``NAME<<DELIMITER``, the value's lines, the delimiter alone on a line."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, delimiter = line.partition("<<")
        assert delimiter, f"no output: {line}"
        value = []
        for each in lines:
            if each == delimiter:
                break
            value.append(each)
        found[name] = "\n".join(value)
    return found
