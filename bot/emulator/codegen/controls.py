"""Control endpoints under ``/_emulator/``, which the real Codegen does not have."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from bot.emulator.codegen.answers import Refused, body, number
from bot.emulator.codegen.run_scripts import RunScript
from bot.emulator.codegen.runs import run_json
from bot.emulator.codegen.world import Run, World, is_final
from bot.emulator.control import FAULT_HELP, PREFIX

CONTROL_HELP = f"""\
The organizations 1 and 2 exist. Any token that starts with sk- is good: sk-org1... sees organization 1 only,
sk-org2... organization 2 only, any other one both. Repository octo/shop has the number 101.

Beyond Codegen's own API, under /_emulator/:

\b
POST   courses     what becomes of the next runs:
                   {{"outcome": "success" | "failure" | "error" | "cancelled" | "timeout" | "out-of-tokens" |
                    "max-iterations" | "slow" | "stuck" | "quota" | "unknown-status",
                    "run_seconds": 2.5, "statuses": ["PENDING", "COMPLETE"], "result": "...", "summary": "...",
                    "pull_request": "octo/shop#12", "logs": [{{"thought": "..."}}], "times": 1}}; every part is optional
GET    courses     the courses that are still to come; DELETE forgets them
GET    runs        every run with its prompts, metadata and flags
GET    runs/ID     one of them
POST   runs/ID     moves a run by hand: {{"status": "COMPLETE", "result": "...", "summary": "...",
                   "pull_request": "octo/shop#12"}}
{FAULT_HELP}"""


class _Move(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: str
    result: str | None = None
    summary: str | None = None
    pull_request: str | None = Field(default=None, pattern=r"^[\w.-]+/[\w.-]+#\d+$")


class Controls:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"{PREFIX}courses", self._post_course),
            web.get(f"{PREFIX}courses", self._get_courses),
            web.delete(f"{PREFIX}courses", self._delete_courses),
            web.get(f"{PREFIX}runs", self._get_runs),
            web.get(f"{PREFIX}runs/{{run_id}}", self._get_run),
            web.post(f"{PREFIX}runs/{{run_id}}", self._post_run),
        ]

    async def _post_course(self, request: web.Request) -> web.Response:
        course = await body(request, RunScript)
        self._world.run_scripts.append(course)
        return web.json_response(course.model_dump(), status=201)

    async def _get_courses(self, _request: web.Request) -> web.Response:
        return web.json_response([course.model_dump() for course in self._world.run_scripts])

    async def _delete_courses(self, _request: web.Request) -> web.Response:
        self._world.run_scripts.clear()
        return web.Response(status=204)

    async def _get_runs(self, _request: web.Request) -> web.Response:
        return web.json_response([_all(self._world.refresh(run)) for run in self._world.runs.values()])

    async def _get_run(self, request: web.Request) -> web.Response:
        return web.json_response(_all(self._world.refresh(self._run(request))))

    async def _post_run(self, request: web.Request) -> web.Response:
        run = self._run(request)
        move = await body(request, _Move)
        if is_final(move.status):
            self._world.finish(run, **move.model_dump())
        else:
            self._world.move(run, move.status)
            if move.pull_request:
                self._world.open_pull_request(run, move.pull_request)
        return web.json_response(_all(run))

    def _run(self, request: web.Request) -> Run:
        run = self._world.runs.get(number(request, "run_id"))
        if run is None:
            raise Refused(404, "There is no such run.")
        return run


def _all(run: Run) -> dict[str, Any]:
    return run_json(run) | {
        "prompts": run.prompts,
        "images": run.images,
        "model": run.model,
        "agent_type": run.agent_type,
        "repo_id": run.repo_id,
        "user_id": run.user_id,
        "flags": sorted(run.flags),
    }
