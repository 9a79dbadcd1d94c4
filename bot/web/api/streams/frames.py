"""The messages of the streams: redacted JSON, serialized once for all subscribers (`writing` does it off the loop)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.codegen.models import AgentRun, LogEntry
from bot.replies.redaction import redact_all
from bot.web.api.models import MultiRunResponse
from bot.web.api.streams.close_codes import CloseCode


@dataclass(frozen=True, slots=True)
class Frame:
    """One message.

    :param resumes: the `from` parameter for resuming after it, if it advances the log
    """

    type: str
    json: bytes
    resumes: str | None = None


def status(run: AgentRun, patterns: Sequence[str]) -> Frame:
    """A run's status: sent first, and whenever it changes.

    :param patterns: secret patterns for redacting the run's texts, here and below
    """
    return _frame(
        "status",
        patterns,
        agent_run_id=run.id,
        status=run.status,
        state=str(run.state),
        finished=run.finished,
        summary=run.summary,
        result=run.result,
        pull_request_urls=[link.url for link in run.github_pull_requests if link.url],
    )


def entries_json(place: int, entries: Sequence[LogEntry], patterns: Sequence[str]) -> list[bytes]:
    """Serialized entries. Caching these rather than frames halves the memory of a log.

    :param place: index of the first one
    """
    return [
        _json({"type": "log", "index": index, "log": redact_all(entry.model_dump(mode="json"), patterns)})
        for index, entry in enumerate(entries, place)
    ]


def log(place: int, written: bytes) -> Frame:
    """:param written: by `entries_json`"""
    return Frame("log", written, str(place + 1))


def multi_run_status(state: MultiRunResponse, patterns: Sequence[str]) -> Frame:
    return _frame("multi_run_status", patterns, multi_run_id=state.id, status=state.model_dump(mode="json"))


def error(message: str, code: CloseCode | None = None) -> Frame:
    """:param code: the stream is closed with it afterwards; None: the stream goes on"""
    return _frame("error", (), message=message, code=code)


def end(run: AgentRun, patterns: Sequence[str], *, place: int) -> Frame:
    """The run has ended and its whole log has been read.

    :param place: number of entries in the log
    """
    document = {"status": run.status, "state": str(run.state), "result": run.result, "summary": run.summary}
    return Frame("end", _frame("end", patterns, **document).json, f"{place}{AFTER_END}")


def multi_run_end(state: MultiRunResponse, patterns: Sequence[str]) -> Frame:
    return Frame("end", _frame("end", patterns, status=state.status, result=state.final).json, f"0{AFTER_END}")


def close(code: CloseCode) -> Frame:
    """The last event on a transport without close codes."""
    return _frame("close", (), code=code, reason=code.sentence)


AFTER_END = ".end"
"""Suffix of `Last-Event-ID` after the end: a browser that reconnects by itself is then told to stop."""


def _frame(kind: str, patterns: Sequence[str], **document: Any) -> Frame:
    return Frame(kind, _json({"type": kind, **redact_all(document, patterns)}))


def _json(document: Any) -> bytes:
    """On one line; NaN and infinities become null, lone surrogates become question marks."""
    try:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        document = json.loads(json.dumps(document), parse_constant=lambda _: None)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")
