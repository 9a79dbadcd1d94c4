"""What the agents of running runs did last, for status comments: a tool and a file, from the end of each run's log.

The log limit is shared with the `logs` command and the live streams, so steps are read only while more than half of it
is free, and a step that cannot be read soon is left as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bot import log
from bot.codegen.models import LogEntry
from bot.errors import UpstreamError
from bot.execution.phrases import one_word

if TYPE_CHECKING:
    # The client's libraries take a while to import.
    from bot.codegen.client import Codegen

_log = log.get(__name__)

NEWEST = 5
"""Log entries that are read: between two tools there may be thoughts."""

TIMEOUT = 5.0
"""Seconds for reading the steps of one status comment."""

TOOL_LIMIT = 40
FILE_LIMIT = 60

_FILE_KEYS = (
    "path",
    "file",
    "file_path",
    "filePath",
    "filepath",
    "filename",
    "file_name",
    "absolute_path",
    "target_file",
    "notebook_path",
    "paths",
)
"""How agents name the file in a tool's input."""


class LastSteps:
    """The last steps of one invocation's runs."""

    def __init__(self, codegen: Codegen) -> None:
        self._codegen = codegen
        self._known: dict[int, str] = {}

    async def read(self, run_ids: Iterable[int]) -> Mapping[int, str]:
        """The last step of each run, as harmless Markdown; none for a run whose log names no tool yet."""
        try:
            async with asyncio.timeout(TIMEOUT), asyncio.TaskGroup() as group:
                for run_id in run_ids:
                    group.create_task(self._read(run_id))
        except TimeoutError:
            _log.info("last_steps.timeout")
        return self._known

    async def _read(self, run_id: int) -> None:
        if not self._codegen.limits.is_mostly_free("logs"):
            return
        try:
            page = await self._codegen.logs_page(run_id, limit=NEWEST, reverse=True)
        except UpstreamError as error:
            _log.info("last_steps.unreadable", run=run_id, reason=str(error))
            return
        if step := last_step(page.logs):
            self._known[run_id] = step


def last_step(newest_first: Sequence[LogEntry]) -> str:
    """The newest tool in a log and its file, each as inline code; empty if there is none."""
    for entry in newest_first:
        if entry.tool_name and (tool := one_word(entry.tool_name, TOOL_LIMIT)):
            return f"{tool} {one_word(_file(entry), FILE_LIMIT)}".rstrip()
    return ""


def _file(entry: LogEntry) -> str:
    """The file that the tool is about, as a relative path; of an absolute one, the last two parts. Empty if unknown."""
    given = entry.tool_input or {}
    for key in _FILE_KEYS:
        value = given.get(key)
        if isinstance(value, list):
            value = next(iter(value), None)
        if isinstance(value, str) and value.strip():
            path = PurePosixPath(value[:1_000].replace("\\", "/"))
            return "/".join(path.parts[-2:] if path.is_absolute() else path.parts)
    return ""
