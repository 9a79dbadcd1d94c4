"""Serializes frames with texts of others off the event loop. A text that takes too long to search for secrets is
withheld: no frame may contain unsearched text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from bot.codegen.models import AgentRun, LogEntry
from bot.errors import OffloadError
from bot.offload.pool import WorkerPool
from bot.web.api.models import MultiRunResponse
from bot.web.api.streams import frames
from bot.web.api.streams.frames import Frame

T = TypeVar("T")
W = TypeVar("W")

WITHHELD = "[withheld: it could not be searched for secrets in time]"

LONGEST_NAME = 100
"""Characters of a name that is still shown where other texts are withheld."""


class FrameWriter:
    """Serializes frames; one instance for all streams.

    :param offload: runs the long ones
    """

    def __init__(self, offload: WorkerPool) -> None:
        self._offload = offload

    async def status(self, run: AgentRun, patterns: Sequence[str]) -> Frame:
        """:param patterns: secret patterns for redacting the run's texts, here and below"""
        try:
            return await self._written(frames.status, run, patterns)
        except OffloadError:
            return frames.status(_withheld(run), ())

    async def end(self, run: AgentRun, patterns: Sequence[str], *, place: int) -> Frame:
        try:
            return await self._written(partial(frames.end, place=place), run, patterns)
        except OffloadError:
            return frames.end(_withheld(run), (), place=place)

    async def entries(self, place: int, entries: Sequence[LogEntry], patterns: Sequence[str]) -> list[bytes]:
        """:param place: index of the first one"""
        try:
            return await self._written(partial(frames.entries_json, place), entries, patterns)
        except OffloadError:
            return frames.entries_json(place, [_withheld_entry(entry) for entry in entries], ())

    async def multi_run_status(self, state: MultiRunResponse, patterns: Sequence[str]) -> Frame:
        try:
            return await self._written(frames.multi_run_status, state, patterns)
        except OffloadError:
            return frames.multi_run_status(_withheld_state(state), ())

    async def multi_run_end(self, state: MultiRunResponse, patterns: Sequence[str]) -> Frame:
        try:
            return await self._written(frames.multi_run_end, state, patterns)
        except OffloadError:
            return frames.multi_run_end(_withheld_state(state), ())

    async def _written(self, write: Callable[[W, Sequence[str]], T], words: W, patterns: Sequence[str]) -> T:
        return await self._offload.run(partial(write, words, patterns), is_slow=bool(patterns))


def _withheld(run: AgentRun) -> AgentRun:
    words = {name: WITHHELD for name in ("summary", "result") if getattr(run, name)}
    return run.model_copy(update={**words, "status": run.state.value, "github_pull_requests": ()})


def _withheld_entry(entry: LogEntry) -> LogEntry:
    names = {"tool_name": entry.tool_name, "message_type": entry.message_type}
    short = {name: text for name, text in names.items() if text and len(text) <= LONGEST_NAME}
    return LogEntry(agent_run_id=entry.agent_run_id, created_at=entry.created_at, observation=WITHHELD, **short)


def _withheld_state(state: MultiRunResponse) -> MultiRunResponse:
    final = WITHHELD if state.final else None
    return state.model_copy(update={"message": WITHHELD, "final": final, "candidates": [], "agent_runs": []})
