"""Stores a run's log while its agent works: redacted, in batches, losing nothing.

Entries wait in memory, and in an unnamed file once there are many: an agent may write faster than the database stores.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import IO, Any, Protocol, Self

from bot import log
from bot.agents.model import LogEntry
from bot.errors import StoreError
from bot.storage.agent_models import Holder
from bot.storage.queries import run_in_thread
from bot.tasks import cancel_and_wait
from bot.text.redaction.redacting import redacted
from bot.upstream import backoff

_log = log.get(__name__)

INTERVAL = 1.0
"""Seconds between two writes of one run."""

IN_MEMORY = 1024 * 1024

BATCH = 500
"""Entries in one transaction."""

BATCH_SIZE = 1024 * 1024
"""Bytes of entries in one transaction; the entry that exceeds them is still part of it."""

LONGEST_TEXT = 300 * 1024
"""Characters of each text of an entry: more than `bot.agents.log_limits` lets an agent write."""

MARGIN = 1_000
"""Characters at the end of a text that is too long: a secret that is cut in two would not be recognized."""


class LogStore(Protocol):
    """The part of `bot.storage.agents.AgentStore` that is needed here."""

    def append_log(
        self, run_id: int, entries: list[Mapping[str, Any]], *, at: datetime, holder: Holder | None
    ) -> None: ...


CANCELLED_SECONDS = 2.0
"""How long a cancelled turn waits until its entries are stored."""

Redact = Callable[[dict[str, Any]], dict[str, Any]]


def document_of(entry: LogEntry) -> dict[str, Any]:
    """An entry as Codegen's API shows it, without the number of its run."""
    return {
        "created_at": entry.created_at.isoformat(),
        "message_type": entry.message_type.value,
        "tool_name": entry.tool_name,
        "thought": entry.thought,
        "observation": entry.observation,
        "tool_input": None if entry.tool_input is None else dict(entry.tool_input),
        "tool_output": None if entry.tool_output is None else dict(entry.tool_output),
    }


FIXED = ("created_at", "message_type")
"""Fields whose values are the bot's own. They are not searched for secrets, which takes most of the time here."""


def redacted_entry(document: dict[str, Any]) -> dict[str, Any]:
    """The entry without secrets."""
    free = {name: value for name, value in document.items() if name not in FIXED}
    return document | redacted(free)


@dataclass(slots=True)
class _Batch:
    """Entries that were added between two writes, one JSON document a line.

    :param stored: bytes of it that are in the database
    """

    lines: IO[bytes]
    size: int = 0
    stored: int = 0


class LogWriter:
    """The log of one run, for one turn: ``async with LogWriter(...) as writer: writer.add(entry)``.

    At the end everything is stored, unless the caller is cancelled and the database does not answer then. An entry may
    be stored twice if the database's confirmation is lost.

    :param holder: of the turn; once it has lost the turn, nothing more is stored
    :param redact: removes secrets from an entry
    :param in_memory: bytes of waiting entries; more wait in a file
    :param delay: seconds to wait after a number of failed writes
    """

    def __init__(
        self,
        store: LogStore,
        run_id: int,
        *,
        holder: Holder | None = None,
        redact: Redact = redacted_entry,
        interval: float = INTERVAL,
        in_memory: int = IN_MEMORY,
        delay: Callable[[int], float] = backoff,
        cancelled_seconds: float = CANCELLED_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._holder = holder
        self._redact = redact
        self._interval = interval
        self._in_memory = in_memory
        self._delay = delay
        self._cancelled_seconds = cancelled_seconds
        self._now = now
        self._adding = self._new_batch()
        self._waiting: deque[_Batch] = deque()
        self._has_news = asyncio.Event()
        self._is_closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write_always(), name=f"agents-log-{self._run_id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._task is not None  # noqa: S101 - entered before
        self._is_closing.set()
        self._has_news.set()
        try:
            if isinstance(error, asyncio.CancelledError):
                # The turn is being abandoned, perhaps because the database does not respond, which may last forever.
                await asyncio.wait((self._task,), timeout=self._cancelled_seconds)
            else:
                await self._task
        finally:
            await cancel_and_wait(self._task)
            for batch in (*self._waiting, self._adding):
                batch.lines.close()

    def add(self, entry: LogEntry) -> None:
        """`bot.agents.model.AddEntry`."""
        line = json.dumps(document_of(entry), ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n"
        self._adding.lines.write(line)
        self._adding.size += len(line)
        self._has_news.set()

    async def _write_always(self) -> None:
        failures = 0
        while True:
            await self._has_news.wait()
            is_closing = self._is_closing.is_set()
            self._has_news.clear()
            try:
                await self._write()
                failures = 0
            except StoreError as error:
                failures += 1
                _log.warning("agents.log_not_stored", run=self._run_id, reason=str(error))
                self._has_news.set()
                await asyncio.sleep(self._delay(failures))
                continue
            if is_closing:
                return
            wait = asyncio.ensure_future(self._is_closing.wait())
            await asyncio.wait((wait,), timeout=self._interval)
            wait.cancel()

    async def _write(self) -> None:
        """Stores all that was added so far."""
        if self._adding.size:
            self._waiting.append(self._adding)
            self._adding = self._new_batch()
        while self._waiting:
            batch = self._waiting[0]
            await run_in_thread(partial(self._store_batch, batch))
            self._waiting.popleft()
            batch.lines.close()

    def _new_batch(self) -> _Batch:
        return _Batch(tempfile.SpooledTemporaryFile(self._in_memory))

    def _store_batch(self, batch: _Batch) -> None:
        """:raises StoreError: if not all of it could be stored; the next call goes on from there"""
        batch.lines.seek(batch.stored)
        while batch.stored < batch.size:
            lines, size = list[bytes](), 0
            for line in batch.lines:
                lines.append(line)
                size += len(line)
                if len(lines) == BATCH or size >= BATCH_SIZE:
                    break
            entries = [self._redact(_bounded(json.loads(line))) for line in lines]
            shortened = [_shortened(entry) for entry in entries]
            self._store.append_log(self._run_id, shortened, at=self._now(), holder=self._holder)
            batch.stored += size


def _bounded(value: Any, most: int = LONGEST_TEXT + MARGIN) -> Any:
    """The value with all texts shortened."""
    match value:
        case str() if len(value) > most:
            return value[:most]
        case dict():
            return {name: _bounded(each, most) for name, each in value.items()}
        case list():
            return [_bounded(each, most) for each in value]
        case _:
            return value


def _shortened(value: Any) -> Any:
    match value:
        case str() if len(value) > LONGEST_TEXT:
            return f"{value[: LONGEST_TEXT - MARGIN]}\n\n[The rest is not in the log: it was too long.]"
        case dict():
            return {name: _shortened(each) for name, each in value.items()}
        case list():
            return [_shortened(each) for each in value]
        case _:
            return value
