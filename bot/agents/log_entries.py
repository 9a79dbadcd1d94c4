"""Turns the updates of an ACP session into entries of Codegen's log.

Updates come in every order: a tool call's result before its start, an update without a call, a permission request
for a call that was never announced. So a call exists from the first message about it, and its entry is added when it
ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.agents.log_limits import TEXT_LIMIT, VALUE_LIMIT, BoundedText, LimitedLog, shorten, shorten_value
from bot.agents.model import MessageType
from bot.agents.preset import Marks

OPEN_CALLS = 200
"""Calls of one turn that may be open at a time; if there are more, the entries of the oldest are added as they are."""

ENDED_CALLS = 5_000
"""Ids of ended calls that are remembered: an update of one of them adds no second entry."""

ID_LIMIT = 500
"""Longer ids of calls are cut to this number of characters."""

CALL_FIELDS = frozenset({"name", "title", "kind", "status", "content", "locations", "rawInput", "rawOutput"})

CALL_META = frozenset({"toolName", "tool_name", "claudeCode", "terminal_exit"})

ENDED = frozenset({"completed", "failed", "cancelled"})

TEXT_KEYS = ("formatted_output", "aggregated_output", "output", "stdout", "text", "content", "result", "error")
"""Keys of the text in a tool's raw output, in order of preference."""

NAME_IN_ID = re.compile(r"([A-Za-z]\w*)__\1_\d{6,}")
"""A call id with the tool's name (gemini: `read_file__read_file_1764412345678_0`)."""


@dataclass(slots=True)
class _Call:
    fields: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    terminal: BoundedText = field(default_factory=lambda: BoundedText(VALUE_LIMIT))


class UpdateLog:
    """Adds the log entries of one prompt's updates, and keeps what determines the outcome.

    :ivar failed: the agent marked the turn as failed
    :ivar error: the text of a message that the preset's marks identify as an error
    :ivar call_usage: sums of the usage that single model calls reported in `_meta.usage`
    :ivar cost: of the session so far, in US dollars
    """

    def __init__(self, marks: Marks, log: LimitedLog) -> None:
        self._marks = marks
        self._log = log
        self._error_text = re.compile(marks.error_text) if marks.error_text else None
        self._notice_text = re.compile(marks.notice_text) if marks.notice_text else None
        self._kind = ""
        self._text = BoundedText()
        self._answer = BoundedText()
        self._message_id: str | None = None
        self._answer_is_over = False
        self._calls: dict[str, _Call] = {}
        self._ended_calls: dict[str, None] = {}
        self._plan = ""
        self.failed = False
        self.error = ""
        self.call_usage: dict[str, int] = {}
        self.cost: float | None = None

    @property
    def answer(self) -> str:
        """The text of the last message."""
        return str(self._answer).strip()

    @property
    def has_open_calls(self) -> bool:
        return bool(self._calls)

    def add(self, update: Mapping[str, Any]) -> bool:
        """Adds one `update` of a `session/update` notification. Returns whether it has output of the model: a notice,
        such as one of another retry, has none.
        """
        self._look_for_marks(update)
        match update.get("sessionUpdate"):
            case "agent_message_chunk":
                return self._add_message(update)
            case "agent_thought_chunk":
                self._add_text("thought", _content_text(update.get("content")))
            case "plan":
                self._add_plan(update.get("entries"))
            case "tool_call" | "tool_call_update":
                self.add_tool_call(update)
            case "usage_update":
                self._add_cost(update.get("cost"))
                return False
            case _:
                return False
        return True

    def add_tool_call(self, update: Mapping[str, Any]) -> None:
        """Adds what an update or a permission request contains about a tool call."""
        call_id = str(update.get("toolCallId") or "")[:ID_LIMIT]
        if call_id in self._ended_calls:
            return
        call = self._calls.get(call_id)
        if call is None:
            self._flush()
            self._answer_is_over = True
            call = self._calls[call_id] = _Call()
            if len(self._calls) > OPEN_CALLS:
                self._end_call(next(iter(self._calls)))
        for name, value in update.items():
            if name == "_meta":
                self._add_meta(call, value)
            elif name in CALL_FIELDS and value is not None:
                call.fields[name] = shorten_value(value)
        if call.fields.get("status") in ENDED:
            self._end_call(call_id)

    def end(self, answer: str | None) -> None:
        """Adds what is still open, and the final answer; None after a failure."""
        if answer is not None and self._kind == "message":
            self._text.clear()
        for call_id in [*self._calls]:
            self._end_call(call_id)
        self._flush()
        if answer is not None:
            self._log.add(MessageType.FINAL_ANSWER, observation=answer)

    def _add_message(self, update: Mapping[str, Any]) -> bool:
        self._add_usage(update)
        text = _content_text(update.get("content"))
        if not text:
            return False
        if self._error_text and self._error_text.match(text):
            self.error = shorten(text, 2_000)
            return False
        if self._notice_text and self._notice_text.match(text):
            self._flush()
            self._log.add(MessageType.ACTION, observation=shorten(text.strip(), TEXT_LIMIT))
            return False
        message_id = update.get("messageId")
        is_new = message_id != self._message_id if message_id or self._message_id else self._answer_is_over
        if is_new:
            self._flush()
            self._answer.clear()
        self._message_id = message_id
        self._answer_is_over = False
        self._answer.add(text)
        self._add_text("message", text)
        return True

    def _add_text(self, kind: str, text: str) -> None:
        if not text:
            return
        if kind != self._kind:
            self._flush()
        self._kind = kind
        self._text.add(text)

    def _add_plan(self, entries: Any) -> None:
        marks = {"completed": "[x]", "in_progress": "[>]"}
        lines = [
            f"{marks.get(str(entry.get('status')), '[ ]')} {entry.get('content', '')}"
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict)
        ]
        plan = shorten("\n".join(lines), VALUE_LIMIT)
        if plan and plan != self._plan:
            self._flush()
            self._plan = plan
            self._log.add(MessageType.PLAN_EVALUATION, thought=plan)

    def _flush(self) -> None:
        text = str(self._text).strip()
        if text and self._kind == "thought":
            self._log.add(MessageType.PLAN_EVALUATION, thought=text)
        elif text:
            self._log.add(MessageType.ACTION, observation=text)
        self._kind = ""
        self._text.clear()

    def _end_call(self, call_id: str) -> None:
        call = self._calls.pop(call_id)
        self._ended_calls[call_id] = None
        if len(self._ended_calls) > ENDED_CALLS:
            del self._ended_calls[next(iter(self._ended_calls))]
        self._flush()
        self._log.add(
            MessageType.ACTION,
            observation=_observation(call) or None,
            tool_name=_tool_name(call_id, call),
            tool_input=_tool_input(call),
            tool_output=_tool_output(call),
        )

    def _add_meta(self, call: _Call, meta: Any) -> None:
        for name, value in meta.items() if isinstance(meta, dict) else ():
            if name == "terminal_output_delta":
                call.terminal.add(_terminal_text(value))
            elif name == "terminal_output":
                call.terminal.clear()
                call.terminal.add(_terminal_text(value))
            elif name in CALL_META:
                call.meta[name] = shorten_value(value)

    def _look_for_marks(self, update: Mapping[str, Any]) -> None:
        for path, failed in self._marks.failed_update.items():
            found = lookup(update, path)
            if found is not None:
                self.failed = str(found) == failed

    def _add_usage(self, update: Mapping[str, Any]) -> None:
        usage = lookup(update, "_meta.usage")
        for name, count in usage.items() if isinstance(usage, dict) else ():
            if isinstance(count, int) and not isinstance(count, bool):
                self.call_usage[name] = self.call_usage.get(name, 0) + count

    def _add_cost(self, cost: Any) -> None:
        amount = cost.get("amount") if isinstance(cost, dict) else None
        if isinstance(amount, int | float) and not isinstance(amount, bool) and cost.get("currency", "USD") == "USD":
            self.cost = float(amount)


