"""A workflow's job as GitHub's runner runs it: the Action as a process, the environment, the files, the log.

What the process says is read as the runner reads it: workflow commands out of the log, outputs and summary out of files.
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
from bot.app.clients import Timing
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import Comment, GitHubEmulator
from bot.emulator.github.webhooks import Delivery
from bot.emulator.github.world import ACTIONS_LOGIN
from tests.harness.forks import python_m

ROOT = Path(__file__).parents[2]

PATIENCE = 30.0
"""Seconds for one job."""

CODEGEN_TOKEN = "sk-org1-workflow"
GITHUB_TOKEN = "actions-token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job that has ended.

    :param log: what people see of it: without the lines that were orders to the runner
    :param annotations: level and text, as people see them
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
    """A job that runs."""

    process: Process
    folder: Path
    said: list[str] = field(default_factory=list)

    async def until_it_says(self, words: str) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            async for line in self.process.stdout:
                self.said.append(line.decode())
                if words in self.said[-1]:
                    return
        raise AssertionError(f"it never said {words}: {''.join(self.said)}")

    def cancel(self, number: signal.Signals = signal.SIGINT) -> None:
        """As the runner cancels a job: SIGINT, and SIGTERM later."""
        self.process.send_signal(number)

    async def ended(self) -> Ended:
        async with asyncio.timeout(PATIENCE):
            out, _ = await self.process.communicate()
        assert self.process.returncode is not None
        return _read("".join(self.said) + out.decode(), self.folder, self.process.returncode)


@dataclass(slots=True)
class Here:
    """A job in this process: for what does not hang on being one, at a twentieth of the time."""

    environ: dict[str, str]
    folder: Path

    async def ended(self) -> Ended:
        said: list[str] = []
        _, status = await run(self.environ, say=said.append, timing=Timing(shortest=0.02, longest=0.02, write_gap=0.0))
        return _read("\n".join(said), self.folder, status)


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
        self._folder = folder
        self._jobs = 0

    async def on(self, delivery: Delivery, **more: Any) -> Ended:
        """The job that an event starts."""
        return await (await self.begin(delivery.event, delivery.payload, **more)).ended()

    async def begun_on(self, delivery: Delivery, **more: Any) -> Job:
        """The same, as a process that can be cut off."""
        job = await self.begin(delivery.event, delivery.payload, **more)
        assert isinstance(job, Job)
        return job

    async def on_comment(self, login: str, text: str, *, number: int = 1, **more: Any) -> Ended:
        """Somebody writes a comment, and the workflow runs on it."""
        return await self.on(self.commented(login, text, number=number), **more)

    def commented(self, login: str, text: str, *, number: int = 1) -> Delivery:
        self.github.comment(login, number, text)
        return self.github.deliveries[-1]

    async def step(self, event: str = "workflow_dispatch", payload: Any = None, **more: Any) -> Ended:
        """The job with a step that says itself what is to be done."""
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
    ) -> Job | Here:
        """:param inputs: as a workflow writes them
        :param environ: what else the runner sets; an empty text takes something away
        :param folder: of the job, for another step of one that there is
        """
        self._jobs += 1
        folder = folder or self._folder / f"job-{self._jobs}"
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
            return Here(environ, folder)
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
    github = GitHubEmulator(limits=False)
    async with CodegenEmulator(run_seconds=timing, limits=False) as codegen, github:
        yield Workflow(github, codegen, folder, in_process=in_process)
        unrouted = [
            f"{entry.method} {entry.path}"
            for entry in (*github.control.journal, *codegen.control.journal)
            if not entry.routed
        ]
        assert not unrouted, f"requests met no route: {unrouted}"


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
    """How long a run took is this machine's business."""
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
