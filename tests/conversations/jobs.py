"""GitHub Actions in the world of the tests: each delivery becomes a job that runs the Action, as a workflow on these events would.

What a workflow's own token does starts no workflow (https://docs.github.com/en/actions/concepts/security/github_token).
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
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from bot.emulator.github.world import ACTIONS_LOGIN
from bot.outcome import CommandOutcome, ExitStatus
from bot.replies.reason import Reason


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
        self._pace = timing
        self._settings = settings
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = 0
        self._silent = 0
        self._folder = tempfile.TemporaryDirectory(prefix="codegen-bot-jobs-")
        self._changed = asyncio.Condition()
        application = web.Application()
        application.add_routes([web.post("/", self._hear)])
        self._runner = web.AppRunner(application, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Every job is cancelled, as the runner does it."""
        self._stop.set()
        await asyncio.gather(*self._tasks)
        await self._runner.cleanup()
        self._folder.cleanup()

    async def _hear(self, request: web.Request) -> web.Response:
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
        done = await run(self._environ(name, path, number), say=self.log.append, stop=self._stop, timing=self._pace)
        async with self._changed:
            self.ended.append(done)
            self._changed.notify_all()

    def _environ(self, name: str, path: Path, number: int) -> dict[str, str]:
        settings = {
            "codegen_api_token": "sk-org1-world",
            "codegen_org_id": 1,
            "codegen_api_base_url": self._codegen.url,
            "github_token": "actions-token",
            "github_api_url": self._github.url,
            "progress_interval_seconds": 0,
            **self._settings,
        }
        return {
            **{name.upper(): str(value) for name, value in settings.items()},
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_REPOSITORY": json.loads(path.read_bytes())["repository"]["full_name"],
            "GITHUB_RUN_ID": str(100 + number),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_JOB": "codegen",
        }

    async def until_ended(self, count: int) -> None:
        """Waits until this many jobs have ended, whatever they did."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self.ended) >= count)

    async def until_done(self, count: int) -> None:
        """Waits until this many commands have been carried out, those of the bot's own labels included."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self._silent + sum(_is_done(each) for each, _ in self.ended) >= count)


def _is_done(outcome: CommandOutcome) -> bool:
    """Whether a command was there, also one that the bot has found to be none."""
    return outcome.triggered or (outcome.carried is not None and outcome.reason is Reason.NO_COMMAND)
