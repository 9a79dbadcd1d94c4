"""The Codegen emulator as a whole, which tests control in-process."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.emulator.codegen.answers import Limiter, Refused, Unprocessable
from bot.emulator.codegen.controls import Controls
from bot.emulator.codegen.directory import DirectoryOperations
from bot.emulator.codegen.run_scripts import RunScript
from bot.emulator.codegen.runs import QUOTA_MESSAGE, RunOperations
from bot.emulator.codegen.world import Run, World
from bot.emulator.control import Control
from bot.emulator.fault_injection import FaultKind
from bot.emulator.faults import Fault
from bot.emulator.server import Changes, EmulatorServer

KINDS: dict[str, FaultKind] = {
    "quota": FaultKind(
        Fault(status=402, body={"message": QUOTA_MESSAGE, "status_code": 402}, path="/agent/run$", method="POST")
    ),
}
"""The faults that are specific to Codegen's API, by name."""


class CodegenEmulator(EmulatorServer):
    """Codegen's API on a local port.

    :param run_seconds: seconds that a run takes; None: runs change only by hand
    :param limits: whether too many requests get a 429
    """

    def __init__(
        self, *, run_seconds: float | None = 2.0, limits: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._changes = Changes()
        self._world = World(run_seconds=run_seconds, clock=clock, changed=self._changes.notify)
        self._limiter = Limiter(clock=clock, enabled=limits)
        self.control = Control(reset=self._reset, changed=self._changes.notify, kinds=KINDS)
        self.app = web.Application(middlewares=[self.control.middleware, _answer_refusals])
        for part in (
            self.control,
            Controls(self._world),
            DirectoryOperations(self._world, self._limiter),
            RunOperations(self._world, self._limiter),
        ):
            self.app.add_routes(part.routes())

    def _reset(self) -> None:
        self._world.reset()
        self._limiter.reset()

    def now(self) -> datetime:
        """Its clock's time; runs that begin now are created at that time."""
        return self._world.now()

    @property
    def runs(self) -> dict[int, Run]:
        return self._world.runs

    def script(self, **course: Any) -> None:
        """Scripts the next runs; the values are those of `RunScript`."""
        self._world.run_scripts.append(RunScript(**course))

    def start_elsewhere(self, prompt: str, *, org_id: int = 1, metadata: dict[str, Any] | None = None) -> Run:
        """Starts a run on Codegen's own page, or by its API if there is metadata."""
        source_type = "CHAT" if metadata is None else "API"
        return self._world.create(org_id, prompt, source_type=source_type, metadata=metadata)

    def finish(
        self,
        run: int,
        *,
        result: str | None = "Done.",
        summary: str | None = None,
        pull_request: str | None = None,
        status: str = "COMPLETE",
    ) -> None:
        """Ends a run. `pull_request` is ``owner/name#number``."""
        self._world.finish(self.runs[run], status=status, result=result, summary=summary, pull_request=pull_request)

    def fail(self, run: int, *, status: str = "FAILED", result: str | None = None) -> None:
        self.finish(run, status=status, result=result)

    def move(self, run: int, status: str) -> None:
        self._world.move(self.runs[run], status)

    def open_pull_request(self, run: int, name: str) -> None:
        """Opens a pull request while the run goes on. `name` is ``owner/name#number``."""
        self._world.open_pull_request(self.runs[run], name)

    def add_log(self, run: int, **fields: Any) -> None:
        self._world.log(self.runs[run], **fields)

    def refresh(self) -> None:
        """Updates the state of every run: otherwise that happens only when a run is read."""
        for run in self.runs.values():
            self._world.refresh(run)

    async def until(self, predicate: Callable[[], object], *, seconds: float = 10.0) -> None:
        """:raises TimeoutError: if it does not become true within that time"""
        await self._changes.until(predicate, seconds=seconds)

    async def run_created(self, run: int) -> Run:
        """Waits for the run with this id."""
        await self.until(lambda: run in self.runs)
        return self.runs[run]


@web.middleware
async def _answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (Refused, Unprocessable) as refusal:
        return refusal.response()
    except web.HTTPException as answer:
        # There is nothing at this address, or not for this method.
        return web.json_response({"detail": answer.reason}, status=answer.status)
