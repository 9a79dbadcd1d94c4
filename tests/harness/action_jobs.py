"""GitHub Actions in tests: each delivery becomes a job that runs the Action, as with a workflow on these events.

Actions of a workflow's own token start no workflow (https://docs.github.com/en/actions/concepts/security/github_token).
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.action.main import run
from bot.app.clients import Timing
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import ACTIONS_LOGIN
from bot.execution.outcome import CommandOutcome, ExitStatus
from bot.execution.reply import Reason
from tests.harness import TIMEOUT
from tests.harness.server import settings_between


class Jobs:
    """Runs the Action in-process, once for each delivery.

    :param settings: as the server would have them
    """

    def __init__(
        self, github: GitHubEmulator, codegen: CodegenEmulator, timing: Timing, settings: dict[str, Any]
    ) -> None:
        self.url = ""
        self.log: list[str] = []
        self.ended: list[tuple[CommandOutcome, ExitStatus]] = []
        self._github = github
        self._codegen = codegen
        self._timing = timing
        self._settings = settings
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = 0
        self._silent = 0
        self._folder = tempfile.TemporaryDirectory(prefix="codegen-bot-jobs-")
        self._changed = asyncio.Condition()
        application = web.Application()
        application.add_routes([web.post("/", self._receive)])
        self._runner = web.AppRunner(application, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Cancels every job, as the runner does; none begins after that."""
        self._stop.set()
        await self._runner.cleanup()
        await asyncio.gather(*self._tasks)
        self._folder.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        name, body = request.headers["X-GitHub-Event"], await request.read()
        if json.loads(body)["sender"]["login"] == ACTIONS_LOGIN:
            async with self._changed:
                self._silent += "label" in json.loads(body)
                self._changed.notify_all()
            return web.Response(status=202)
        self._begun += 1
        task = asyncio.create_task(self._work(name, body, self._begun))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.Response(status=202)

    async def _work(self, name: str, body: bytes, number: int) -> None:
        path = Path(self._folder.name) / f"event-{number}.json"
        await asyncio.to_thread(path.write_bytes, body)
        done = await run(self._environ(name, path, number), say=self.log.append, stop=self._stop, timing=self._timing)
        async with self._changed:
            self.ended.append(done)
            self._changed.notify_all()

    def _environ(self, name: str, path: Path, number: int) -> dict[str, str]:
        settings = settings_between(self._github, self._codegen, **{"github_token": "actions-token", **self._settings})
        return {
            **{name.upper(): str(value) for name, value in settings.items()},
            "INPUT_TIMEOUT_MINUTES": str(settings.get("run_timeout_minutes", "")),
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_REPOSITORY": json.loads(path.read_bytes())["repository"]["full_name"],
            "GITHUB_RUN_ID": str(100 + number),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_JOB": "codegen",
        }

    async def until_ended(self, count: int) -> None:
        """Waits until this many jobs have ended."""
        async with asyncio.timeout(TIMEOUT), self._changed:
            await self._changed.wait_for(lambda: len(self.ended) >= count)

    async def until_done(self, count: int) -> None:
        """Waits until this many commands have been executed, including those of the bot's own labels."""
        async with asyncio.timeout(TIMEOUT), self._changed:
            await self._changed.wait_for(lambda: self._silent + sum(_is_done(each) for each, _ in self.ended) >= count)


def _is_done(outcome: CommandOutcome) -> bool:
    """Whether there was a command, even one without an effect."""
    return outcome.triggered or (outcome.result is not None and outcome.reason is Reason.NO_COMMAND)
