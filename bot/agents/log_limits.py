"""Bounds for what an agent writes: a run's log stays small, whatever an agent does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.agents.model import AddEntry, LogEntry, MessageType

TEXT_LIMIT = 256 * 1024
"""Characters of one message or thought."""

VALUE_LIMIT = 64 * 1024
"""Characters of one tool call's input, and of its output."""

ITEMS_LIMIT = 500
"""Items of one list or mapping in a tool call's input or output."""

DEPTH_LIMIT = 12

LOG_LIMIT = 32 * 1024 * 1024
"""Characters of one turn's entries."""

OUTPUT_LIMIT = 100_000_000
"""Bytes that an agent may write in one turn; if it writes more, it is stopped."""

OVERHEAD = 100
"""Characters that each entry counts in addition to its texts, so that the number of small entries is bounded too."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def storable(text: str) -> str:
    """The text without what a database refuses: NUL and unpaired surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def counted(number: int, noun: str) -> str:
    """A subject with its verb: `1 image was`, `2 images were`."""
    return f"{number} {noun} was" if number == 1 else f"{number} {noun}s were"


def left_out(characters: int) -> str:
    return f"\n[{characters:,} more characters were left out]"


def shorten(text: str, limit: int) -> str:
    """The beginning and the end of a long text, with a note between them."""
    if len(text) <= limit:
        return storable(text)
    head, tail = limit * 3 // 4, limit - limit * 3 // 4
    return storable(f"{text[:head]}\n[{len(text) - limit:,} characters were left out]\n{text[-tail:]}")


def shorten_value(value: Any) -> Any:
    """JSON of an agent, bounded and storable. Long strings share one limit."""
    return _Shortened(VALUE_LIMIT).value(value, DEPTH_LIMIT)


class _Shortened:
    def __init__(self, budget: int) -> None:
        self._budget = budget

    def value(self, value: Any, depth: int) -> Any:
        match value:
            case str():
                text = shorten(value, max(200, self._budget))
                self._budget -= len(text)
                return text
            case float() if not math.isfinite(value):
                return str(value)
            case dict() | list() if depth == 0 or self._budget <= 0:
                return "[left out]"
            case dict():
                items = [*value.items()][:ITEMS_LIMIT]
                return {shorten(str(key), 200): self.value(item, depth - 1) for key, item in items}
            case list():
                self._budget -= len(value[:ITEMS_LIMIT])
                return [self.value(item, depth - 1) for item in value[:ITEMS_LIMIT]]
            case _:
                return value


class BoundedText:
    """Joins chunks up to a limit and counts the rest."""

    def __init__(self, limit: int = TEXT_LIMIT) -> None:
        self._limit = limit
        self._parts: list[str] = []
        self._length = 0
        self._left_out = 0

    def add(self, text: str) -> None:
        room = self._limit - self._length
        if room > 0:
            self._parts.append(text[:room])
            self._length += min(room, len(text))
        self._left_out += max(0, len(text) - max(0, room))

    def clear(self) -> None:
        self._parts.clear()
        self._length = self._left_out = 0

    def __bool__(self) -> bool:
        return self._length > 0

    def __str__(self) -> str:
        text = storable("".join(self._parts))
        return text + left_out(self._left_out) if self._left_out else text


class LimitedLog:
    """Passes entries on until they reach `LOG_LIMIT`, then a note, and after it only errors and the final answer."""

    def __init__(self, add_entry: AddEntry, *, now: Callable[[], datetime] = utc_now, limit: int = LOG_LIMIT) -> None:
        self._add_entry = add_entry
        self._now = now
        self._room = limit
        self._cut = False

    def add(
        self,
        message_type: MessageType,
        *,
        observation: str | None = None,
        thought: str | None = None,
        tool_name: str | None = None,
        tool_input: Mapping[str, Any] | None = None,
        tool_output: Mapping[str, Any] | None = None,
    ) -> None:
        entry = LogEntry(
            message_type=message_type,
            created_at=self._now(),
            observation=observation,
            thought=thought,
            tool_name=tool_name,
            tool_input=tool_input,
            tool_output=tool_output,
        )
        if message_type in {MessageType.FINAL_ANSWER, MessageType.ERROR}:
            self._add_entry(entry)
            return
        if self._cut:
            return
        self._room -= _size(entry)
        if self._room >= 0:
            self._add_entry(entry)
            return
        self._cut = True
        note = "The log ends here: the agent wrote more than a run's log holds."
        self._add_entry(LogEntry(message_type=MessageType.ACTION, created_at=self._now(), observation=note))


def _size(entry: LogEntry) -> int:
    values = (entry.observation, entry.thought, entry.tool_name, entry.tool_input, entry.tool_output)
    return OVERHEAD + sum(map(_value_size, values))


def _value_size(value: Any) -> int:
    match value:
        case None:
            return 0
        case str():
            return len(value)
        case Mapping():
            return sum(len(str(key)) + _value_size(item) for key, item in value.items())
        case list():
            return sum(map(_value_size, value))
        case _:
            return 4
