"""Scripts for runs: which statuses, how fast, and with which result."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal[
    "success",
    "failure",
    "error",
    "cancelled",
    "timeout",
    "out-of-tokens",
    "max-iterations",
    "slow",
    "stuck",
    "quota",
    "unknown-status",
]

_LAST_STATUS: dict[str, str] = {
    "failure": "FAILED",
    "error": "ERROR",
    "cancelled": "CANCELLED",
    "timeout": "TIMEOUT",
    "out-of-tokens": "OUT_OF_TOKENS",
    "max-iterations": "MAX_ITERATIONS_REACHED",
}

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


class RunScript(BaseModel):
    """A script for the next runs.

    `run_seconds`: seconds from start to end, null for a run that only changes by hand; by default the emulator's own.
    `statuses`: in sequence, the last one at the end. `pull_request`: ``owner/name#number``. `times`: how many runs.
    """

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome = "success"
    run_seconds: float | None = Field(default=None, ge=0)
    statuses: list[str] | None = Field(default=None, min_length=1)
    result: str | None = None
    summary: str | None = None
    pull_request: str | None = Field(default=None, pattern=r"^[\w.-]+/[\w.-]+#\d+$")
    logs: list[LogStep] = []
    times: int = Field(default=1, ge=1)

    def path(self) -> list[str]:
        """The statuses in their order."""
        if self.statuses:
            return self.statuses
        if self.outcome == "stuck":
            return ["PENDING", "RUNNING"]
        if self.outcome == "unknown-status":
            return ["PENDING", "THINKING_VERY_HARD", "COMPLETE"]
        return ["PENDING", "RUNNING", "EVALUATION", _LAST_STATUS.get(self.outcome, "COMPLETE")]

    def seconds(self, usual: float | None) -> float | None:
        """Seconds from start to end; None if it never ends by itself."""
        run_seconds = self.run_seconds if "run_seconds" in self.model_fields_set else usual
        if run_seconds is None or (self.outcome == "stuck" and not self.statuses):
            return None
        return run_seconds * _SLOWNESS if self.outcome == "slow" else run_seconds

    @property
    def last_result(self) -> str | None:
        if self.result is not None:
            return self.result
        match self.outcome:
            case "success" | "slow" | "unknown-status":
                return "I made the change and ran the tests; all of them pass."
            case "failure":
                return "I could not make the tests pass: `test_checkout` still fails with a timeout."
            case "error":
                return "The sandbox could not be started."
            case _:
                return None
