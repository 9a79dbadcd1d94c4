"""Which runs belong to a thread, read from the markers of the replies on it."""

from __future__ import annotations

from bot.github.client import GitHub
from bot.handlers.thread_markers import replies_on


class MarkedRuns:
    """`bot.handlers.ports.ThreadRuns`: the replies themselves remember."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    async def remember(self, org_id: int, run_id: int, *, repository: str, number: int) -> None:
        """Nothing to do: the reply's marker carries the run."""

    async def latest(self, org_id: int, *, repository: str, number: int) -> int | None:
        return next(iter(await self.of_thread(org_id, repository=repository, number=number)), None)

    async def of_thread(self, org_id: int, *, repository: str, number: int) -> list[int]:  # noqa: ARG002 - the same
        found: dict[int, None] = {}
        async for _, marker in replies_on(self._github, repository, number):
            for run in marker.runs:
                # Used again, it is the latest again.
                found.pop(run, None)
                found[run] = None
        return [*reversed(found)]
