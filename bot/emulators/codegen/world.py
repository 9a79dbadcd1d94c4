"""The state of the emulated Codegen: organizations, users, repositories, and runs that follow scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

TRACE_URL = "https://codegen.com/agent/trace/"
PULL_REQUEST = r"^[\w.-]+/[\w.-]+#\d+$"

RESUME_DELAY = 0.05
"""The fraction of its duration during which a resumed run still shows its old end."""

ORGANIZATIONS = {1: "Octo", 2: "Hexa"}
REPOSITORIES = {101: (1, "octo/shop", "7000001"), 102: (1, "octo/docs", "7000002"), 201: (2, "hexa/api", "7000003")}
USERS = {1: ("alice", (1, 2)), 2: ("bob", (1,)), 3: ("carol", (1,)), 4: ("heidi", (2,))}

_DONE = "I made the change and ran the tests; all of them pass."

OUTCOMES: dict[str, tuple[str, str | None]] = {
    "success": ("COMPLETE", _DONE),
    "slow": ("COMPLETE", _DONE),
    "unknown-status": ("COMPLETE", _DONE),
    "failure": ("FAILED", "I could not make the tests pass: `test_checkout` still fails with a timeout."),
    "error": ("ERROR", "The sandbox could not be started."),
    "cancelled": ("CANCELLED", None),
    "timeout": ("TIMEOUT", None),
    "out-of-tokens": ("OUT_OF_TOKENS", None),
    "max-iterations": ("MAX_ITERATIONS_REACHED", None),
    "stuck": ("RUNNING", None),
    "quota": ("COMPLETE", None),
}
"""How a run can proceed: its last status and its result. ``quota`` refuses the creation instead."""

FINAL = frozenset({"COMPLETED", "STOPPED", "CANCELED", *(last for last, _ in OUTCOMES.values())} - {"RUNNING"})
"""Compared without regard to case."""

_SLOWNESS = 5.0


class LogStep(BaseModel):
    """One entry of a run's log."""

    model_config = ConfigDict(extra="forbid")

    tool_name: str | None = None
    message_type: str | None = None
    thought: str | None = None
    observation: dict[str, Any] | str | None = None
    tool_input: dict[str, Any] | None = None
    tool_output: dict[str, Any] | None = None


_DEFAULT_STEPS = [
    LogStep(
        tool_name="list_directory",
        thought="I look around.",
        tool_input={"path": "."},
        tool_output={"entries": ["app", "tests"]},
    ),
    LogStep(
        tool_name="view_file",
        thought="I read the code.",
        tool_input={"path": "app/checkout.py"},
        tool_output={"lines": 120},
    ),
    LogStep(message_type="PLAN_EVALUATION", thought="One small change will do."),
    LogStep(
        tool_name="edit_file",
        thought="I make the change.",
        tool_input={"path": "app/checkout.py"},
        tool_output={"status": "success"},
    ),
    LogStep(tool_name="run_command", tool_input={"command": "pytest"}, tool_output={"exit_code": 0}),
]
"""As Codegen's documentation describes entries: an action has its tool's output, an answer or an error its text as the
observation."""


class RunScript(BaseModel):
    """A script for the next runs.

    `run_seconds`: seconds from start to end, null for a run that only changes by hand; by default the emulator's own.
    `statuses`: in sequence, the last one at the end. `pull_request`: ``owner/name#number``. `times`: how many runs.
    """

    model_config = ConfigDict(extra="forbid")

    outcome: str = Field(default="success", pattern=f"^({'|'.join(OUTCOMES)})$")
    run_seconds: float | None = Field(default=None, ge=0)
    statuses: list[str] | None = Field(default=None, min_length=1)
    result: str | None = None
    summary: str | None = None
    pull_request: str | None = Field(default=None, pattern=PULL_REQUEST)
    logs: list[LogStep] = []
    times: int = Field(default=1, ge=1)

    def path(self) -> list[str]:
        """The statuses in their order."""
        if self.statuses:
            return self.statuses
        last = OUTCOMES[self.outcome][0]
        if self.outcome == "stuck":
            return ["PENDING", last]
        between = ["THINKING_VERY_HARD"] if self.outcome == "unknown-status" else ["RUNNING", "EVALUATION"]
        return ["PENDING", *between, last]

    def seconds(self, default: float | None) -> float | None:
        """Seconds from start to end; None if it never ends by itself."""
        run_seconds = self.run_seconds if "run_seconds" in self.model_fields_set else default
        if run_seconds is None or (self.outcome == "stuck" and not self.statuses):
            return None
        return run_seconds * _SLOWNESS if self.outcome == "slow" else run_seconds


