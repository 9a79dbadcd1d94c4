"""The runs of a thread, read from the markers of the replies on it."""

from __future__ import annotations

from collections.abc import Collection

from bot.github.client import GitHub
from bot.handlers.thread_markers import used_runs_on


class MarkedRuns:
    """`bot.handlers.ports.ThreadRuns`, stored in the replies themselves.

    Anyone who gets an App to repeat their text can write a marker, so none counts as a record that only the bot can
    have written: `bot.handlers.runs_of_thread` compares the markers with the runs.
    """

    def __init__(self, github: GitHub) -> None:
        self._github = github

    async def remember(self, org_id: int, run_id: int, *, repository: str, number: int) -> None:
        """Nothing to do: the reply's marker carries the run."""

    async def latest(self, org_id: int, *, repository: str, number: int) -> int | None:
        """None."""

    async def of_thread(self, org_id: int, *, repository: str, number: int) -> list[int]:  # noqa: ARG002 - the same
        found: dict[int, None] = {}
        for used in await used_runs_on(self._github, repository, number):
            for run in used.runs:
                # Used again, it becomes the latest.
                found.pop(run, None)
                found[run] = None
        return [*reversed(found)]

    async def used_in(self, org_id: int, run_ids: Collection[int], *, repository: str) -> set[int]:  # noqa: ARG002 - the same
        return set()
