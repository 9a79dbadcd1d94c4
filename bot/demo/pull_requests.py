"""Emulates Codegen's GitHub app: a run that changes something opens a pull request."""

from __future__ import annotations

from contextlib import suppress

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.codegen.world import Run
from bot.emulator.github import GitHubEmulator
from bot.emulator.github.world import REPOSITORY

APP = "codegen-sh[bot]"

LOOK_EVERY = 0.1
"""Seconds between two checks."""

_CHANGES = ("success", "slow")
"""Outcomes with changes to merge."""


async def open_pull_requests(github: GitHubEmulator, codegen: CodegenEmulator) -> None:
    """Opens a pull request for each run on the demo's repository, until cancelled."""
    github.add_bot(APP)
    opened: set[int] = set()

    def due() -> list[Run]:
        return [run for run in codegen.runs.values() if run.id not in opened and _makes_one(run)]

    while True:
        with suppress(TimeoutError):
            await codegen.until(due, seconds=LOOK_EVERY)
        # Without polls between its queueing and its end, a run would end without one.
        codegen.refresh()
        for run in due():
            opened.add(run.id)
            _open(github, codegen, run)


def _makes_one(run: Run) -> bool:
    """Not for set-up commands and analyses, which change nothing: their runs have no metadata, or a command of their
    own.
    """
    if run.status.upper() == "PENDING" or run.course.outcome not in _CHANGES or run.metadata is None:
        return False
    mark = run.metadata.get("codegen_bot")
    command = mark.get("command") if isinstance(mark, dict) else None
    return run.org_id == 1 and run.repo_id in {None, 101} and command != "analyze-logs"


def _open(github: GitHubEmulator, codegen: CodegenEmulator, run: Run) -> None:
    title = next((line.strip() for line in _asked(run).splitlines() if line.strip()), "A change")[:80]
    body = f"{_asked(run)[:1_000]}\n\n---\n[View the run](https://codegen.com/agent/trace/{run.id})"
    thread = github.world.open_thread(APP, title, body, branch=f"codegen/run-{run.id}")
    codegen.open_pull_request(run.id, f"{REPOSITORY}#{thread.number}")


def _asked(run: Run) -> str:
    """The user's prompt from the metadata: the run's own prompt starts with context."""
    mark = (run.metadata or {}).get("codegen_bot")
    noted = mark.get("prompt") if isinstance(mark, dict) else None
    return noted if isinstance(noted, str) and noted.strip() else run.prompt
