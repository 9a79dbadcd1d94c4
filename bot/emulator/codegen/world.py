"""The state of the emulated Codegen: organizations, users, repositories, runs and their logs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.emulator.codegen.run_scripts import RunScript

FINAL = frozenset(
    [
        "COMPLETE",
        "FAILED",
        "ERROR",
        "CANCELLED",
        "STOPPED",
        "TIMEOUT",
        "MAX_ITERATIONS_REACHED",
        "OUT_OF_TOKENS",
        "COMPLETED",
        "CANCELED",
    ]
)
"""Compared without regard to case."""

STALE_SHARE = 0.05
"""The fraction of its duration during which a resumed run still shows its old end."""

ORGANIZATIONS = {1: "Octo", 2: "Hexa"}
REPOSITORIES = {101: (1, "octo/shop", "7000001"), 102: (1, "octo/docs", "7000002"), 201: (2, "hexa/api", "7000003")}
USERS = {1: ("alice", (1, 2)), 2: ("bob", (1,)), 3: ("carol", (1,)), 4: ("heidi", (2,))}


@dataclass(slots=True)
class Run:
    """One agent run. `prompts` holds the first prompt and every follow-up."""

    id: int
    org_id: int
    prompts: list[str]
    metadata: dict[str, Any] | None
    images: list[str]
    model: str | None
    agent_type: str | None
    repo_id: int | None
    course: RunScript
    source_type: str
    user_id: int
    created_at: datetime
    begun_at: float
    status: str = "PENDING"
    result: str | None = None
    summary: str | None = None
    pull_requests: list[dict[str, Any]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    told: int = 0
    by_hand: bool = False
    ended: bool = False
    stale: bool = False

    @property
    def prompt(self) -> str:
        return self.prompts[0]

    @property
    def finished(self) -> bool:
        return is_final(self.status)


def is_final(status: str) -> bool:
    return status.upper() in FINAL


class World:
    """All runs of all organizations. A run's state is computed when it is read."""

    def __init__(self, *, run_seconds: float | None, clock: Callable[[], float], changed: Callable[[], None]) -> None:
        self.run_seconds = run_seconds
        self._clock = clock
        self._changed = changed
        self._started = datetime.now(UTC), clock()
        self.runs: dict[int, Run] = {}
        self.run_scripts: list[RunScript] = []
        self.check_settings: dict[int, dict[str, Any]] = {}
        self._pull_request_id = 9000

    def reset(self) -> None:
        self.runs.clear()
        self.run_scripts.clear()
        self.check_settings.clear()
        self._pull_request_id = 9000

    def now(self) -> datetime:
        began, clock = self._started
        return began + timedelta(seconds=self._clock() - clock)

    # Runs by script

    def used_up(self) -> bool:
        """Whether the next creation is refused because the plan's quota is used up."""
        if not self.run_scripts or self.run_scripts[0].outcome != "quota":
            return False
        self._use(self.run_scripts[0])
        return True

    def _next_course(self) -> RunScript:
        """The script of the next run, success by default."""
        course = next((course for course in self.run_scripts if course.outcome != "quota"), None)
        if course is None:
            return RunScript()
        self._use(course)
        return course

    def _use(self, course: RunScript) -> None:
        course.times -= 1
        if course.times == 0:
            self.run_scripts.remove(course)

    def create(self, org_id: int, prompt: str, *, user_id: int = 1, source_type: str = "API", **given: Any) -> Run:
        run = Run(
            id=len(self.runs) + 1,
            org_id=org_id,
            prompts=[prompt],
            metadata=given.get("metadata"),
            images=given.get("images") or [],
            model=given.get("model"),
            agent_type=given.get("agent_type"),
            repo_id=given.get("repo_id"),
            course=self._next_course(),
            source_type=source_type,
            user_id=user_id,
            created_at=self.now(),
            begun_at=self._clock(),
        )
        self.runs[run.id] = run
        self.log(run, message_type="USER_MESSAGE", observation=prompt)
        self._changed()
        return run

    def resume(self, run: Run, prompt: str) -> None:
        """Gives the run a follow-up; for a moment it still shows its old end, as the real one may."""
        run.prompts.append(prompt)
        run.course = self._next_course()
        run.begun_at = self._clock()
        run.told = 0
        run.by_hand = run.ended = False
        seconds = run.course.seconds(self.run_seconds)
        run.stale = run.finished and seconds is not None
        if not run.stale:
            run.status = "RUNNING"
        self.log(run, message_type="USER_MESSAGE", observation=prompt)
        self._changed()

    def refresh(self, run: Run) -> Run:
        """Updates a run to its script's current state."""
        seconds = run.course.seconds(self.run_seconds)
        if run.by_hand or run.ended:
            return run
        elapsed = self._clock() - run.begun_at
        share = 1.0 if seconds == 0 else elapsed / (seconds or 1.0)
        if seconds is None:
            # It never ends by itself: it reaches its final state within a second.
            self._arrive(run, run.course.path()[-1] if run.course.outcome == "stuck" and share >= 1 else run.status)
            return run
        if run.stale and share < STALE_SHARE:
            return run
        run.stale = False
        path = run.course.path()
        place = len(path) - 1 if share >= 1 else int(share * (len(path) - 1))
        self._work(run, share)
        self._arrive(run, path[place])
        if share >= 1 and run.course.outcome != "stuck":
            self._end(run)
        return run

    def _arrive(self, run: Run, status: str) -> None:
        if run.status != status:
            run.status = status
            self._changed()

    def _work(self, run: Run, share: float) -> None:
        """Adds log entries."""
        steps = [step.model_dump(exclude_unset=True) for step in run.course.logs] or _USUAL_STEPS
        while run.told < len(steps) and share >= (run.told + 1) / (len(steps) + 1):
            self.log(run, **steps[run.told])
            run.told += 1

    def _end(self, run: Run) -> None:
        run.ended = True
        run.result = run.course.last_result
        run.summary = run.course.summary
        if run.course.pull_request:
            self.open_pull_request(run, run.course.pull_request)
        kind = "FINAL_ANSWER" if run.status.upper().startswith("COMPLETE") else "ERROR"
        self.log(run, message_type=kind, thought=run.result)
        self._changed()

    # Runs by hand

    def finish(
        self, run: Run, *, status: str, result: str | None, summary: str | None, pull_request: str | None
    ) -> None:
        run.by_hand, run.stale = True, False
        run.status, run.result, run.summary = status, result, summary
        if pull_request:
            self.open_pull_request(run, pull_request)
        kind = "FINAL_ANSWER" if status.upper().startswith("COMPLETE") else "ERROR"
        self.log(run, message_type=kind, thought=result)
        self._changed()

    def flag(self, run: Run, name: str) -> None:
        """Flags the run's pull request and stops the agents that work on it. A run without one continues."""
        for each in self._of_same_pull_request(run):
            each.flags.add(name)
            if run.pull_requests and not self.refresh(each).finished:
                self.move(each, "STOPPED")
        self._changed()

    def lift_flags(self, run: Run) -> None:
        for each in self._of_same_pull_request(run):
            each.flags.clear()
        self._changed()

    def _of_same_pull_request(self, run: Run) -> list[Run]:
        urls = {known["url"] for known in run.pull_requests}
        return [
            each
            for each in self.runs.values()
            if each is run or (each.org_id == run.org_id and any(known["url"] in urls for known in each.pull_requests))
        ]

    def move(self, run: Run, status: str) -> None:
        run.by_hand, run.stale = True, False
        self._arrive(run, status)

    def open_pull_request(self, run: Run, name: str) -> None:
        """:param name: ``owner/name#number``; ignored if it is there already"""
        repository, number = re.fullmatch(r"(.+)#(\d+)", name).groups()  # type: ignore[union-attr]  # RunScript has checked
        url = f"https://github.com/{repository}/pull/{number}"
        if any(known["url"] == url for known in run.pull_requests):
            return
        self._pull_request_id += 1
        run.pull_requests.append(
            {
                "id": self._pull_request_id,
                "title": next(iter(run.prompt.strip().splitlines()), "A change")[:80],
                "url": url,
                "created_at": self.now().isoformat(),
                "head_branch_name": f"codegen/run-{run.id}",
            }
        )
        self._changed()

    def log(self, run: Run, **fields: Any) -> None:
        run.logs.append({"agent_run_id": run.id, "created_at": self.now().isoformat(), **_EMPTY_LOG, **fields})


_EMPTY_LOG: dict[str, Any] = {
    "tool_name": None,
    "message_type": "ACTION",
    "thought": None,
    "observation": None,
    "tool_input": None,
    "tool_output": None,
}

_USUAL_STEPS: list[dict[str, Any]] = [
    {
        "tool_name": "list_directory",
        "thought": "I look around.",
        "tool_input": {"path": "."},
        "observation": "app tests",
    },
    {"tool_name": "view_file", "thought": "I read the code.", "tool_input": {"path": "app/checkout.py"}},
    {"message_type": "PLAN_EVALUATION", "thought": "One small change will do."},
    {"tool_name": "edit_file", "thought": "I make the change.", "tool_input": {"path": "app/checkout.py"}},
    {"tool_name": "run_command", "tool_input": {"command": "pytest"}, "observation": {"exit_code": 0}},
]