@dataclass(slots=True)
class Run:
    """One agent run. `prompts` holds the first prompt and every follow-up.

    `steps`: how many steps of its script are in the log. `scripted`: whether it still follows its script. `stale`:
    whether it was resumed and still shows its old end.
    """

    id: int
    org_id: int
    prompts: list[str]
    script: RunScript
    source_type: str
    user_id: int
    created_at: datetime
    started: float
    metadata: dict[str, Any] | None = None
    images: list[str] | None = None
    model: str | None = None
    agent_type: str | None = None
    repo_id: int | None = None
    status: str = "PENDING"
    result: str | None = None
    summary: str | None = None
    pull_requests: list[dict[str, Any]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    steps: int = 0
    scripted: bool = True
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
        self._run_seconds = run_seconds
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
        """Its clock's time; runs that begin now are created at that time."""
        started, clock = self._started
        return started + timedelta(seconds=self._clock() - clock)

    # Runs by script

    def script(self, **values: Any) -> None:
        """Scripts the next runs; the values are those of `RunScript`."""
        self.run_scripts.append(RunScript(**values))

    def use_quota(self) -> bool:
        """Whether the next creation is refused because the plan's quota is used up."""
        if not self.run_scripts or self.run_scripts[0].outcome != "quota":
            return False
        self._use(self.run_scripts[0])
        return True

    def _next_script(self) -> RunScript:
        """The script of the next run, success by default."""
        script = next((script for script in self.run_scripts if script.outcome != "quota"), None)
        if script is None:
            return RunScript()
        self._use(script)
        return script

    def _use(self, script: RunScript) -> None:
        script.times -= 1
        if script.times == 0:
            self.run_scripts.remove(script)

    def create(self, org_id: int, prompt: str, *, user_id: int = 1, source_type: str = "API", **given: Any) -> Run:
        """:param given: the optional fields of `Run`"""
        run = Run(
            id=len(self.runs) + 1,
            org_id=org_id,
            prompts=[prompt],
            script=self._next_script(),
            source_type=source_type,
            user_id=user_id,
            created_at=self.now(),
            started=self._clock(),
            **given,
        )
        self.runs[run.id] = run
        self.add_log(run.id, message_type="USER_MESSAGE", observation=prompt)
        self._changed()
        return run

    def resume(self, run: Run, prompt: str) -> None:
        """Gives the run a follow-up; for a moment it still shows its old end, as the real one may."""
        run.prompts.append(prompt)
        run.script, run.started = self._next_script(), self._clock()
        run.steps, run.scripted = 0, True
        run.stale = run.finished and run.script.seconds(self._run_seconds) is not None
        if not run.stale:
            run.status = "RUNNING"
        self.add_log(run.id, message_type="USER_MESSAGE", observation=prompt)
        self._changed()

    def refresh(self) -> None:
        """Updates every run: otherwise that happens only when a run is read."""
        for run in self.runs.values():
            self.current(run)

    def current(self, run: Run) -> Run:
        """A run, updated to its script's current state."""
        if not run.scripted:
            return run
        path, seconds, elapsed = run.script.path(), run.script.seconds(self._run_seconds), self._clock() - run.started
        if seconds is None:
            # It never ends by itself: a stuck one reaches its last state within a second.
            if run.script.outcome == "stuck" and elapsed >= 1:
                self._set_status(run, path[-1])
            return run
        share = elapsed / seconds if seconds else 1.0
        if run.stale and share < RESUME_DELAY:
            return run
        run.stale = False
        self._log_steps(run, share)
        self._set_status(run, path[-1] if share >= 1 else path[int(share * (len(path) - 1))])
        if share >= 1 and run.script.outcome != "stuck":
            result = run.script.result if run.script.result is not None else OUTCOMES[run.script.outcome][1]
            self._end(run, result, run.script.summary, run.script.pull_request)
        return run

    def _set_status(self, run: Run, status: str) -> None:
        if run.status != status:
            run.status = status
            self._changed()

    def _log_steps(self, run: Run, share: float) -> None:
        steps = run.script.logs or _DEFAULT_STEPS
        while run.steps < len(steps) and share >= (run.steps + 1) / (len(steps) + 1):
            self.add_log(run.id, **steps[run.steps].model_dump(exclude_unset=True))
            run.steps += 1

    def _end(self, run: Run, result: str | None, summary: str | None, pull_request: str | None) -> None:
        run.scripted, run.stale = False, False
        run.result, run.summary = result, summary
        if pull_request:
            self.open_pull_request(run.id, pull_request)
        kind = "FINAL_ANSWER" if run.status.upper().startswith("COMPLETE") else "ERROR"
        self.add_log(run.id, message_type=kind, observation=result)
        self._changed()

    # Runs by hand

    def start_elsewhere(self, prompt: str, *, org_id: int = 1, metadata: dict[str, Any] | None = None) -> Run:
        """Starts a run on Codegen's own page, or by its API if there is metadata."""
        source_type = "CHAT" if metadata is None else "API"
        return self.create(org_id, prompt, source_type=source_type, metadata=metadata)

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
        ended = self.runs[run]
        ended.status = status
        self._end(ended, result, summary, pull_request)

    def fail(self, run: int, *, status: str = "FAILED", result: str | None = None) -> None:
        self.finish(run, status=status, result=result)

    def move(self, run: int, status: str) -> None:
        """Changes the status; from then on the run changes only by hand."""
        moved = self.runs[run]
        moved.scripted, moved.stale = False, False
        self._set_status(moved, status)

    def flag(self, run: Run, name: str) -> None:
        """Flags the run's pull request and stops the agents that work on it. A run without one continues."""
        for each in self._of_same_pull_request(run):
            each.flags.add(name)
            if run.pull_requests and not self.current(each).finished:
                self.move(each.id, "STOPPED")
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

    def open_pull_request(self, run: int, name: str) -> None:
        """:param name: ``owner/name#number``; ignored if it is there already"""
        opener, (repository, _, number) = self.runs[run], name.rpartition("#")
        url = f"https://github.com/{repository}/pull/{number}"
        if any(known["url"] == url for known in opener.pull_requests):
            return
        self._pull_request_id += 1
        opener.pull_requests.append(
            {
                "id": self._pull_request_id,
                "title": next(iter(opener.prompt.strip().splitlines()), "A change")[:80],
                "url": url,
                "created_at": self.now().isoformat(),
                "head_branch_name": f"codegen/run-{run}",
            }
        )
        self._changed()

    def add_log(self, run: int, **fields: Any) -> None:
        """:param fields: those of `LogStep`, and any others"""
        entry = {"agent_run_id": run, "created_at": self.now().isoformat(), **dict.fromkeys(LogStep.model_fields)}
        self.runs[run].logs.append(entry | {"message_type": "ACTION"} | fields)
