"""The Codegen emulator, and its control: in-process, and below ``/_emulator/``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from bot.emulators import control
from bot.emulators.codegen.access import Access, Call, answer_refusals, control_call, refused
from bot.emulators.codegen.accounts import AccountOperations
from bot.emulators.codegen.runs import RunOperations, run_json
from bot.emulators.codegen.world import PULL_REQUEST, Run, RunScript, World, is_final
from bot.emulators.control import PREFIX
from bot.emulators.operations import created, operation, routes
from bot.emulators.server import EmulatorServer

CONTROL_HELP = f"""\
The organizations 1 and 2 exist. Every token that starts with sk- is valid: sk-org1... has access to organization 1,
sk-org2... to organization 2, any other one to both. Repository octo/shop has the id 101.

Beyond Codegen's own API, under /_emulator/:

\b
POST   run-scripts how the next runs proceed:
                   {{"outcome": "success" | "failure" | "error" | "cancelled" | "timeout" | "out-of-tokens" |
                    "max-iterations" | "slow" | "stuck" | "quota" | "unknown-status",
                    "run_seconds": 2.5, "statuses": ["PENDING", "COMPLETE"], "result": "...", "summary": "...",
                    "pull_request": "octo/shop#12", "logs": [{{"thought": "..."}}], "times": 1}}; every key is optional
GET    run-scripts the remaining scripts; DELETE removes them
GET    runs        every run with its prompts, metadata and flags
GET    runs/ID     one of them
POST   runs/ID     changes a run by hand: {{"status": "COMPLETE", "result": "...", "summary": "...",
                   "pull_request": "octo/shop#12"}}
{control.CONTROL_HELP}"""


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: str
    result: str | None = None
    summary: str | None = None
    pull_request: str | None = Field(default=None, pattern=PULL_REQUEST)


@dataclass(frozen=True, slots=True)
class _Controls:
    """Control endpoints, which the real Codegen does not have."""

    world: World

    @operation(f"POST {PREFIX}run-scripts")
    def add_script(self, call: Call) -> web.Response:
        script = call.body(RunScript)
        self.world.run_scripts.append(script)
        return created(script.model_dump())

    @operation(f"GET {PREFIX}run-scripts")
    def scripts(self, _: Call) -> list[dict[str, Any]]:
        return [script.model_dump() for script in self.world.run_scripts]

    @operation(f"DELETE {PREFIX}run-scripts")
    def remove_scripts(self, _: Call) -> None:
        self.world.run_scripts.clear()

    @operation(f"GET {PREFIX}runs")
    def runs(self, _: Call) -> list[dict[str, Any]]:
        return [_full_json(self.world.current(run)) for run in self.world.runs.values()]

    @operation(f"GET {PREFIX}runs/{{run_id}}")
    def run(self, call: Call) -> dict[str, Any]:
        return _full_json(self.world.current(self._run(call)))

    @operation(f"POST {PREFIX}runs/{{run_id}}")
    def change(self, call: Call) -> dict[str, Any]:
        run, change = self._run(call), call.body(_Change)
        if is_final(change.status):
            self.world.finish(run.id, **change.model_dump())
        else:
            self.world.move(run.id, change.status)
            if change.pull_request:
                self.world.open_pull_request(run.id, change.pull_request)
        return _full_json(run)

    def _run(self, call: Call) -> Run:
        run = self.world.runs.get(call.number("run_id"))
        if run is None:
            raise refused(404, "There is no such run.")
        return run


def _full_json(run: Run) -> dict[str, Any]:
    more = {name: getattr(run, name) for name in ("prompts", "images", "model", "agent_type", "repo_id", "user_id")}
    return run_json(run) | more | {"flags": sorted(run.flags)}


class CodegenEmulator(World, EmulatorServer):
    """Codegen's API on a local port.

    :param run_seconds: seconds that a run takes; None: runs change only by hand
    :param limits: whether too many requests get a 429
    """

    def __init__(
        self, *, run_seconds: float | None = 2.0, limits: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        EmulatorServer.__init__(self, reset=self.reset)
        World.__init__(self, run_seconds=run_seconds, clock=clock, changed=self.changed)
        self._access = Access(clock=clock, enabled=limits)
        operations = (AccountOperations(self), RunOperations(self))
        self.add_application(
            answer_refusals,
            [
                *routes(_Controls(self), control_call),
                *(route for each in operations for route in routes(each, self._access.call)),
            ],
        )

    def reset(self) -> None:
        super().reset()
        self._access.reset()

    async def run_created(self, run: int) -> Run:
        """Waits for the run with this id."""
        await self.until(lambda: run in self.runs)
        return self.runs[run]
