"""Condenses an agent run's trace to its answer, its errors, its tools, its last thoughts and its last entries.

All of it is untrusted: written by a model, or by what the model ran. Of long texts the end is kept, because that is
where failures show.
"""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.codegen.models import LogEntry
from bot.execution.phrases import paragraphs, quotation
from bot.text.untrusted import fenced, folded, inert, inline_code

ANSWER_LIMIT = 8_000
UNFOLDED_LIMIT = 1_500
"""Characters of an answer that are shown unfolded; longer ones are folded."""

MOST_ERRORS = 5
MOST_THOUGHTS = 3
THOUGHT_LIMIT = 700
MOST_TOOLS = 15
ENTRIES_LIMIT = 24_000
"""Characters for the last entries; together with the other limits the reply fits into a comment."""

FIELD_LIMITS = {"thought": 400, "tool_input": 400, "observation": 600, "tool_output": 600}
"""Characters of each part of an entry, by the API's name for it."""

WINDOW = 16_000
"""Characters at a text's end that are processed; searching for secrets takes half a microsecond for each."""

EDGE = 8_000
"""Characters at a window's start that are never shown: a secret that the cut splits is not recognizable."""

DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Trace:
    """A log, or its newest part.

    :param entries: oldest first, up to the log's end
    :param total: how many entries the whole log has
    :param started_at: when the run was created
    """

    entries: Sequence[LogEntry]
    total: int
    started_at: datetime | None = None


def condensed(trace: Trace, *, last: int, result: str | None = None) -> str:
    """The trace as harmless Markdown; empty if there is nothing in it.

    :param last: how many of the last entries to show, folded
    :param result: the run's own, shown if the log contains no answer
    """
    answer = final_answer(trace.entries) or (result or "").strip()
    return paragraphs(
        _answer(answer),
        _errors(trace),
        _tools(trace),
        _thoughts(trace, is_open=not answer),
        _last_entries(trace, last),
    )


# Classifying entries


def is_error(entry: LogEntry) -> bool:
    """Whether it is an error entry, or its tool's result reports a failure."""
    return _kind(entry) in _ERRORS or any(
        isinstance(result, dict) and _reports_failure(result) for result in (entry.observation, entry.tool_output)
    )


_ERRORS = frozenset({"ERROR", "PR_CREATION_FAILED"})


def _kind(entry: LogEntry) -> str:
    return (entry.message_type or "").upper()


def _reports_failure(result: dict[str, Any]) -> bool:
    return (
        str(result.get("status")).lower() in {"error", "failed", "failure", "timeout"}
        or result.get("exit_code") not in {None, 0, "0"}
        or bool(result.get("error"))
    )


def final_answer(entries: Sequence[LogEntry]) -> str:
    """The last final answer; empty if the run was given a follow-up since. Its entry's thought is the agent's own
    reasoning, and no part of it.
    """
    for entry in reversed(entries):
        if _kind(entry).startswith("USER_"):
            return ""
        if _kind(entry) == "FINAL_ANSWER":
            return as_text(entry.observation).strip()
    return ""


# Rendering


def _answer(text: str) -> str:
    if not text:
        return ""
    shown = inert(text) if len(text) <= ANSWER_LIMIT else ""
    # Escaping may have lengthened it; and losing its beginning would break a long Markdown text.
    if not shown or len(shown) > 2 * ANSWER_LIMIT:
        shown = fenced(tail(text, ANSWER_LIMIT), "text")
    return f"**Final answer**\n\n{shown}" if len(shown) <= UNFOLDED_LIMIT else folded("Final answer", shown)


def _errors(trace: Trace) -> str:
    numbered = [(number, entry) for number, entry in _numbered(trace) if is_error(entry)]
    if not numbered:
        return ""
    texts = [entry_text(number, entry, trace.started_at) for number, entry in numbered[-MOST_ERRORS:]]
    shown = fenced("\n\n".join(texts), "text")
    head = "The error" if len(numbered) == 1 else f"{len(numbered)} errors"
    if len(numbered) > MOST_ERRORS:
        head += f", the last {MOST_ERRORS} of them"
    return f"**{head}**\n\n{shown}" if len(shown) <= UNFOLDED_LIMIT else folded(head, shown)