def lookup(value: Any, path: str) -> Any:
    """The value at a dotted path in JSON; None if there is none."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _content_text(content: Any) -> str:
    match content:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "resource", "resource": {"text": str(text)}}:
            return text
        case {"type": "resource_link", "uri": str(uri)}:
            return uri
        case {"type": str(kind)} if kind not in {"text", "resource"}:
            return f"[{kind}]"
        case _:
            return ""


def _terminal_text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("data") or value.get("output") or value.get("delta") or ""
    return value if isinstance(value, str) else ""


def _tool_name(call_id: str, call: _Call) -> str:
    names = (
        call.fields.get("name"),
        call.meta.get("toolName"),
        call.meta.get("tool_name"),
        lookup(call.meta, "claudeCode.toolName"),
    )
    if name := next((name for name in names if isinstance(name, str) and name), None):
        return shorten(name, 200)
    if match := NAME_IN_ID.match(call_id):
        return match[1]
    return shorten(str(call.fields.get("kind") or "tool"), 200)


def _tool_input(call: _Call) -> dict[str, Any]:
    match call.fields.get("rawInput"):
        case dict() as raw if raw:
            return raw
        case None | {} | [] | "":
            pass
        case raw:
            return {"input": raw}
    found: dict[str, Any] = {}
    if title := call.fields.get("title"):
        found["title"] = title
    paths = [where.get("path") for where in _items(call.fields.get("locations")) if where.get("path")]
    return found | ({"paths": paths} if paths else {})


def _tool_output(call: _Call) -> dict[str, Any]:
    found: dict[str, Any] = {"status": call.fields.get("status") or "unfinished"}
    match call.fields.get("rawOutput"):
        case dict() as raw:
            found |= raw
        case None | "" | []:
            if text := _observation(call):
                found["output"] = text
        case raw:
            found["output"] = raw
    if call.terminal:
        found["output"] = str(call.terminal)
    if exited := call.meta.get("terminal_exit"):
        found |= exited if isinstance(exited, dict) else {"exit_code": exited}
    return found


def _observation(call: _Call) -> str:
    """The text of a call's result that people read."""
    if call.terminal:
        return str(call.terminal).strip()
    texts = [text for item in _items(call.fields.get("content")) if (text := _result_text(item))]
    return "\n".join(texts).strip() or next(_raw_texts(call.fields.get("rawOutput")), "").strip()


def _result_text(item: Mapping[str, Any]) -> str:
    match item:
        case {"type": "content", "content": content}:
            return _content_text(content)
        case {"type": "diff", "path": str(path)}:
            return f"Changed {path}"
        case _:
            return ""


def _raw_texts(raw: Any, depth: int = 3) -> Iterator[str]:
    match raw:
        case str(text) if text.strip():
            yield text
        case {"type": "text", "text": str(text)}:
            yield text
        case dict():
            for key in TEXT_KEYS:
                if text := next(_raw_texts(raw.get(key), depth - 1), "") if depth else "":
                    yield text
        case [*items] if depth:
            texts = [next(_raw_texts(item, depth - 1), "") for item in items]
            yield "\n".join(text for text in texts if text)


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
