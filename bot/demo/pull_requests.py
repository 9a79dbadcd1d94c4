"""What Codegen's own app does on GitHub: a run that changes something opens a pull request, where one can go on."""

from __future__ import annotations

from contextlib import suppress

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.codegen.world import Run
from bot.emulator.github import GitHubEmulator
from bot.emulator.github.world import REPOSITORY

APP = "codegen-sh[bot]"

LOOK_EVERY = 0.1
"""Seconds."""

_CHANGES = ("success", "slow")
"""Courses at whose end there is something to be merged."""


async def open_pull_requests(github: GitHubEmulator, codegen: CodegenEmulator) -> None:
    """For each run that is at work on the one repository, until it is cancelled."""
    github.add_bot(APP)
    opened: set[int] = set()

    def due() -> list[Run]:
        return [run for run in codegen.runs.values() if run.id not in opened and _makes_one(run)]

    while True:
        with suppress(TimeoutError):
            await codegen.until(due, seconds=LOOK_EVERY)
        # Where nobody asks for a run between its queue and its end, it would end without.
        codegen.refresh()
        for run in due():
            opened.add(run.id)
            _open(github, codegen, run)


def _makes_one(run: Run) -> bool:
    """Set-up commands and analyses change nothing: they are begun without metadata, or with a command of their own."""
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
    """What somebody asked for: the prompt itself begins with where the agent works."""
    mark = (run.metadata or {}).get("codegen_bot")
    noted = mark.get("prompt") if isinstance(mark, dict) else None
    return noted if isinstance(noted, str) and noted.strip() else run.prompt