def _tools(trace: Trace) -> str:
    counts = Counter(entry.tool_name for entry in trace.entries if entry.tool_name)
    if not counts:
        return ""
    shown = [f"{inline_code(_name(tool))} ({count})" for tool, count in counts.most_common(MOST_TOOLS)]
    more = f", and {len(counts) - MOST_TOOLS} other tools" if len(counts) > MOST_TOOLS else ""
    return f"**Tools used:** {', '.join(shown)}{more}."


def _thoughts(trace: Trace, *, is_open: bool) -> str:
    """The last thoughts, without those of answers and errors, which are shown elsewhere."""
    thoughts = [
        entry.thought.strip()
        for entry in trace.entries
        if entry.thought and entry.thought.strip() and _kind(entry) not in _ERRORS | {"FINAL_ANSWER"}
    ]
    if not thoughts:
        return ""
    quotes = [quotation(inert(tail(thought, THOUGHT_LIMIT))) for thought in thoughts[-MOST_THOUGHTS:]]
    shown = "\n\n".join(quotes)
    return f"**Last thoughts**\n\n{shown}" if is_open else folded("Last thoughts", shown)


def _last_entries(trace: Trace, last: int) -> str:
    """As many of the last entries as fit, oldest first."""
    if not trace.entries:
        return ""
    wanted = _numbered(trace)[-last:]
    texts: list[str] = []
    room = ENTRIES_LIMIT
    for number, entry in reversed(wanted):
        text = entry_text(number, entry, trace.started_at)
        room -= len(text) + 2
        if room < 0 and texts:
            break
        texts.insert(0, text)
    left_out = len(wanted) - len(texts)
    note = f"… {left_out} before these did not fit into a comment.\n\n" if left_out else ""
    head = f"The last {len(texts)} of {trace.total} log entries" if len(texts) < trace.total else "The whole log"
    head = head.replace("The last 1 of", "The last of")
    return folded(head, f"{note}{fenced(chr(10).join(texts), 'text')}")


def _numbered(trace: Trace) -> list[tuple[int, LogEntry]]:
    first = trace.total - len(trace.entries) + 1
    return list(enumerate(trace.entries, first))


def entry_text(number: int, entry: LogEntry, started_at: datetime | None) -> str:
    """A heading line and below it the entry's parts; without secrets and hidden characters.

    :param number: from 1
    :param started_at: when the run was created
    """
    words = (f"#{number}", _since(started_at, entry.created_at), _name(entry.message_type), _name(entry.tool_name))
    parts = [
        _part(name.replace("_", " "), tail(text, kept))
        for name, kept in FIELD_LIMITS.items()
        if (text := as_text(getattr(entry, name)).strip())
    ]
    return "\n".join((" ".join(word for word in words if word), *(textwrap.indent(part, "  ") for part in parts)))


def _since(started_at: datetime | None, moment: datetime | None) -> str:
    """``+1:02:03``: hours, minutes and seconds since the run was created."""
    if started_at is None or moment is None:
        return ""
    seconds = max(0, round((moment - started_at).total_seconds()))
    return f"+{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _name(text: str | None) -> str:
    return tail(" ".join((text or "").split()), 60)


# Converting data to text


def as_text(value: Any, depth: int = 0) -> str:
    """JSON as readable text. Strings are not escaped, so that secrets in them stay recognizable."""
    match value:
        case None:
            return ""
        case str():
            return value
        case dict() | list() if depth >= DEEPEST:
            return "…"
        case dict():
            return "\n".join(_part(str(key), as_text(item, depth + 1)) for key, item in value.items())
        case list():
            items = [as_text(item, depth + 1) for item in value]
            # An option and its value stay on one line: separated, the value would not be recognized as a secret.
            is_call = any(item.startswith("-") for item in items) and not any("\n" in item for item in items)
            return " ".join(items) if is_call else "\n".join(f"- {item}" for item in items)
        case _:
            return json.dumps(value)


def _part(name: str, text: str) -> str:
    return f"{name}:\n{textwrap.indent(text, '  ')}" if "\n" in text else f"{name}: {text}"


def tail(text: str, limit: int) -> str:
    """The end of an untrusted text from a line's start, for a block of code: without secrets and hidden characters."""
    is_window = len(text) > WINDOW
    lines = fenced(text[-WINDOW:]).split("\n")[1:-1]
    shown = "\n".join(lines)[EDGE if is_window else 0 :]
    if len(shown) <= limit and not is_window:
        return shown
    kept = shown[-limit:]
    line_end = kept.find("\n", 0, len(kept) // 4)
    return f"…{kept[line_end:]}" if line_end >= 0 else f"…{kept}"
